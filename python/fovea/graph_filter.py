# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Graph filter attention: a polynomial of the attention matrix, which is never stored."""

import numpy as np

from .attention import attention
from .capture import instrument
from .functions import exp
from .operands import Captured

_RESERVED = ("out", "return_lse", "sink", "score_mod", "weights", "params")


def graph_filter_attention(query, key, value, w0, w1, wK, K, *, score_mod=None, **options):
    """GFSA: with A the softmax attention matrix, out = (w0 I + w1 A + wK (A + (K - 1) (A A - A))) value.

    Two passes over the keys: out_1 = A value with its log-sum-exp, then out_2 = A out_1, whose weights exp(score - lse) need no softmax.

        out = w0 value + (w1 + (2 - K) wK) out_1 + (K - 1) wK out_2

    w0, w1, wK  a number, or one per query head, [Hq]
    K           the order of the filter, 1 or more; A^K is approximated by its first-order term, as published
    options     of `fovea.attention`, without out, return_lse, sink, weights and params. Nq == Nk and Hq == Hkv: A A is a product of squares

    Returns out, shaped like value. Source: Choi et al. 2024, eq. 9. ValueError: shapes or weights that do not fit.
    """
    unknown = [name for name in options if name in _RESERVED]
    if unknown:
        raise TypeError(f"graph_filter_attention: {unknown[0]} has no meaning here")
    if isinstance(K, bool) or not K >= 1:
        raise ValueError(f"K: expected an order of 1 or more, got {K!r}")
    h, n = (1, 2) if options.get("layout", "bhnd") == "bhnd" else (2, 1)
    shapes = [tuple(a.shape) for a in (query, key, value)]
    if any(len(shape) != 4 for shape in shapes) or len({(s[0], s[h], s[n]) for s in shapes}) != 1:
        raise ValueError(f"query {shapes[0]}, key {shapes[1]} and value {shapes[2]} must have the same heads and positions: the filter "
                         "multiplies the attention matrix with itself")
    w0, w1, wK = (_per_head(w, name, shapes[0][h], h) for w, name in ((w0, "w0"), (w1, "w1"), (wK, "wK")))
    first, lse = attention(query, key, value, score_mod=score_mod, return_lse=True, **options)
    offset = options.get("q_offset") or 0
    # A row that sees nothing has no weight at all, whatever exp(-inf - -inf) is.
    sums = Captured("lse", np.where(np.isneginf(lse), np.float32(0), lse))
    score = None if score_mod is None else instrument(score_mod)

    def weight(s, b, head, q_idx, kv_idx):
        s = s if score is None else score(s, b, head, q_idx, kv_idx)
        return exp(s - sums[b, head, q_idx - offset])

    second = attention(query, key, first, score_mod=weight, weights="pointwise", **options)
    return w0 * np.asarray(value) + (w1 + (2 - K) * wK) * first + (K - 1) * wK * second


def _per_head(weight, name, heads, axis):
    """float32 that broadcasts over out."""
    array = np.asarray(weight, np.float32)
    if array.ndim and array.shape != (heads,):
        raise ValueError(f"{name}: expected a number or one per query head, ({heads},), got {array.shape}")
    return array.reshape([-1 if d == axis else 1 for d in range(4)]) if array.ndim else array
