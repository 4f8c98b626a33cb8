#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Softmax against linear attention, and what caches cost, measured on this machine with one thread.

1. One causal head of 64 columns, 4 Ki to 1 Mi tokens: softmax attention as compiled here (flash), with the scores in memory (numpy), and linear attention
   (elu + 1, normalised): time, memory that the process grows by, how far the linear output is from the softmax's on the same data, and
   the length from which linear attention is faster.
2. Bytes that a cache takes per token and layer, for 32 query heads of 128 columns in bf16.
3. Sparse queries (SQA): half of the query heads, against all of them, 32 Ki to 200 Ki tokens.

Beyond 128 Ki tokens, and in the third table, rows in the middle of the sequence are timed, which see half of the keys, and the time of all rows is
a multiple of that; such figures are marked with ~. Each measurement is a process of its own.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from runner import save

HERE = Path(__file__).resolve().parent
SIZE, ROWS, WHOLE = 64, 4096, 131072
QUERY_HEADS, COLUMNS, BF16 = 32, 128, 2


def timed(run):
    """The result, milliseconds, and bytes by which the process grew beyond what it held before."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    result = run()
    return result, 1e3 * (time.perf_counter() - start), 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def materialized(query, key, value):
    scores = query[0, 0] @ key[0, 0].T
    scores *= np.float32(SIZE ** -0.5)
    tokens = len(scores)
    for row in range(tokens):
        scores[row, row + 1:] = -np.inf
    scores -= scores.max(-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(-1, keepdims=True)
    return (scores @ value[0, 0])[None, None]


def head(tokens):
    rng = np.random.default_rng(0)
    return [rng.standard_normal((1, 1, tokens, SIZE), np.float32) for _ in range(3)]


def middle(tokens, rows):
    """The first of as many rows, which see half of the keys on average."""
    return max((tokens - rows) // 2, 0)


def work(kind, tokens, heads=1):
    """One measurement, here: milliseconds of all rows, bytes, the output of some rows."""
    import fovea

    if kind == "sqa":  # `heads` query heads, 4 kv heads if they are fewer than all
        rng = np.random.default_rng(0)
        kv_heads = QUERY_HEADS if heads == QUERY_HEADS else 4
        rows = 240
        key, value = (rng.standard_normal((1, kv_heads, tokens, COLUMNS), np.float32) for _ in range(2))
        query = rng.standard_normal((1, heads, rows, COLUMNS), np.float32)
        kernel = fovea.compile(like=(query, key, value), is_causal=True, q_offset=int)
        plan = kernel.plan(query, key, value, q_offset=middle(tokens, rows), threads=1)
        plan.run(query, key, value)
        _, milliseconds, _ = timed(lambda: plan.run(query, key, value))
        return {"ms": milliseconds * tokens / rows}
    query, key, value = head(tokens)
    first = middle(tokens, ROWS) if tokens > WHOLE else 0
    rows = ROWS if tokens > WHOLE else tokens
    small = [a[:, :, :256].copy() for a in (query, key, value)]
    if kind == "flash":
        run = lambda q, k, v, offset: fovea.attention(q, k, v, is_causal=True, q_offset=offset, threads=1)
        run(*small, 0)  # compiles
        out, milliseconds, grown = timed(lambda: run(query[:, :, first:first + rows], key, value, first))
        milliseconds *= tokens / rows
    elif kind == "linear":
        run = lambda q, k, v: fovea.linear_attention(q, k, v, feature_map="elu1", normalizer="qz", threads=1)
        run(*small)
        out, milliseconds, grown = timed(lambda: run(query, key, value))
    else:
        out, milliseconds, grown = timed(lambda: materialized(query, key, value))
    shown = middle(tokens, min(tokens, ROWS)) - (first if kind == "flash" else 0)
    return {"ms": milliseconds, "bytes": grown, "rows": out[0, 0, shown:shown + min(tokens, ROWS):64].tolist()}


def measure(build, *arguments, rounds=1):
    environment = dict(os.environ, PYTHONPATH=str(build / "python"), OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    results = []
    for _ in range(rounds):
        print(f"{' '.join(map(str, arguments))} ...", file=sys.stderr, flush=True)
        done = subprocess.run([sys.executable, __file__, "--worker", *map(str, arguments)], env=environment, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"tables.py: the measurement of {arguments} failed")
        results.append(json.loads(done.stdout))
    return min(results, key=lambda result: result["ms"])


def available_bytes():
    line = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    return 1024 * int(line.split()[1])


def softmax_and_linear(build, lengths):
    rows = []
    for tokens in lengths:
        row = {"tokens": tokens, "is_sampled": tokens > WHOLE}
        kinds = ["flash", "linear"] + (["materialized"] if 2.5 * 4 * tokens ** 2 < available_bytes() else [])
        for kind in kinds:
            row[kind] = measure(build, kind, tokens)
        flash, linear = (np.array(row[kind].pop("rows")) for kind in ("flash", "linear"))
        row.get("materialized", {}).pop("rows", None)
        row["difference"] = float(np.sqrt(np.mean((linear - flash) ** 2) / np.mean(flash ** 2)))
        rows.append(row)
    return rows


def crossover(build):
    """The first power of two of tokens from which linear attention takes less time."""
    for tokens in (2 ** n for n in range(6, 14)):
        flash, linear = (measure(build, kind, tokens, rounds=3)["ms"] for kind in ("flash", "linear"))
        if linear < flash:
            return tokens
    return None


def caches():
    """Bytes per token and layer: keys and values of each kv head, or one latent and the columns in common."""
    kv_heads = {"MHA": QUERY_HEADS, "GQA, 8 kv heads": 8, "GQA, 4 kv heads": 4, "MQA": 1, "SQA, 16 query and 4 kv heads": 4}
    sizes = {name: 2 * heads * COLUMNS * BF16 for name, heads in kv_heads.items()}
    return {**sizes, "MLA, 512 + 64 columns": (512 + 64) * BF16}


def sparse_queries(build, lengths):
    rows = []
    for tokens in lengths:
        all_heads, half = (measure(build, "sqa", tokens, heads)["ms"] for heads in (QUERY_HEADS, QUERY_HEADS // 2))
        rows.append({"tokens": tokens, "mha_ms": all_heads, "sqa_ms": half, "speedup": all_heads / half})
    return rows


def show(results):
    def ms(row, kind):
        if kind not in row:
            return "no memory"
        return f"{'~' if row['is_sampled'] and kind == 'flash' else ''}{row[kind]['ms']:,.0f} ms"

    def mib(row, kind):
        return f"{row[kind]['bytes'] / 2 ** 20:,.0f} MiB" if kind in row else "-"

    kinds = ("flash", "materialized", "linear")
    print("\n| tokens | " + " | ".join(f"{kind} | memory" for kind in kinds) + " | flash / linear | difference |")
    print("|" + "---|" * 9)
    for row in results["softmax_and_linear"]:
        cells = " | ".join(f"{ms(row, kind)} | {mib(row, kind)}" for kind in kinds)
        print(f"| {row['tokens'] // 1024:,} Ki | {cells} | {row['flash']['ms'] / row['linear']['ms']:.1f} | {row['difference']:.2f} |")
    print(f"\nlinear attention is faster from {results['crossover']} tokens on")
    print("\n| cache | bytes per token and layer |\n|---|---|")
    for name, size in results["caches"].items():
        print(f"| {name} | {size:,} |")
    print("\n| tokens | 32 query heads | 16 query heads, 4 kv heads | speed-up |\n|---|---|---|---|")
    for row in results["sparse_queries"]:
        print(f"| {row['tokens'] // 1024:,} Ki | ~{row['mha_ms'] / 1e3:,.0f} s | ~{row['sqa_ms'] / 1e3:,.0f} s | {row['speedup']:.2f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="the build directory (default: build)")
    parser.add_argument("--quick", action="store_true", help="short lengths: does it still work?")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    parser.add_argument("--worker", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        kind, *numbers = options.worker
        print(json.dumps(work(kind, *map(int, numbers))))
        return
    build = options.build.resolve()
    lengths = [256, 1024] if options.quick else [4096, 16384, 131072, 1048576]
    long = [1024] if options.quick else [32768, 65536, 131072, 204800]
    results = {"softmax_and_linear": softmax_and_linear(build, lengths), "crossover": crossover(build), "caches": caches(),
               "sparse_queries": sparse_queries(build, long)}
    show(results)
    save(results, options.json)


if __name__ == "__main__":
    main()
