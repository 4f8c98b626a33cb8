#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Latent attention (MLA) with DeepSeek-V3's widths on this machine, one thread, fp32.

Decoding: one query per head against a cache, absorbed. Prompts: as many queries as positions, causal, expanded, between two runs of plain
attention with the same widths (192 and 128). GFLOP/s count every product that is made, those of the projections too; of visible pairs only.
The share is of the fp32 FMA peak, measured around each run. For decoding also the share of a bound: the projections, which every token reads
whole, at the bandwidth of memory measured before, then the products with the cache at the peak.
"""
import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from runner import Runner, save

HERE = Path(__file__).resolve().parent
LATENTS, SHARED, OWN, VALUE = 512, 64, 128, 128
PROJECTION = LATENTS * (OWN + VALUE)


def decode_flops(heads, positions):
    return 2 * heads * (positions * (2 * LATENTS + SHARED) + PROJECTION)


def prompt_flops(heads, tokens):
    """Keys and values of each head are made once for a tile of queries: of up to 2,048 rows, one tile."""
    pairs = tokens * (tokens + 1) // 2
    return 2 * heads * (pairs * (OWN + SHARED + VALUE) + tokens * PROJECTION)


def bandwidth():
    """GB/s at which one thread reads memory."""
    array = np.ones(1 << 27, np.float32)
    times = []
    for _ in range(4):
        start = time.perf_counter()
        array.max()
        times.append(time.perf_counter() - start)
    return array.nbytes / min(times) * 1e-9


def decode_bound(heads, positions, peak_gflops):
    """Milliseconds: each part by what binds it."""
    gigabytes = bandwidth()
    part = lambda flops, numbers: max(flops / peak_gflops, 4 * numbers / gigabytes) * 1e-6
    return part(2 * heads * PROJECTION, heads * PROJECTION) + part(2 * heads * positions * (2 * LATENTS + SHARED), positions * (LATENTS + SHARED))


def measure(runner, kernel, heads, queries, positions, rounds, flops):
    dims = {"B": 1, "H": heads, "Nq": queries, "Nk": positions}
    reports = [runner(HERE / "latent" / f"{kernel}.mlir", dims, {"past": positions - queries}, "--bench") for _ in range(rounds)]
    middle = sorted(reports, key=lambda report: report["median_ms"])[len(reports) // 2]
    rate = lambda milliseconds: flops / milliseconds * 1e-6
    return {"heads": heads, "queries": queries, "positions": positions, "median_ms": middle["median_ms"], "gflops": rate(middle["median_ms"]),
            "share_of_peak": rate(middle["median_ms"]) / middle["peak_gflops"],
            "share_of_bound": decode_bound(heads, positions, middle["peak_gflops"]) / middle["median_ms"] if queries == 1 else None,
            "workspace_bytes": middle["workspace_bytes"],
            "best_share_of_peak": max(rate(report["minimum_ms"]) / report["peak_gflops"] for report in reports), "cpu": middle["cpu"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="the build directory (default: build)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is run (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner(options.build, directory)

        def case(name, kernel, heads, queries, positions, flops):
            print(f"{name} ...", file=sys.stderr, flush=True)
            results[name] = measure(runner, kernel, heads, queries, positions, options.rounds, flops)

        for positions in (1024, 4096, 16384):
            case(f"decode, 128 heads, {positions} positions", "latent-v3", 128, 1, positions, decode_flops(128, positions))
        for tokens in (1024, 2048):
            pairs = tokens * (tokens + 1) // 2
            case(f"plain attention, 8 heads, {tokens} tokens", "causal-192-128", 8, tokens, tokens, 2 * 8 * pairs * (OWN + SHARED + VALUE))
            case(f"prompt, 8 heads, {tokens} tokens", "latent-v3", 8, tokens, tokens, prompt_flops(8, tokens))
    print(f"\n{'case':42} {'ms':>9} {'GFLOP/s':>9} {'of peak':>8} {'best':>8} {'of bound':>9} {'workspace':>11}")
    for name, r in results.items():
        print(f"{name:42} {r['median_ms']:9.1f} {r['gflops']:9.1f} {100 * r['share_of_peak']:6.1f} % {100 * r['best_share_of_peak']:6.1f} % "
              f"{'-' if r['share_of_bound'] is None else format(100 * r['share_of_bound'], '.1f') + ' %':>9} "
              f"{r['workspace_bytes'] / 1024:7.0f} KiB")
    save(results, options.json)


if __name__ == "__main__":
    main()
