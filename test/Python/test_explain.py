# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
import numpy as np
import pytest

import fovea
from fovea import masks, tiles

SHAPE = (2, 2, 96, 8)


def window_kernel():
    return fovea.compile(like=(SHAPE, SHAPE, SHAPE), mask_mod=masks.causal() & masks.sliding_window(20))


def test_explain_says_what_rows_see():
    text = window_kernel().explain()
    assert "decided   Schedule: " in text
    assert "found     VisibleKeys: rows [i0, i1) see keys [i0 - 19, i1)" in text


def test_explain_says_what_hides():
    kernel = fovea.compile(like=(SHAPE, SHAPE, SHAPE), mask_mod=lambda b, h, i, j: i % 3 == j % 3)
    assert "not       NotSolvedForKeys: " in kernel.explain()


@pytest.mark.parametrize("offset", [0, 7])
def test_tile_map_agrees_with_the_mask(offset):
    mask = masks.causal() & masks.sliding_window(20)
    kernel = fovea.compile(like=(SHAPE, SHAPE, SHAPE), mask_mod=mask, q_offset=offset or None)
    tile_map = kernel.tile_map(SHAPE, SHAPE, SHAPE, b=1, h=1, tile=(5, 7))
    dense = mask.dense(1, 1, 96, 96, q_offset=offset)[0, 0]
    assert tile_map.kinds.shape == (20, 14)
    for line, kinds in enumerate(tile_map.kinds):
        for column, kind in enumerate(kinds):
            tile = dense[line * 5:line * 5 + 5, column * 7:column * 7 + 7]
            assert kind == (tiles.FULL if tile.all() else tiles.PARTIAL if tile.any() else tiles.EMPTY)


def test_tile_map_prints():
    text = str(window_kernel().tile_map(SHAPE, SHAPE, SHAPE))
    assert "      92 ··················▒████▒" in text
    assert "4 rows x 4 keys a sign" in text


def test_tile_map_has_tasks():
    tile_map = window_kernel().tile_map(SHAPE, SHAPE, SHAPE)
    assert tile_map.tasks[0].row == 0 and tile_map.tasks[-1].row_end == 96
    assert sum(tile_map.count(kind) for kind in range(3)) == tile_map.kinds.size
    assert "PARTIAL" in repr(tile_map)


def test_no_such_head():
    with pytest.raises(IndexError, match="h = 2: the plan has no such"):
        window_kernel().tile_map(SHAPE, SHAPE, SHAPE, h=2)
    with pytest.raises(ValueError, match="tile: sizes must be at least 1"):
        window_kernel().tile_map(SHAPE, SHAPE, SHAPE, tile=(0, 4))


def test_plot_draws_tiles_and_tasks():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    ax = fovea.plot(window_kernel().tile_map(SHAPE, SHAPE, SHAPE), title="window")
    assert ax.get_title() == "window" and len(ax.patches) >= 1
    assert [text.get_text().split()[0] for text in ax.get_legend().get_texts()] == list(tiles.NAMES)
    ax.figure.canvas.draw()
