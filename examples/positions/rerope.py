# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A prompt, then a token at a time, beyond the trained length with ReRoPE, from one cache of unrotated keys: no distance that a model
has not been trained for, and no second product but where near and far keys meet.

    python examples/positions/rerope.py
"""

import time

import fovea
import numpy as np

HEADS, KV_HEADS, SIZE, WINDOW, PROMPT, TOKENS = 8, 2, 64, 512, 2048, 3


def formula(query, keys, values, rope, offset):
    """Each pair turned by its own distance, in fp64: <R(d) q, k> with d = min(i - j, window)."""
    query, keys, values = (np.asarray(x, np.float64) for x in (query, keys, values))
    keys, values = (np.repeat(x, HEADS // KV_HEADS, 1) for x in (keys, values))
    distance = np.arange(query.shape[2])[:, None] + offset - np.arange(keys.shape[2])
    angle = np.minimum(distance, rope.window)[..., None] * rope.frequencies
    x, y = np.split(query[:, :, :, None], 2, -1)
    turned = np.concatenate([x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)], -1)
    s = np.where(distance >= 0, np.einsum("bhijd,bhjd->bhij", turned, keys) / np.sqrt(SIZE), -np.inf)
    p = np.exp(s - s.max(-1, keepdims=True))
    return p / p.sum(-1, keepdims=True) @ values


def main():
    rng = np.random.default_rng(0)
    keys, values = (rng.standard_normal((1, KV_HEADS, PROMPT + TOKENS, SIZE)).astype(np.float32) for _ in range(2))
    queries = rng.standard_normal((1, HEADS, PROMPT + TOKENS, SIZE)).astype(np.float32)
    rope = fovea.positions.rerope(SIZE, WINDOW)
    first = 0
    for count in (PROMPT, *[1] * TOKENS):
        end = first + count
        rows, seen = queries[:, :, first:end], (keys[:, :, :end], values[:, :, :end])
        start = time.perf_counter()
        out = fovea.attention(rows, *seen, rope=rope, is_causal=True, q_offset=first, enable_gqa=True)
        milliseconds = 1e3 * (time.perf_counter() - start)
        last = formula(rows[:, :, -1:], *seen, rope, end - 1)
        error = np.linalg.norm(out[:, :, -1:] - last) / np.linalg.norm(last)
        print(f"{count:5} queries, {end} keys: {milliseconds:7.1f} ms, last row off by {error:.1e}")
        assert error < 1e-5
        first = end


if __name__ == "__main__":
    main()
