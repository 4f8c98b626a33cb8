# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pictures of masks as the compiler sees them: which tiles it skips, masks, or computes as they are."""

from typing import NamedTuple

import numpy as np

EMPTY, PARTIAL, FULL = 0, 1, 2
NAMES = ("EMPTY", "PARTIAL", "FULL")
COLOURS = ("#eceff1", "#ffb74d", "#1565c0")
_SIGNS = "·▒█"


class Task(NamedTuple):
    """The query rows [row, row_end) of one task, from 0, and the keys [begin, end) that it walks."""

    row: int
    row_end: int
    begin: int
    end: int


class TileMap:
    """The mask of one head in tiles; made by `Plan.tile_map` and `Kernel.tile_map`.

    kinds      uint8 [lines, columns]: fovea.tiles.EMPTY, PARTIAL or FULL. Sound: EMPTY and FULL are proven.
    rows, keys, row_step, key_step    the problem, and the size of a tile
    tasks      what is scheduled together
    Prints as text; `fovea.plot` draws it.
    """

    def __init__(self, kinds, rows, keys, row_step, key_step, tasks):
        self.kinds, self.rows, self.keys = kinds, rows, keys
        self.row_step, self.key_step, self.tasks = row_step, key_step, tasks

    def count(self, kind):
        return int((self.kinds == kind).sum())

    def __str__(self):
        lines = [f"{line * self.row_step:8d} " + "".join(_SIGNS[kind] for kind in kinds) for line, kinds in enumerate(self.kinds)]
        return "\n".join([*lines, f"{self.row_step} rows x {self.key_step} keys a sign: · EMPTY, ▒ PARTIAL, █ FULL"])

    def __repr__(self):
        counts = ", ".join(f"{self.count(kind)} {NAMES[kind]}" for kind in (EMPTY, PARTIAL, FULL))
        return f"<fovea.TileMap {self.rows} x {self.keys} in {self.row_step} x {self.key_step}: {counts}>"


def make(native, b, h, tile):
    """The map from a native plan. tile: (rows, keys) of a tile, None for about 32 x 64 tiles."""
    tasks = [task for task in native.tasks if task[0] == b and task[1] == h]
    if not tasks:
        raise IndexError(f"b = {b}, h = {h}: the plan has no such sequence or head")
    first, end, keys = min(t[5] for t in tasks), max(t[6] for t in tasks), tasks[0][7]
    rows = end - first
    row_step, key_step = tile or (_step(rows, 32), _step(keys, 64))
    if row_step < 1 or key_step < 1:
        raise ValueError(f"tile: sizes must be at least 1, got {tile}")
    kinds = [[native.classify(b, h, first + r, first + min(r + row_step, rows), k, min(k + key_step, keys))
              for k in range(0, keys, key_step)] for r in range(0, rows, row_step)]
    shape = (-(-rows // row_step), -(-keys // key_step))
    return TileMap(np.array(kinds, np.uint8).reshape(shape), rows, keys, row_step, key_step,
                   sorted(Task(t[5] - first, t[6] - first, t[3], t[4]) for t in tasks))


def _step(size, count):
    """At most `count` steps, in multiples of 4 where there are more positions than steps."""
    step = max(-(-size // count), 1)
    return step if step == 1 else -(-step // 4) * 4


def plot(tile_map, ax=None, *, tasks=True, title=None):
    """Draws a TileMap with matplotlib: three colours, and the key range of each task as an outline. Returns the axes."""
    import matplotlib.pyplot as plt
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch, Rectangle
    ax = ax or plt.subplots(figsize=(5, 5))[1]
    edges = [np.minimum(np.arange(n + 1) * step, size) for n, step, size in
             zip(tile_map.kinds.shape, (tile_map.row_step, tile_map.key_step), (tile_map.rows, tile_map.keys))]
    ax.pcolormesh(edges[1], edges[0], tile_map.kinds, cmap=ListedColormap(COLOURS), vmin=EMPTY, vmax=FULL, rasterized=True)
    for task in tile_map.tasks if tasks else ():
        if task.begin < task.end:
            ax.add_patch(Rectangle((task.begin, task.row), task.end - task.begin, task.row_end - task.row, fill=False,
                                   edgecolor="#37474f", linewidth=0.5))
    ax.set(xlim=(0, tile_map.keys), ylim=(tile_map.rows, 0), xlabel="key", ylabel="query row", title=title, aspect="equal")
    ax.legend(handles=[Patch(facecolor=colour, edgecolor="#90a4ae", label=f"{name} ({tile_map.count(kind)})")
                       for kind, (name, colour) in enumerate(zip(NAMES, COLOURS))], loc="upper right", fontsize="small")
    return ax
