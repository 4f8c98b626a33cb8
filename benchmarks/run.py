#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The figures of the README, measured on this machine.

Every kernel of benchmarks/kernels on one thread, 1 sequence of 4096 positions; the peak is measured around each run, so that the
share of it holds on a machine that is shared. Then compilation in fresh processes, one causal head over 128 Ki positions, and linear
attention (linear.py).
"""
import argparse
import importlib.util
import re
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np

import linear
from runner import Runner, measure_peer, save

HERE = Path(__file__).resolve().parent
PHASES = ("context", "parse", "passes", "translate", "optimize", "codegen", "link")
# What the kernels take besides query, key and value.
INPUTS = {"window-d64": {"window": 512}, "alibi-d64": {"slopes": (2.0 ** -np.arange(1, 9)).astype(np.float32)}}


class Machine:
    def __init__(self, name):
        self.name = name
        info = Path("/proc/cpuinfo")
        text = info.read_text() if info.exists() else ""
        flags = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.M)
        known = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "asimd", "sve")
        self.features = [flag for flag in known if flags and flag in flags[1].split()]

    def slug(self):
        isa = next((flag for flag in ("avx512f", "avx2", "sve", "asimd") if flag in self.features), "")
        return re.sub(r"[^a-z0-9]+", "-", f"{self.name} {isa}".lower()).strip("-")


def measure_kernel(runner, path, keys, rounds, peers):
    """Fovea and the peers in turns; medians of the rounds, and the best single run, as neighbours on a shared machine only slow down."""
    reports, times = [], {peer: [] for peer in peers}
    for _ in range(rounds):
        reports.append(run(runner, path, keys, "--bench"))
        for peer in peers:
            milliseconds = measure_peer(peer, peer_request(path.stem, reports[-1]))
            if milliseconds:
                times[peer].append(milliseconds)
    middle = sorted(reports, key=lambda report: report["median_ms"])[len(reports) // 2]
    result = {key: middle[key] for key in ("median_ms", "gflops", "share_of_peak", "peak_gflops", "compile_ms", "tiles_visited",
                                         "tiles_total", "workspace_bytes", "visible_pairs", "flops")}
    result["best_share_of_peak"] = max(report["flops"] / report["minimum_ms"] * 1e-6 / report["peak_gflops"] for report in reports)
    result["peers"] = {peer: {"median_ms": statistics.median(values), "gflops": middle["flops"] / statistics.median(values) * 1e-6}
                       for peer, values in times.items() if values}
    return result


def run(runner, path, keys, *options):
    return runner(path, {"B": 1, "Nq": keys, "Nk": keys}, INPUTS.get(path.stem, {}), *options)


def peer_request(kernel, report):
    shapes = {argument["name"]: argument.get("shape") for argument in report["arguments"]}
    return {"kernel": kernel, "query": shapes["query"], "key": shapes["key"], "window": INPUTS.get(kernel, {}).get("window")}


def measure_compilation(runner, processes):
    """What the first compilation of a process costs: each process compiles once."""
    times = [run(runner, HERE / "kernels" / "causal-d64.mlir", 64)["compile_ms"] for _ in range(processes)]
    return {phase: statistics.median(time[phase] for time in times) for phase in (*PHASES, "total")}


def measure_long(runner, keys):
    """One causal head over `keys` positions, and what its memory grows by besides its tensors, against 1024 positions."""
    path = HERE / "long" / "causal-h1-d64.mlir"
    long = run(runner, path, keys, "--bench")
    tensor_bytes = lambda report: sum(4 * int(np.prod(argument["shape"])) for argument in report["arguments"])
    # Runs of their own: --bench counts the visible pairs, and that takes memory.
    others = lambda report: report["rss_bytes"] - tensor_bytes(report)
    growth = others(run(runner, path, keys)) - others(run(runner, path, 1024))
    return {"keys": keys, "median_ms": long["median_ms"], "gflops": long["gflops"], "share_of_peak": long["share_of_peak"],
            "workspace_bytes": long["workspace_bytes"], "rss_growth_bytes": growth, "tensor_bytes": tensor_bytes(long)}


def table(header, rows):
    """Columns as wide as they need to be; the first one to the left."""
    lines = [header, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
        print("  ".join(cells).rstrip())


def percent(value):
    return "-" if value is None else f"{100 * value:.1f} %"


def print_results(results):
    machine = results["machine"]
    print(f"\n{machine['cpu']} ({', '.join(machine['features'])}), one thread, B 1, N {results['keys']}, fp32")
    print("GFLOP/s on visible pairs: 2 (Dk + Dv) each; peak: fp32 FMA, measured around each run\n")
    peers = sorted({peer for kernel in results["kernels"].values() for peer in kernel["peers"]})
    header = ["kernel", "GFLOP/s", "of peak", "best", "ms", "skipped tiles", "workspace", *peers]
    rows = [[name, f"{kernel['gflops']:.1f}", percent(kernel["share_of_peak"]), percent(kernel["best_share_of_peak"]),
             f"{kernel['median_ms']:.1f}",
             percent(1 - kernel["tiles_visited"] / kernel["tiles_total"]), f"{kernel['workspace_bytes'] / 1024:.0f} KiB",
             *(f"{kernel['peers'][peer]['gflops']:.1f}" if peer in kernel["peers"] else "-" for peer in peers)]
            for name, kernel in results["kernels"].items()]
    table(header, rows)
    print("\nCompilation, ms\n")
    compile_row = lambda name, times: [name, *(f"{times[phase]:.1f}" for phase in ("total", *PHASES))]
    rows = [compile_row(name, kernel["compile_ms"]) for name, kernel in results["kernels"].items()]
    first = results["first_compile"]
    rows.append(compile_row(f"causal-d64, median of {first['processes']} fresh processes", first["median_ms"]))
    table(["kernel", "total", *PHASES], rows)
    if long := results.get("long"):
        print(f"\nOne causal head, {long['keys'] // 1024} Ki positions, D 64: {long['median_ms'] / 1e3:.2f} s, "
              f"{long['gflops']:.1f} GFLOP/s, {percent(long['share_of_peak'])} of peak; workspace "
              f"{long['workspace_bytes'] / 1024:.0f} KiB, resident memory besides the "
              f"{long['tensor_bytes'] / 2**20:.0f} MiB of tensors {long['rss_growth_bytes'] / 2**20:+.1f} MiB against 1 Ki positions")


def installed_peers():
    found = []
    for name, module in (("torch_sdpa", "torch"),):
        if importlib.util.find_spec(module):
            found.append(name)
        else:
            print(f"{module} is not installed: {name} is left out", file=sys.stderr)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="the build directory (default: build)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/CPU.json")
    parser.add_argument("--quick", action="store_true", help="N 1024, four kernels, no long sequence: does it still work?")
    parser.add_argument("--peers", action="store_true", help="time torch's SDPA, as installed, between our runs")
    parser.add_argument("--rounds", type=int, default=1, help="how often each kernel takes its turn (default: 1)")
    options = parser.parse_args()
    peers = installed_peers() if options.peers else []
    keys, processes = (1024, 3) if options.quick else (4096, 9)
    kernels = sorted((HERE / "kernels").glob("*.mlir"))
    if options.quick:
        kernels = [path for path in kernels if path.stem in ("full-d64", "causal-d64", "window-d64", "alibi-d64")]
    results = {"keys": keys, "kernels": {}}
    with tempfile.TemporaryDirectory() as directory:
        runner = Runner(options.build, directory)
        say = lambda text: print(f"{text} ...", file=sys.stderr, flush=True)
        say("first compilation")
        results["first_compile"] = {"processes": processes, "median_ms": measure_compilation(runner, processes)}
        machine = Machine(run(runner, kernels[0], 64)["cpu"])
        results["machine"] = {"cpu": machine.name, "features": machine.features}
        for path in kernels:
            say(path.stem)
            results["kernels"][path.stem] = measure_kernel(runner, path, keys, max(options.rounds, 1), peers)
        if not options.quick:
            say("128 Ki positions (a minute or more)")
            results["long"] = measure_long(runner, 131072)
        tokens = 4096 if options.quick else 65536
        results["linear"] = {"tokens": tokens, "kernels": linear.measure_all(runner, tokens, max(options.rounds, 1), say),
                             "decode": linear.measure_decode(runner)}
    print_results(results)
    linear.print_results(results["linear"]["kernels"], tokens)
    linear.print_decode(results["linear"]["decode"])
    save(results, options.json, options.save and HERE / "results" / f"{machine.slug()}.json")


if __name__ == "__main__":
    main()
