# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""examples/masks as a user runs it, and that it leaves no named mask out."""

import importlib
import pathlib
import re
import subprocess
import sys

import pytest

from fovea import masks, scores

FOLDER = pathlib.Path(__file__).parents[2] / "examples" / "masks"


@pytest.fixture(scope="module")
def gallery():
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module("gallery")
    sys.path.remove(str(FOLDER))


def test_the_program():
    result = subprocess.run([sys.executable, str(FOLDER / "gallery.py"), "--name", "strided"], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.splitlines()[-1] == "ok: 1 of 1 masks equal numpy"
    assert "    dilated(32) | sliding_window(32)\n    7.5 % visible" in result.stdout


def test_every_example(gallery):
    names = [example.name for example in gallery.EXAMPLES]
    assert len(names) == len(set(names)) > 30
    text = " ".join(repr(example.mask) for example in gallery.EXAMPLES)
    combine = {"Mask", "all_of", "any_of", "negate", "per_head", "per_sequence", "tree_ancestors", "tree_words"}
    for name in set(masks.__all__) - combine:
        assert f"{name}(" in text, f"the gallery has no example of masks.{name}"
    runs = {example.name: gallery.run(example) for example in gallery.EXAMPLES}
    by_name = {name: (difference, density, plan.stats) for name, (difference, density, plan) in runs.items()}
    for name, (difference, density, stats) in by_name.items():
        assert difference <= gallery.TOLERANCE, name
        assert 0 <= stats.visited <= stats.blocks and (stats.visited > 0) == (density > 0), name
    # Skipped because the compiler says so, not by chance.
    for name in ("causal", "sliding_window", "window_and_sinks", "chunked", "block_diagonal", "padding", "none"):
        _, density, stats = by_name[name]
        assert stats.visited < stats.blocks, name


def test_the_page_has_every_name():
    page = (FOLDER.parents[1] / "docs" / "masks.md").read_text()
    for library in (masks, scores):
        for name in set(library.__all__) - {"per_head", "per_sequence", "Score"}:
            assert f"`{name}" in page, f"docs/masks.md does not have {library.__name__}.{name}"
    for header in ("Masks.h", "Scores.h"):
        text = (FOLDER.parents[1] / "include" / "fovea" / "Dialect" / "Attn" / "Library" / header).read_text()
        names = set(re.findall(r"^Value (\w+)\(", text, re.M))
        assert len(names) > 10
        for name in names:
            assert f"`{name}`" in page, f"docs/masks.md does not have {name} of {header}"


def test_one_and_a_wrong_name(gallery, capsys):
    assert gallery.main(["--name", "chunked"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ok: 1 of 1 masks equal numpy"
    assert gallery.main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(gallery.EXAMPLES)
    with pytest.raises(SystemExit):
        gallery.main(["--name", "nothing"])
    assert "invalid choice: 'nothing'" in capsys.readouterr().err


def test_a_wrong_result_fails(gallery, capsys, monkeypatch):
    monkeypatch.setattr(gallery, "numpy_attention", lambda q, k, v, dense: v * 0 + 5.0)
    assert gallery.main(["--name", "causal"]) == 1
    assert "WRONG" in capsys.readouterr().out


def test_every_example_has_a_picture(gallery):
    pictures = pathlib.Path(__file__).parents[2] / "docs" / "masks"
    page = (pictures.parent / "masks.md").read_text()
    for example in gallery.EXAMPLES:
        assert (pictures / f"{example.name}.svg").exists(), "run gallery.py --pictures docs/masks"
        assert f"(masks/{example.name}.svg)" in page
