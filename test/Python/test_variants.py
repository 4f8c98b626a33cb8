# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""benchmarks/variants.py: every variant equals its formula."""

import pathlib
import subprocess
import sys

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "benchmarks" / "variants.py"


def test_every_variant(tmp_path):
    result = subprocess.run([sys.executable, str(PROGRAM), "--tokens", "64", "--rounds", "1", "--json", str(tmp_path / "out.json")], capture_output=True,
                            text=True, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ok: " in result.stderr and (tmp_path / "out.json").exists()


def test_only_some():
    result = subprocess.run([sys.executable, str(PROGRAM), "--rounds", "0", "--only", "YaRN|GFSA"], capture_output=True, text=True, timeout=600)
    assert "ok: 2 of 2 variants" in result.stderr, result.stderr
    assert result.stdout.count("\n") == 4
