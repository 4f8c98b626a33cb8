# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""examples/linear as a user runs it."""

import pathlib
import subprocess
import sys

PROGRAM = pathlib.Path(__file__).parents[2] / "examples" / "linear" / "variants.py"


def test_every_variant():
    result = subprocess.run([sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == "ok: 13 of 13 variants equal their recurrence"
