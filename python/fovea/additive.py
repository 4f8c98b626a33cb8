# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Additive attention: scores by a tanh of the sum of query and key."""

from .attention import attention


def additive_attention(query, key, value, weight, **options):
    """Bahdanau's attention: softmax attention whose scores are no products.

        s[b,h,i,j] = scale * sum_d weight[h,d] * tanh(query[b,h,i,d] + key[b,g,j,d])     g = h // (Hq // Hkv), scale = 1 by default

    query    [B, Hq, Nq, D], already projected: W_q times the decoder's state
    key      [B, Hkv, Nk, D], already projected: W_k times the encoder's states, once for all queries
    value    [B, Hkv, Nk, Dv]: the encoder's states themselves, say
    weight   float32 [Hq, D], or [D] for all heads; a run-time value
    options  of `fovea.attention`: masks, kv_len, score_mod, return_lse, layout and all others

    Scores are never stored: a tile of them is made where its softmax is. Fast where no number of query and key is above 43; of a row or key that
    has a larger one each tanh is computed by itself.

    Returns what `fovea.attention` returns. Source: Bahdanau et al. 2015, appendix A.1.2. ValueError, TypeError, fovea.Error: as
    `fovea.attention`, and weight of another shape or type.
    """
    if weight is None:
        raise TypeError("additive_attention: weight is missing; expected a float32 array [Hq, D] or [D]")
    return attention(query, key, value, additive=weight, **options)
