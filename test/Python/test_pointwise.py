# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Attention without a softmax, and the graph filter made of it, against numpy."""

import fovea
import numpy as np
import pytest
from reference import attention as reference

WEIGHTS = {
    "relu": (lambda s, b, h, i, j: fovea.maximum(s, 0.0), lambda s: np.maximum(s, 0)),
    "exp": (lambda s, b, h, i, j: fovea.exp(s / 3.0), lambda s: np.exp(s / 3)),
    "sigmoid": (lambda s, b, h, i, j: 1 / (1 + fovea.exp(-s)), lambda s: 1 / (1 + np.exp(-s))),
    "plain": (None, lambda s: s),
}


def expected(q, k, v, weight, seen=None):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    s = np.einsum("bhid,bhjd->bhij", q, np.repeat(k, q.shape[1] // k.shape[1], 1)) / np.sqrt(q.shape[3])
    w = weight(s) if seen is None else np.where(seen, weight(s), 0)
    v = np.repeat(v, q.shape[1] // v.shape[1], 1)
    return w @ v, 2e-6 * (np.abs(w) @ np.abs(v) + np.abs(v).sum(2, keepdims=True) * np.abs(w).mean())


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("causal", [False, True])
def test_weights(make, name, causal):
    score, weight = WEIGHTS[name]
    q, k, v = make(Hq=4, Hkv=2, Nq=45, Nk=75, Dv=48)
    seen = np.arange(45)[:, None] + 30 >= np.arange(75)
    out = fovea.attention(q, k, v, weights="pointwise", score_mod=score, enable_gqa=True,
                          **({"is_causal": True, "q_offset": 30} if causal else {}))
    want, tolerance = expected(q, k, v, weight, seen if causal else None)
    assert np.all(np.abs(out - want) <= tolerance)


def test_row_that_sees_nothing_is_zero(make):
    q, k, v = make(B=1, Nq=9, Nk=9)
    out = fovea.attention(q, k, v, weights="pointwise", mask_mod=lambda b, h, i, j: (i != 4) & (j < 7))
    assert (out[:, :, 4] == 0).all() and (out[:, :, 5] != 0).any()


def test_hidden_infinity_stays_hidden(make):
    q, k, v = make(B=1, Nq=40, Nk=40)
    clean = fovea.attention(q, k, v, weights="pointwise", is_causal=True)
    v[:, :, 30] = np.inf
    out = fovea.attention(q, k, v, weights="pointwise", is_causal=True)
    np.testing.assert_array_equal(out[:, :, :30], clean[:, :, :30])
    assert not np.isfinite(out[:, :, 31:]).any()


@pytest.mark.parametrize("options, message", [
    ({"weights": "relu"}, 'weights: expected "softmax" or "pointwise"'),
    ({"weights": "pointwise", "return_lse": True}, "return_lse: pointwise weights have no log-sum-exp"),
    ({"weights": "pointwise", "sink": 0.0}, "sink: pointwise weights have no log-sum-exp"),
])
def test_bad_options(make, options, message):
    with pytest.raises(ValueError, match=message):
        fovea.attention(*make(), **options)


def matrix(q, k, **kwargs):
    n = k.shape[2]
    identity = np.broadcast_to(np.eye(n), (*k.shape[:2], n, n))
    return reference(q, k, identity, **kwargs)[0]


@pytest.mark.parametrize("K", [1, 2, 3.5])
def test_graph_filter(make, K):
    q, k, v = make(B=2, Hq=3, Nq=50, Nk=50)
    w0, w1, wK = 0.3, np.array([0.5, -0.2, 1.0]), 0.25
    bias = lambda s, b, h, i, j: s - 0.1 * abs(i - j)
    out = fovea.graph_filter_attention(q, k, v, w0, w1, wK, K, is_causal=True, score_mod=lambda s, b, h, i, j: s - 0.1 * fovea.abs(i - j))
    A = matrix(q, k, score_mod=bias, mask_mod=lambda b, h, i, j: i >= j)
    w1 = w1[:, None, None]
    want = (w0 * np.eye(50) + w1 * A + wK * (A + (K - 1) * (A @ A - A))) @ v.astype(np.float64)
    np.testing.assert_allclose(out, want, rtol=1e-5, atol=3e-6)


def test_graph_filter_with_rows_that_see_nothing(make):
    q, k, v = make(B=1, Nq=20, Nk=20)
    out = fovea.graph_filter_attention(q, k, v, 2.0, 1.0, 1.0, 2, mask_mod=lambda b, h, i, j: (i >= 5) & (j >= 3))
    np.testing.assert_array_equal(out[:, :, :5], 2 * v[:, :, :5])


@pytest.mark.parametrize("arguments, options, message", [
    ((1, 1, 1, 0.5), {}, "K: expected an order"),
    ((np.ones(2), 1, 1, 2), {}, r"w0: expected a number or one per query head, \(3,\)"),
])
def test_bad_filters(make, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        fovea.graph_filter_attention(*make(), *arguments, **options)


def test_filter_needs_squares(make):
    with pytest.raises(ValueError, match="must have the same heads and positions"):
        fovea.graph_filter_attention(*make(Nq=8, Nk=9), 1, 1, 1, 2)
    with pytest.raises(TypeError, match="sink has no meaning here"):
        fovea.graph_filter_attention(*make(), 1, 1, 1, 2, sink=1.0)
