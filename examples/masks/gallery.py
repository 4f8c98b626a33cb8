#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Run attention with every named mask, and compare it with plain numpy on the dense mask.

For each: its expression, the share of (query, key) pairs that are visible, and the key blocks that the compiler found it has to
compute. Exit status 1 when a result differs from numpy's by more than 1e-5.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from registry import EXAMPLES

HEAD_SIZE = 32
TOLERANCE = 1e-5
TILE = (8, 8)  # of the pictures


def numpy_attention(q, k, v, dense):
    """The whole score matrix, hidden pairs at -inf; rows that see nothing give 0."""
    s = np.where(dense, np.einsum("bhid,bhjd->bhij", q, k) / np.sqrt(q.shape[-1]), -np.inf)
    largest = s.max(axis=-1, keepdims=True)
    p = np.exp(s - np.where(np.isfinite(largest), largest, 0))
    total = p.sum(axis=-1, keepdims=True)
    return np.divide(p, total, out=np.zeros_like(p), where=total > 0) @ v


def run(example):
    """The largest difference from numpy, the density of the mask, and the plan."""
    import fovea  # here: not needed for --help
    sizes = example.sizes
    random = np.random.default_rng(0)
    q, k, v = (random.standard_normal((sizes.B, sizes.H, n, HEAD_SIZE)).astype(np.float32) for n in (sizes.Nq, sizes.Nk, sizes.Nk))
    kernel = fovea.compile(like=(q, k, v), mask_mod=example.mask, q_offset=sizes.q_offset or None)
    plan = kernel.plan(q, k, v)
    dense = example.mask.dense(sizes.B, sizes.H, sizes.Nq, sizes.Nk, q_offset=sizes.q_offset)
    expected = numpy_attention(*(x.astype(np.float64) for x in (q, k, v)), dense)
    return np.abs(plan.run(q, k, v) - expected).max(), dense.mean(), plan


def draw(example, plan, directory):
    """DIRECTORY/NAME.svg: the tile map of head 0, the same bytes for the same map."""
    import fovea
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    matplotlib.rcParams.update({"svg.hashsalt": "fovea", "svg.fonttype": "none", "font.size": 8})
    axes = fovea.plot(plan.tile_map(tile=TILE), title=example.name)
    axes.figure.set_size_inches(3.4, 3.4)
    axes.figure.savefig(directory / f"{example.name}.svg", metadata={"Date": None}, bbox_inches="tight", dpi=150)
    plt.close(axes.figure)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", choices=[e.name for e in EXAMPLES], metavar="NAME", help="only this one; see --list")
    parser.add_argument("--list", action="store_true", help="what there is, without running anything")
    parser.add_argument("--pictures", type=Path, metavar="DIRECTORY", help="draw each mask's tiles there (needs matplotlib)")
    options = parser.parse_args(arguments)
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    chosen = [e for e in EXAMPLES if options.name in (None, e.name)]
    failed = 0
    for example in chosen:
        print(f"{example.name}: {example.explanation}" + (f" ({example.source})" if example.source else ""))
        if options.list:
            continue
        difference, density, plan = run(example)
        stats = plan.stats
        if options.pictures:
            draw(example, plan, options.pictures)
        is_right = difference <= TOLERANCE
        failed += not is_right
        print(f"    {example.mask!r}")
        print(f"    {100 * density:.1f} % visible, {stats.visited} of {stats.blocks} key blocks computed, "
              f"largest difference {difference:.1e}{'' if is_right else ': WRONG'}")
    if not options.list:
        print(f"{'FAILED' if failed else 'ok'}: {len(chosen) - failed} of {len(chosen)} masks equal numpy")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
