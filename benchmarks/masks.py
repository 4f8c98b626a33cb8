#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How much of the full kernel's speed masks keep: GFLOP/s on visible pairs against the kernel without a mask, in turns.

One thread, D 64, fp32. Each case takes its turn between two runs of the full (or, for scores, causal) kernel; the ratio is of shares of
the peak, which is measured around every run. With --peers also FlexAttention, SDPA with a dense mask and onnxruntime's window, where they are installed.
"""
import argparse
import importlib.util
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

from runner import Runner, measure_peer, save

HERE = Path(__file__).resolve().parent

# name: kernel, heads, positions, inputs, what it is compared with, the share it should keep
CASES = {
    "causal": ("causal", 8, 4096, {}, "full", None),
    "window 512": ("window", 8, 4096, {"window": 512}, "full", 0.75),
    "window 512, 16 Ki": ("window", 2, 16384, {"window": 512}, "full", 0.75),
    "window 512, 64 Ki": ("window", 1, 65536, {"window": 512}, "full", 0.75),
    "16 documents, 8 Ki": ("documents", 4, 8192, {"document": None}, "full", 0.75),
    "prefix 1024": ("prefix", 8, 4096, {"prefix": 1024}, "full", 0.80),
    "Longformer 256 + 64": ("longformer", 8, 4096, {"window": 256, "global": 64}, "full", 0.80),
    "chunks of 1024": ("chunked", 8, 4096, {"chunk": 1024}, "full", 0.80),
    "ALiBi, causal": ("alibi", 8, 4096, {"slopes": None}, "causal", 0.95),
    "softcap, causal": ("softcap", 8, 4096, {}, "causal", 0.85),
}


def document_ids(positions, count=16):
    """Sorted ids of `count` documents of random lengths."""
    cuts = np.sort(np.random.default_rng(0).choice(np.arange(1, positions), count - 1, replace=False))
    return np.searchsorted(cuts, np.arange(positions), side="right").astype(np.int32)


def made_input(name, heads, positions):
    return document_ids(positions) if name == "document" else (2.0 ** -np.arange(1, heads + 1)).astype(np.float32)


def run(runner, kernel, heads, positions, inputs):
    made = {name: made_input(name, heads, positions) if value is None else value for name, value in inputs.items()}
    return runner(HERE / "masks" / f"{kernel}.mlir", {"B": 1, "H": heads, "N": positions}, made, "--bench")


def measure(runner, case, rounds):
    kernel, heads, positions, inputs, base, wanted = CASES[case]
    shares, bases, reports = [], [], []
    for _ in range(rounds):
        before = run(runner, base, 8, 4096, {})
        reports.append(run(runner, kernel, heads, positions, inputs))
        after = run(runner, base, 8, 4096, {})
        bases.append((before["share_of_peak"] + after["share_of_peak"]) / 2)
        shares.append(reports[-1]["share_of_peak"])
    middle = sorted(reports, key=lambda report: report["median_ms"])[len(reports) // 2]
    keep = statistics.median(share / of for share, of in zip(shares, bases))
    return {"kernel": kernel, "heads": heads, "positions": positions, "inputs": {k: v for k, v in inputs.items() if v is not None},
            "against": base, "kept": keep, "wanted": wanted, "share_of_peak": statistics.median(shares),
            "base_share_of_peak": statistics.median(bases), "median_ms": middle["median_ms"], "gflops": middle["gflops"],
            "flops": middle["flops"], "skipped": 1 - middle["tiles_visited"] / middle["tiles_total"], "peers": {}}


def peer_request(result):
    request = {key: result[key] for key in ("kernel", "heads", "positions", "inputs")}
    if result["kernel"] == "documents":
        request["document"] = document_ids(result["positions"]).tolist()
    return request


def installed_peers():
    """Each with the module it needs."""
    for peer, module in (("flex_attention", "torch"), ("sdpa_dense", "torch"), ("ort_window", "onnxruntime")):
        if importlib.util.find_spec(module):
            yield peer
        else:
            print(f"{module} is not installed: {peer} is left out", file=sys.stderr)


def print_results(results):
    print(f"\n{results['cpu']}, one thread, D 64, fp32; kept: GFLOP/s on visible pairs against the kernel without the mask or score\n")
    print(f"{'case':22} {'kept':>7} {'wanted':>7} {'of peak':>8} {'ms':>9} {'skipped':>8}   peers, ms")
    for name, r in results["cases"].items():
        wanted = f"{100 * r['wanted']:.0f} %" if r["wanted"] else "-"
        peers = ", ".join(f"{peer} {ms:.0f}" for peer, ms in r["peers"].items())
        print(f"{name:22} {100 * r['kept']:5.1f} % {wanted:>7} {100 * r['share_of_peak']:6.1f} % {r['median_ms']:9.1f} {100 * r['skipped']:6.0f} %   {peers}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="the build directory (default: build)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case takes its turn (default: 3)")
    parser.add_argument("--peers", action="store_true", help="FlexAttention, SDPA with a dense mask and onnxruntime's window, where installed")
    parser.add_argument("--case", action="append", choices=CASES, help="only this one (repeatable)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    options = parser.parse_args()
    peers = list(installed_peers()) if options.peers else []
    results = {"cases": {}}
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner(options.build, directory)
        results["cpu"] = run(runner, "full", 1, 64, {})["cpu"]
        for case in options.case or CASES:
            print(f"{case} ...", file=sys.stderr, flush=True)
            results["cases"][case] = result = measure(runner, case, options.rounds)
            for peer in peers:
                milliseconds = measure_peer(peer, peer_request(result))
                if milliseconds:
                    result["peers"][peer] = milliseconds
    print_results(results)
    save(results, options.json)


if __name__ == "__main__":
    main()
