#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Additive attention (Bahdanau) on this machine, one thread, fp32, against numpy, a column of D at a time.

GFLOP/s count four multiply-adds for each pair of query and key and column (1 + e^2q e^2k, two that refine its reciprocal, the weight's), and
one for each column of the value. So the share of the fp32 FMA peak, measured around each run, is the share of that bound. numpy's time is one
head's, times the heads.
"""
import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from runner import Runner, save

HERE = Path(__file__).resolve().parent
COLUMNS = 64


def numpy_ms(heads, queries, keys):
    rng = np.random.default_rng(0)
    q, k, v, w = (rng.standard_normal(shape, np.float32) for shape in ((queries, COLUMNS), (keys, COLUMNS), (keys, COLUMNS), (COLUMNS,)))
    start = time.perf_counter()
    s = np.zeros((queries, keys), np.float32)
    for d in range(COLUMNS):
        s += w[d] * np.tanh(q[:, d, None] + k[:, d])
    p = np.exp(s - s.max(-1, keepdims=True))
    p @ v / p.sum(-1, keepdims=True)
    return heads * 1e3 * (time.perf_counter() - start)


def measure(runner, heads, queries, keys, rounds):
    reports = [runner(HERE / "additive" / "additive.mlir", {"B": 1, "H": heads, "Nq": queries, "Nk": keys}, {}, "--bench") for _ in range(rounds)]
    middle = sorted(reports, key=lambda report: report["median_ms"])[len(reports) // 2]
    gflop = 2e-6 * heads * queries * keys * (4 * COLUMNS + COLUMNS)
    return {"heads": heads, "queries": queries, "keys": keys, "median_ms": middle["median_ms"], "gflops": gflop / middle["median_ms"],
            "share_of_bound": gflop / middle["median_ms"] / middle["peak_gflops"],
            "best_share_of_bound": max(gflop / report["minimum_ms"] / report["peak_gflops"] for report in reports),
            "numpy_ms": min(numpy_ms(heads, queries, keys) for _ in range(5 if queries == 1 else 1)), "workspace_bytes": middle["workspace_bytes"], "cpu": middle["cpu"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="the build directory (default: build)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is run (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner(options.build, directory)
        for name, heads, queries, keys in (("8 heads, 1024 x 1024", 8, 1024, 1024), ("8 heads, 4096 x 4096", 8, 4096, 4096),
                                           ("a decoder's step, 8 heads, 1 x 1024", 8, 1, 1024)):
            print(f"{name} ...", file=sys.stderr, flush=True)
            results[name] = measure(runner, heads, queries, keys, options.rounds)
    print(f"\n{'case':38} {'ms':>9} {'GFLOP/s':>9} {'of bound':>9} {'best':>8} {'numpy ms':>10} {'faster':>8} {'workspace':>11}")
    for name, r in results.items():
        print(f"{name:38} {r['median_ms']:9.2f} {r['gflops']:9.1f} {100 * r['share_of_bound']:7.1f} % {100 * r['best_share_of_bound']:6.1f} % "
              f"{r['numpy_ms']:10.1f} {r['numpy_ms'] / r['median_ms']:6.1f} x {r['workspace_bytes'] / 1024:7.0f} KiB")
    save(results, options.json)


if __name__ == "__main__":
    main()
