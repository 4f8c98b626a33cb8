# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention in fp64 numpy, whole rows at once: independent of the compiler and of the tracer.

Mask and score functions are the same Python functions, here called on arrays of positions.
"""

import numpy as np


def attention(q, k, v, mask_mod=None, score_mod=None, scale=None, q_offset=0):
    """o [B, Hq, Nq, Dv], lse [B, Hq, Nq] and the bound that o must keep, all fp64; layout bhnd."""
    q, k, v = (np.asarray(x, np.float64) for x in (q, k, v))
    B, Hq, Nq, Dk = q.shape
    group = Hq // k.shape[1]
    k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
    s = np.einsum("bhid,bhjd->bhij", q, k) * (1 / np.sqrt(Dk) if scale is None else scale)
    b, h = np.arange(B)[:, None, None, None], np.arange(Hq)[:, None, None]
    i, j = np.arange(Nq)[:, None] + q_offset, np.arange(k.shape[2])
    if score_mod is not None:
        s = s * 0 + score_mod(s, b, h, i, j)
    size = np.abs(np.where(np.isfinite(s), s, 0)).max(initial=0)
    if mask_mod is not None:
        s = np.where(mask_mod(b, h, i, j), s, -np.inf)
    m = s.max(axis=-1, keepdims=True, initial=-np.inf)
    p = np.exp(s - np.where(np.isfinite(m), m, 0))
    l = p.sum(axis=-1, keepdims=True)
    p = np.divide(p, l, out=np.zeros_like(p), where=l > 0)
    with np.errstate(divide="ignore"):
        lse = (np.log(l) + np.where(np.isfinite(m), m, 0))[..., 0]
    lse[l[..., 0] == 0] = -np.inf
    eps = 2.0**-24
    bound = 4 * eps * (np.sqrt(k.shape[2]) + np.sqrt(Dk) * size + 1) * (p @ np.abs(v))
    return p @ v, lse, bound + 1e-30


def check(out, lse, q, k, v, **kwargs):
    """Asserts that `out` (and `lse` when not None) are the reference's, element by element."""
    ref, ref_lse, bound = attention(q, k, v, **kwargs)
    assert out.shape == ref.shape
    error = np.abs(np.asarray(out, np.float64) - ref)
    worst = np.max(error / bound, initial=0)
    assert np.all(error <= bound), f"worst error is {worst:.2f} of the bound"
    if lse is not None:
        np.testing.assert_array_equal(np.isneginf(lse), np.isneginf(ref_lse))
        seen = ~np.isneginf(ref_lse)
        np.testing.assert_allclose(lse[seen], ref_lse[seen], rtol=1e-5, atol=1e-5)
