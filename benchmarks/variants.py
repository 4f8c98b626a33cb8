#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every variant of attention that has a name here: its error against its formula in fp64 numpy, and its time against plain causal softmax
attention of the same sizes (8 heads, head size 64, one thread), each run between two of the plain one.

Errors are RMS of the difference against RMS of the formula's result, on 2 sequences of 150 tokens. Prints a Markdown table, then how many
variants are right; the exit status is 1 if one is wrong.
"""
import argparse
import json
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Callable, NamedTuple

import fovea
import numpy as np
from fovea import positions

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples" / "linear"))
import variants as linear_example  # noqa: E402

SIZE, LATENTS, SHARED = 64, 128, 32
TOLERANCE = 1e-5
BASE, TRAINED = 10000.0, 64


class Data:
    """Inputs of one size; what only some variants take is drawn from the same generator."""

    def __init__(self, batches, heads, tokens):
        rng = np.random.default_rng(0)
        draw = lambda *shape: rng.standard_normal(shape, np.float32)  # noqa: E731
        self.heads, self.tokens, self.ropes = heads, tokens, {}
        self.q, self.k, self.v = (draw(batches, heads, tokens, SIZE) for _ in range(3))
        self.unit = self.k / np.linalg.norm(self.k, axis=-1, keepdims=True)
        self.gain, self.other_gain, self.weight = 1 + draw(SIZE) / 4, 1 + draw(SIZE) / 4, draw(heads, SIZE) / 8
        self.cache, self.key_up, self.value_up = draw(batches, tokens, LATENTS + SHARED), draw(heads, SIZE - SHARED, LATENTS) / 11, draw(heads, SIZE, LATENTS) / 11
        self.places = rng.integers(0, 4 * tokens, (3, batches, tokens))
        self.gates = {"token": -0.1 * rng.random((batches, heads, tokens), np.float32), "beta": rng.random((batches, heads, tokens), np.float32),
                      "channel": -0.1 * rng.random((batches, heads, tokens, SIZE), np.float32)}


class Variant(NamedTuple):
    family: str
    name: str
    call: str                 # what a user writes
    run: Callable             # of Data and further arguments of the call
    truth: Callable           # of Data, in fp64
    peer: str = ""            # an independent implementation that the tests compare with, too


def scores(q, k):
    return np.float64(q) @ np.swapaxes(np.float64(k), -1, -2) / SIZE ** 0.5


def causal(x, hidden):
    """x where key <= query, else `hidden`."""
    return np.where(np.tri(x.shape[-2], x.shape[-1], dtype=bool), x, hidden)


def softmax(s, v):
    return weights(s) @ np.float64(v)


def weights(s):
    s = causal(s, -np.inf)
    p = np.exp(s - s.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


# Rotary embeddings, as complex numbers.

def turned(x, angles, interleaved=False):
    """Pair f of row n turned by angles[..., n, f]; columns behind them as they are."""
    x, pairs = np.float64(x), angles.shape[-1]
    first, second = (slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)) if interleaved else (slice(0, pairs), slice(pairs, 2 * pairs))
    z = (x[..., first] + 1j * x[..., second]) * np.exp(1j * angles)
    out = x.copy()
    out[..., first], out[..., second] = z.real, z.imag
    return out


def frequencies(dim=SIZE, base=BASE):
    return base ** (-np.arange(0, dim, 2) / dim)


def roped(frequencies_of, factor=1.0, interleaved=False):
    def truth(x):
        angles = np.arange(x.tokens)[:, None] * frequencies_of(x)
        return softmax(scores(turned(x.q, angles, interleaved), turned(x.k, angles, interleaved)) * factor ** 2, x.v)
    return truth


def stretched_base(ratio):
    return frequencies(base=BASE * ratio ** (SIZE / (SIZE - 2)))


def yarn_frequencies(factor):
    f = frequencies()
    ends = [SIZE * np.log(TRAINED / (turns * 2 * np.pi)) / (2 * np.log(BASE)) for turns in (32, 1)]
    ramp = np.clip((np.arange(SIZE // 2) - max(np.floor(ends[0]), 0)) / (np.ceil(ends[1]) - max(np.floor(ends[0]), 0)), 0, 1)
    return f / factor * ramp + f * (1 - ramp)


def llama3_frequencies(factor, trained):
    f = frequencies(base=500000.0)
    waves = 2 * np.pi / f
    smooth = (trained / waves - 1) / (4 - 1)
    middle = (1 - smooth) * f / factor + smooth * f
    return np.where(waves < trained / 4, f, np.where(waves > trained, f / factor, middle))


def sections_truth(x):
    axes = np.repeat([0, 1, 2], [8, 12, 12])
    angles = np.moveaxis(x.places[axes], 0, -1)[:, None] * frequencies()
    return softmax(scores(turned(x.q, angles), turned(x.k, angles)), x.v)


def alibi_bias(x):
    slopes = 2.0 ** (-8 / x.heads * np.arange(1, x.heads + 1))
    return slopes[:, None, None] * (np.arange(x.tokens) - np.arange(x.tokens)[:, None])


def rope_variants():
    def row(name, rope, truth, peer="", **further):
        def run(x, **o):
            given = {key: value(x) for key, value in further.items()}
            if rope not in x.ropes:  # made once, as a model does; what the table shows is what is run
                x.ropes[rope] = eval(rope, {"positions": positions, "x": x})
            return fovea.attention(x.q, x.k, x.v, is_causal=True, rope=x.ropes[rope], **given, **o)
        call = ", ".join([f"rope={rope}".replace("x.tokens", "n"), *(f"{key}=..." for key in further)])
        return Variant("rotary", name, call, run, truth, peer)

    places = {key: lambda x: x.places for key in ("query_positions", "key_positions")}
    return [
        row("RoPE", "positions.rope(64)", roped(lambda x: frequencies())),
        row("RoPE, interleaved", "positions.rope(64, pairing='interleaved')", roped(lambda x: frequencies(), interleaved=True)),
        row("RoPE, a quarter of the columns", "positions.rope(16)", roped(lambda x: frequencies(16))),
        row("position interpolation", "positions.linear(64, 8)", roped(lambda x: frequencies() / 8), peer="transformers"),
        row("NTK", "positions.ntk(64, 8)", roped(lambda x: stretched_base(8))),
        row("dynamic NTK", f"positions.dynamic_ntk(64, 2, x.tokens, {TRAINED})", roped(lambda x: stretched_base(2 * x.tokens / TRAINED - 1))),
        row("YaRN", f"positions.yarn(64, 8, {TRAINED})", roped(lambda x: yarn_frequencies(8), factor=0.1 * np.log(8) + 1), peer="transformers"),
        row("Llama 3", "positions.llama3(64, 8, 8192)", roped(lambda x: llama3_frequencies(8, 8192)), peer="transformers"),
        row("ReRoPE", "positions.rerope(64, 64)", far_truth(np.inf)),
        row("Leaky ReRoPE", "positions.leaky_rerope(64, 64, 8)", far_truth(8)),
        row("M-RoPE, 3 sections", "positions.rope(64).sections(8, 12, 12)", sections_truth, **places),
        row("ALiBi and RoPE", "positions.rope(64)", lambda x: softmax(
            scores(*(turned(a, np.arange(x.tokens)[:, None] * frequencies()) for a in (x.q, x.k))) + alibi_bias(x), x.v),
            score_mod=lambda x: fovea.scores.alibi(fovea.scores.alibi_slopes(x.heads))),
        Variant("biases", "ALiBi", "score_mod=scores.alibi(slopes)", lambda x, **o: fovea.attention(
            x.q, x.k, x.v, is_causal=True, score_mod=fovea.scores.alibi(fovea.scores.alibi_slopes(x.heads)), **o),
            lambda x: softmax(scores(x.q, x.k) + alibi_bias(x), x.v)),
    ]


def far_truth(k):
    """Beyond 64 positions one more counts as 1/k, or as none for k infinite: of each pair by itself, R(i)^T R(j) being R(j - i)."""
    def truth(x):
        age = np.arange(x.tokens)[:, None] - np.arange(x.tokens)
        age = np.where(age < 64, age, 64 + (age - 64) / k)
        pairs = lambda a: a[..., :SIZE // 2] + 1j * np.float64(a[..., SIZE // 2:])  # noqa: E731
        q, k_ = pairs(x.q), pairs(x.k)
        s = sum(np.real(q[..., :, None, f] * np.conj(k_[..., None, :, f]) * np.exp(1j * age * w)) for f, w in enumerate(frequencies()))
        return softmax(s / SIZE ** 0.5, x.v)
    return truth


def normed(x, gain):
    return gain * x / np.sqrt(np.mean(np.float64(x) ** 2, -1, keepdims=True) + 1e-6)


def norm_and_additive_variants():
    def normed_scores(x):
        angles = np.arange(x.tokens)[:, None] * frequencies()
        return scores(turned(normed(x.q, x.gain), angles), turned(normed(x.k, x.other_gain), angles))

    def additive(x):
        w, sums = np.float64(x.weight), 0
        for d in range(SIZE):
            sums = sums + w[:, None, None, d] * np.tanh(np.float64(x.q[..., :, None, d]) + x.k[..., None, :, d])
        return softmax(sums, x.v)

    return [
        Variant("QK-norm", "QK-norm, then RoPE", "query_norm=g, key_norm=h, rope=positions.rope(64)", lambda x, **o: fovea.attention(
            x.q, x.k, x.v, is_causal=True, query_norm=x.gain, key_norm=x.other_gain, rope=positions.rope(64), **o),
            lambda x: softmax(normed_scores(x), x.v)),
        Variant("additive", "additive (Bahdanau)", "additive_attention(q, k, v, weight)", lambda x, **o: fovea.additive_attention(
            x.q, x.k, x.v, x.weight, is_causal=True, **o), additive),
    ]


def pointwise_variants():
    def row(name, call, function, formula):
        return Variant("pointwise", name, f"weights='pointwise', score_mod={call}",
                       lambda x, **o: fovea.attention(x.q, x.k, x.v, is_causal=True, weights="pointwise", score_mod=function, **o),
                       lambda x: causal(formula(scores(x.q, x.k)), 0) @ np.float64(x.v))

    def filtered(x):
        a, v = weights(scores(x.q, x.k)), np.float64(x.v)
        return 0.2 * v + 0.5 * a @ v + 0.3 * (a + 2 * (a @ a - a)) @ v

    return [
        row("ReLU, no softmax", "maximum(s, 0)", lambda s, b, h, i, j: fovea.maximum(s, 0.0), lambda s: np.maximum(s, 0)),
        row("exponential, no softmax", "exp(s / tau)", lambda s, b, h, i, j: fovea.exp(s / 2.0), lambda s: np.exp(s / 2)),
        row("sigmoid, no softmax", "1 / (1 + exp(-s))", lambda s, b, h, i, j: 1 / (1 + fovea.exp(-s)), lambda s: 1 / (1 + np.exp(-s))),
        Variant("pointwise", "GFSA, K 3", "graph_filter_attention(q, k, v, w0, w1, wK, 3)",
                lambda x, **o: fovea.graph_filter_attention(x.q, x.k, x.v, 0.2, 0.5, 0.3, 3, is_causal=True, **o), filtered),
    ]


def latent_variants():
    def truth(x):
        c, r = np.float64(x.cache[:, None, :, :LATENTS]), x.cache[:, None, :, LATENTS:]
        own = c @ np.swapaxes(np.float64(x.key_up), -1, -2)
        k = np.concatenate([own, np.broadcast_to(r, (*own.shape[:3], SHARED))], -1)
        return softmax(scores(x.q, k), c @ np.swapaxes(np.float64(x.value_up), -1, -2))

    def row(form):
        return Variant("latent", f"MLA, {form}", f"latent_attention(q, cache, key_up, value_up, form='{form}')",
                       lambda x, **o: fovea.latent_attention(x.q, x.cache, x.key_up, x.value_up, is_causal=True, form=form, **o), truth)

    return [row("absorbed"), row("expanded")]


def linear_variants():
    def row(name, options):
        def run(x, **o):
            return fovea.linear_attention(x.q, x.unit, x.v, **given(x), **o)

        def given(x):
            linear_example.B, linear_example.H, linear_example.N, linear_example.D = x.q.shape
            return linear_example.variants(x.gates)[name]

        call = ", ".join(f"{key}={value!r}" if isinstance(value, str) else f"{key}=..." for key, value in options.items())
        peer = "ONNX" if name in ("linear attention", "GLA", "DeltaNet", "Gated DeltaNet") else ""
        return Variant("linear", name, f"linear_attention(q, k, v{', ' if call else ''}{call})", run,
                       lambda x: linear_example.recurrence(x.q, x.unit, x.v, **given(x)), peer)

    gates = Data(1, 3, 4).gates
    return [row(name, options) for name, options in linear_example.variants(gates).items()]


def all_variants():
    return [*rope_variants(), *norm_and_additive_variants(), *pointwise_variants(), *latent_variants(), *linear_variants()]


def error_of(variant):
    data = Data(2, 4, 150)
    expected = variant.truth(data)
    return float(np.sqrt(np.mean((variant.run(data) - expected) ** 2) / np.mean(expected ** 2)))


def time_of(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def ratio_of(variant, data, rounds):
    """Of times; the first call of each compiles."""
    plain = lambda: fovea.attention(data.q, data.k, data.v, is_causal=True, threads=1)  # noqa: E731
    this = lambda: variant.run(data, threads=1)  # noqa: E731
    plain(), this()
    return statistics.median(time_of(this) * 2 / (time_of(plain) + time_of(plain)) for _ in range(rounds))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=4096, help="of the sequence that is timed (default: 4096)")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is timed; 0: errors alone (default: 3)")
    parser.add_argument("--only", default="", metavar="REGEX", help="variants whose family or name match")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there too")
    options = parser.parse_args()
    data, rows, right = Data(1, 8, options.tokens), [], 0
    print("| variant | call | also against | error | time |\n|---|---|---|---|---|", flush=True)
    for variant in all_variants():
        if not re.search(options.only, f"{variant.family} {variant.name}"):
            continue
        error = error_of(variant)
        ratio = ratio_of(variant, data, options.rounds) if options.rounds else None
        right += error < TOLERANCE
        rows.append({"family": variant.family, "variant": variant.name, "error": error, "time": ratio})
        print(f"| {variant.name} | `{variant.call}` | {variant.peer} | {error:.1e} | {'' if ratio is None else f'{ratio:.2f}'} |",
              flush=True)
    if options.json:
        options.json.write_text(json.dumps({"tokens": options.tokens, "variants": rows}, indent=1) + "\n")
    print(f"{'ok' if right == len(rows) else 'WRONG'}: {right} of {len(rows)} variants equal their formula", file=sys.stderr)
    return int(right != len(rows))


if __name__ == "__main__":
    sys.exit(main())
