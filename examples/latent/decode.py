# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Multi-head latent attention with DeepSeek-V3's widths: a prompt, then a token at a time, from one cache of 576 numbers per position.

    python examples/latent/decode.py [--heads 16] [--prompt 256] [--tokens 4]

The prompt's queries make keys and values of each block as they need them, a token's are taken to the latents instead; nothing of the
program changes in between. Both are checked against the formula in fp64, with all keys and values in memory.
"""
import argparse
import time

import fovea
import numpy as np

LATENT, SHARED, OWN, VALUE = 512, 64, 128, 128  # DeepSeek-V3 (2024), which has 128 heads
TRAINED, FACTOR = 4096, 40
MSCALE = 0.1 * np.log(FACTOR) + 1


def formula(query, cache, key_up, value_up, scale, offset):
    query, cache, key_up, value_up = (np.asarray(a, np.float64) for a in (query, cache, key_up, value_up))
    own = np.einsum("bjc,hdc->bhjd", cache[..., :LATENT], key_up)
    shared = np.broadcast_to(cache[:, None, :, LATENT:], (*own.shape[:3], SHARED))
    value = np.einsum("bjc,hec->bhje", cache[..., :LATENT], value_up)
    s = scale * np.einsum("bhid,bhjd->bhij", query, np.concatenate([own, shared], -1))
    rows, keys = np.arange(query.shape[2])[:, None] + offset, np.arange(cache.shape[1])
    s = np.where(rows >= keys, s, -np.inf)
    weights = np.exp(s - s.max(-1, keepdims=True))
    return np.einsum("bhij,bhje->bhie", weights / weights.sum(-1, keepdims=True), value)


def rotated(rows, rope, first):
    """Engines keep rotated rows: each is turned once, when it enters the cache."""
    cos, sin = (np.asarray(table)[first:first + rows.shape[-2]] for table in rope.table(first + rows.shape[-2]))
    x, y = rows[..., 0::2], rows[..., 1::2]
    return np.stack([x * cos - y * sin, y * cos + x * sin], -1).reshape(rows.shape).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=int, default=16)
    parser.add_argument("--prompt", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=4)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    rope = fovea.positions.yarn(SHARED, factor=FACTOR, trained_length=TRAINED, attention_factor=1.0, pairing="interleaved")
    scale = (OWN + SHARED) ** -0.5 * MSCALE ** 2
    weight = rng.standard_normal((options.heads, OWN + VALUE, LATENT)).astype(np.float32) / LATENT ** 0.5  # kv_b_proj
    key_up, value_up = weight[:, :OWN], weight[:, OWN:]
    total = options.prompt + options.tokens
    cache = np.zeros((1, total, LATENT + SHARED), np.float32)
    worst, position = 0.0, 0
    for count in (options.prompt, *[1] * options.tokens):
        rows = rng.standard_normal((1, count, LATENT + SHARED)).astype(np.float32)
        rows[..., LATENT:] = rotated(rows[..., LATENT:], rope, position)
        cache[:, position:position + count] = rows
        query = rng.standard_normal((1, options.heads, count, OWN + SHARED)).astype(np.float32)
        query[..., OWN:] = rotated(query[..., OWN:], rope, position)
        seen = cache[:, :position + count]

        def attend():
            return fovea.latent_attention(query, seen, key_up, value_up, is_causal=True, q_offset=position, scale=scale)

        attend()  # compiles, once for prompts and tokens alike
        start = time.perf_counter()
        out = attend()
        milliseconds = 1e3 * (time.perf_counter() - start)
        want = formula(query, seen, key_up, value_up, scale, position)
        error = float(np.sqrt(np.mean((out - want) ** 2) / np.mean(want ** 2)))
        worst = max(worst, error)
        print(f"{count:5} queries, {position + count:5} positions: {milliseconds:8.2f} ms, error {error:.1e}")
        position += count
    row, expanded = 4 * (LATENT + SHARED), 4 * options.heads * (OWN + SHARED + VALUE)
    print(f"cache: {row} bytes per position; keys and values of {options.heads} heads would take {expanded}, {expanded / row:.1f} times that")
    assert worst < 5e-6, worst
    print(f"ok: worst error {worst:.1e}")


if __name__ == "__main__":
    main()
