#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Linear attention on this machine: every kernel of benchmarks/linear on one thread, 8 heads of 64 Ki tokens, fp32.

GFLOP/s count products with the state alone: 4 Dk Dv for each token, 6 by the delta rule.
"""
import argparse
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from runner import Runner, save

HERE = Path(__file__).resolve().parent
HEADS, SIZE, BASE = 8, 64, "elu1-d64"
DECAYS = {"retnet-d64": (HEADS,), "mamba2-d64": (1, HEADS, 0), "gated-delta-d64": (1, HEADS, 0), "gla-d64": (1, HEADS, 0, SIZE),
          "kda-d64": (1, HEADS, 0, SIZE)}
DELTA = ("delta-d64", "gated-delta-d64", "kda-d64")
ORDER = (BASE, "plain-d64", *DECAYS, "delta-d64")


def made_inputs(kernel, tokens):
    """Gates as models have them: about 0.95 is kept of a token; keys of length 1."""
    rng, inputs = np.random.default_rng(0), {}
    if kernel in DECAYS:
        shape = [tokens if size == 0 else size for size in DECAYS[kernel]]
        inputs["decay"] = -0.05 * np.abs(rng.standard_normal(shape, np.float32))
    if kernel in DELTA:
        key = rng.standard_normal((1, HEADS, tokens, SIZE), np.float32)
        inputs["key"] = key / np.linalg.norm(key, axis=-1, keepdims=True)
        inputs["beta"] = rng.random((1, HEADS, tokens), np.float32)
    return inputs


def measure(runner, kernel, tokens, rounds):
    """Its runs, each between two of the base kernel; `ratio` is of times."""
    path, base = HERE / "linear" / f"{kernel}.mlir", HERE / "linear" / f"{BASE}.mlir"
    dims = {"B": 1, "N": tokens}
    inputs, reports, ratios = made_inputs(kernel, tokens), [], []
    for _ in range(rounds):
        before = runner(base, dims, {}, "--bench")["median_ms"]
        reports.append(runner(path, dims, inputs, "--bench"))
        ratios.append(reports[-1]["median_ms"] * 2 / (before + runner(base, dims, {}, "--bench")["median_ms"]))
    middle = sorted(reports, key=lambda report: report["median_ms"])[len(reports) // 2]
    return {**{key: middle[key] for key in ("median_ms", "minimum_ms", "gflops", "share_of_peak", "workspace_bytes")}, "ratio": statistics.median(ratios),
            "tokens_per_second": HEADS * tokens / middle["median_ms"] * 1e3, "cpu": middle["cpu"]}


def measure_decode(runner, sequences=256):
    """One token of many sequences: their states, 32 KiB each read and written, are more than the caches hold."""
    rng, shape = np.random.default_rng(0), (sequences, HEADS, 1)
    inputs = {"decay": -0.05 * np.abs(rng.standard_normal(shape, np.float32)), "beta": rng.random(shape, np.float32),
              "key": np.full((*shape, SIZE), SIZE ** -0.5, np.float32)}
    report = runner(HERE / "linear" / "decode-d64.mlir", {"B": sequences}, inputs, "--bench")
    states = sequences * HEADS * SIZE * SIZE * 4
    return {"sequences": sequences, "median_ms": report["median_ms"], "state_gigabytes_per_second": 2 * states / report["median_ms"] * 1e-6}


def measure_all(runner, tokens, rounds, say):
    results = {}
    for kernel in ORDER:
        say(kernel)
        results[kernel] = measure(runner, kernel, tokens, rounds)
    return results


def print_decode(r):
    print(f"\nDecoding, Gated DeltaNet, one token of {r['sequences']} sequences, {HEADS} heads, D {SIZE}: {r['median_ms']:.1f} ms, "
          f"{r['state_gigabytes_per_second']:.1f} GB/s of states read and written")


def print_results(results, tokens):
    print(f"\nLinear attention, {HEADS} heads of {tokens} tokens, D {SIZE}: Mtokens/s of one head; ratio: time against {BASE}\n")
    print(f"{'kernel':18} {'ms':>8} {'best':>8} {'Mtokens/s':>10} {'GFLOP/s':>9} {'of peak':>8} {'ratio':>6}")
    for name, r in results.items():
        share = "-" if r["share_of_peak"] is None else f"{100 * r['share_of_peak']:.1f} %"
        print(f"{name:18} {r['median_ms']:8.1f} {r['minimum_ms']:8.1f} {r['tokens_per_second'] / 1e6:10.2f} {r['gflops']:9.1f} {share:>8} {r['ratio']:6.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="the build directory (default: build)")
    parser.add_argument("--tokens", type=int, default=65536, help="tokens of a head (default: 65536)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each kernel takes its turn (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner(options.build, directory)
        results = measure_all(runner, options.tokens, options.rounds, lambda text: print(f"{text} ...", file=sys.stderr, flush=True))
        decode = measure_decode(runner)
    print_results(results, options.tokens)
    print_decode(decode)
    results["decode-d64"] = decode
    save(results, options.json)


if __name__ == "__main__":
    main()
