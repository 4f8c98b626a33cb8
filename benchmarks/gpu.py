#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention on this machine's first GPU: forward, bf16, beside torch's flash and cuDNN backends and FlexAttention (which is Triton
code), where torch is installed.

Every case is timed by events on the device, Fovea and the peers in turns, round by round; the figure is the median of the rounds.
TFLOP/s count visible pairs, 2 (Dk + Dv) each; decoding counts the bytes of keys and values that are read. The same sizes for all
lengths: 16 Ki tokens in a batch, 2048 / D heads. With --check, the results are compared with the fp64 reference first.
"""
import argparse
import importlib.util
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from runner import Runner, measure_peer, save

HERE = Path(__file__).resolve().parent
TOKENS, WIDTH, WINDOW, DOCUMENTS = 16384, 2048, 512, 16
LENGTHS = (512, 1024, 2048, 4096, 8192, 16384, 32768)
MASKS = {
    "full": "",
    "causal": "%keep = arith.cmpi sge, %i, %j : index",
    "window": f"""%causal = arith.cmpi sge, %i, %j : index
    %age = arith.subi %i, %j : index
    %reach = arith.constant {WINDOW} : index
    %near = arith.cmpi slt, %age, %reach : index
    %keep = arith.andi %causal, %near : i1""",
    "documents": """%mine = tensor.extract %document[%i] : tensor<?xi32>
    %other = tensor.extract %document[%j] : tensor<?xi32>
    %keep = arith.cmpi eq, %mine, %other : i32""",
}
PEERS = {  # name: (module that it needs, masks that it can do)
    "torch_flash": ("torch", ("full", "causal", "decode")),
    "torch_cudnn": ("torch", ("full", "causal", "decode")),
    "flex_attention": ("torch", ("causal", "window", "documents")),
}


def module(mask, head_size):
    """One kernel; heads are sizes of the call, so that grouped heads need no other."""
    tensor = f"tensor<?x?x?x{head_size}xbf16>"
    names = lambda heads, length: f'{{attn.dims = ["B", "{heads}", "{length}", "D"]}}'
    region = f" mask (%b, %h, %i, %j) {{\n    {MASKS[mask]}\n    attn.yield %keep : i1\n  }}" if MASKS[mask] else ""
    document = ', %document: tensor<?xi32> {attn.name = "document", attn.sorted, attn.dims = ["Nk"]}' if mask == "documents" else ""
    return (f"func.func @main(%q: {tensor} {names('Hq', 'Nq')}, %k: {tensor} {names('Hkv', 'Nk')}, "
            f"%v: {tensor} {names('Hkv', 'Nk')}{document}) -> {tensor} {{\n"
            f"  %o = attn.attention %q, %k, %v{region} : ({tensor}, {tensor}, {tensor}) -> {tensor}\n  return %o : {tensor}\n}}\n")


def cases(quick):
    """(name, mask, head size, sizes)"""
    lengths = (512,) if quick else LENGTHS
    for size in (64, 128):
        for mask in MASKS:
            for length in lengths:
                heads = 2 if quick else WIDTH // size
                batch = 1 if quick else max(TOKENS // length, 1)
                yield f"{mask}-d{size}-{length}", mask, size, dict(B=batch, Hq=heads, Hkv=heads, Nq=length, Nk=length)
    for length in lengths:
        yield (f"gqa-d128-{length}", "causal", 128,
               dict(B=1 if quick else max(TOKENS // length, 1), Hq=32, Hkv=8, Nq=length, Nk=length))
        yield f"decode-d128-{length}", "full", 128, dict(B=1 if quick else 16, Hq=32, Hkv=8, Nq=1, Nk=length)


def document_ids(positions):
    """Sorted ids of documents of random lengths."""
    cuts = np.sort(np.random.default_rng(0).choice(np.arange(1, positions), DOCUMENTS - 1, replace=False))
    return np.searchsorted(cuts, np.arange(positions), side="right").astype(np.int32)


def measure(runner, directory, target, case, rounds, peers, check):
    name, mask, size, sizes = case
    path = Path(directory) / f"{mask}-d{size}.mlir"
    path.write_text(module(mask, size))
    inputs = {"document": document_ids(sizes["Nk"])} if mask == "documents" else {}
    options = [f"--target={target}", "--bench"]
    kind = "decode" if sizes["Nq"] == 1 else mask
    request = {"kernel": name, "mask": kind, "window": WINDOW, "documents": DOCUMENTS, "head_size": size, "sizes": sizes}
    reports, times = [], {peer: [] for peer in peers if kind in PEERS[peer][1]}
    for turn in range(rounds):
        reports.append(runner(path, sizes, inputs, *options, *(["--check"] if check and turn == 0 else [])))
        for peer in times:
            milliseconds = measure_peer("torch_gpu", {**request, "backend": peer})
            if milliseconds:
                times[peer].append(milliseconds)
    median = statistics.median(report["median_ms"] for report in reports)
    flops = reports[0]["flops"]
    key_bytes = 2 * 2 * sizes["B"] * sizes["Hkv"] * sizes["Nk"] * size
    rate = lambda milliseconds: {"median_ms": milliseconds, "tflops": flops / milliseconds * 1e-9,
                                 **({"key_value_gb_s": key_bytes / milliseconds * 1e-6} if kind == "decode" else {})}
    return {"mask": mask, "head_size": size, "sizes": sizes, **rate(median), "rounds": rounds, "flops": flops,
            "max_error_ratio": reports[0]["max_error_ratio"], "fallback_runs": reports[0]["fallback_runs"],
            "device": reports[0]["device"],
            "peers": {peer: rate(statistics.median(values)) for peer, values in times.items() if values}}


def probe(build, target, directory):
    """The name of the GPU, or the end of the program with the reason why there is none."""
    path = Path(directory) / "probe.mlir"
    path.write_text(module("full", 64))
    done = subprocess.run([build / "bin" / "fovea-run", path, "--dims=B=1,Hq=1,Hkv=1,Nq=16,Nk=16", f"--target={target}", "--json"],
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"no GPU to measure on: {done.stderr.strip()}")
    return json.loads(done.stdout)["device"]


def installed_peers():
    for name, (needed, _) in PEERS.items():
        if importlib.util.find_spec(needed):
            yield name
        else:
            print(f"{needed} is not installed: {name} is left out", file=sys.stderr)


def print_table(results):
    peers = sorted({peer for case in results["cases"].values() for peer in case["peers"]})
    print(f"\n{results['device']}, {results['target']}, bf16, forward; TFLOP/s on visible pairs (decode: GB/s of keys and values)\n")
    print("  ".join(["case".ljust(24), "fovea".rjust(8), *(peer.rjust(max(len(peer), 8)) for peer in peers)]))
    for name, case in results["cases"].items():
        key = "key_value_gb_s" if "key_value_gb_s" in case else "tflops"
        cells = [f"{case['peers'][peer][key]:.1f}" if peer in case["peers"] else "-" for peer in peers]
        print("  ".join([name.ljust(24), f"{case[key]:.1f}".rjust(8), *(c.rjust(max(len(p), 8)) for c, p in zip(cells, peers))]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="the build directory (default: build)")
    parser.add_argument("--target", default="cuda:sm_90a", help="what to compile for (default: cuda:sm_90a)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/gpu-DEVICE.json")
    parser.add_argument("--quick", action="store_true", help="512 tokens and few heads: does it still work?")
    parser.add_argument("--check", action="store_true", help="compare with the fp64 reference first")
    parser.add_argument("--only", default="", metavar="REGEX", help="cases whose name has a match")
    parser.add_argument("--rounds", type=int, default=3, help="how often each case takes its turn (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        device = probe(options.build, options.target, directory)
        peers = list(installed_peers())
        runner = Runner(options.build, directory)
        results = {"device": device, "target": options.target, "cases": {}}
        for case in cases(options.quick):
            if re.search(options.only, case[0]):
                print(f"{case[0]} ...", file=sys.stderr, flush=True)
                results["cases"][case[0]] = measure(runner, directory, options.target, case, max(options.rounds, 1), peers, options.check)
    print_table(results)
    save(results, options.json, options.save and HERE / "results" / f"gpu-{re.sub(r'[^a-z0-9]+', '-', device.lower()).strip('-')}.json")


if __name__ == "__main__":
    main()
