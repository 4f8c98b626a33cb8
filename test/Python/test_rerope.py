# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""ReRoPE and Leaky ReRoPE against every pair turned by its own distance."""

import pathlib
import subprocess
import sys

import fovea
import numpy as np
import pytest
from fovea import positions
from test_qk_norm import gains, norm


def turned_by_distance(q, k, rope, first, window, slope):
    """<R(distance) q_i, k_j> of [B, H, N, D], pair by pair; half or interleaved columns."""
    scores = np.empty((*q.shape[:3], k.shape[2]))
    pairs = rope.pairs
    split = (lambda x: (x[..., :pairs], x[..., pairs:2 * pairs])) if rope.pairing == "half" else (
        lambda x: (x[..., 0:2 * pairs:2], x[..., 1:2 * pairs:2]))
    (qx, qy), (kx, ky) = split(q), split(k)
    for i in range(q.shape[2]):
        for j in range(k.shape[2]):
            distance = i + first - j
            if distance >= window:
                distance = window + (distance - window) * slope
            angle = distance * rope.frequencies
            x, y = qx[:, :, i], qy[:, :, i]
            turned = (x * np.cos(angle) - y * np.sin(angle)) * kx[:, :, j] + (x * np.sin(angle) + y * np.cos(angle)) * ky[:, :, j]
            scores[:, :, i, j] = turned.sum(-1) + (q[:, :, i, 2 * pairs:] * k[:, :, j, 2 * pairs:]).sum(-1)
    return scores


def expected(q, k, v, rope, window, slope, first=0, see=None, weights=None):
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], 1) for x in (k, v))
    s = turned_by_distance(q, k, rope, first, window, slope) / np.sqrt(q.shape[3])
    i, j = np.arange(q.shape[2])[:, None] + first, np.arange(k.shape[2])
    shown = np.broadcast_to(True if see is None else see(0, 0, i, j), s.shape[2:])
    if weights is not None:
        return np.where(shown, weights(s), 0) @ v
    with np.errstate(invalid="ignore"):
        p = np.where(shown, np.exp(s - np.where(shown, s, -np.inf).max(-1, keepdims=True)), 0)
        return np.nan_to_num(p / p.sum(-1, keepdims=True)) @ v


causal = lambda b, h, i, j: i >= j
kinds = pytest.mark.parametrize("rope,slope", [
    (positions.rerope(16, 24), 0), (positions.leaky_rerope(16, 24, 4), 1 / 4), (positions.leaky_rerope(12, 24, 2.5, pairing="interleaved"), 1 / 2.5),
    (positions.rerope(10, 24, 500.0, pairing="interleaved"), 0)], ids=["rerope", "leaky", "leaky-partial", "rerope-partial"])


@kinds
@pytest.mark.parametrize("target", ["host", "loops", "cpu:x86-64-v3"])
def test_behind_a_cache(make, rope, slope, target):
    q, k, v = make(Hq=4, Nq=35, Nk=77, Dk=16, Hkv=2, Dv=20)
    out = fovea.attention(q, k, v, rope=rope, is_causal=True, q_offset=42, enable_gqa=True, target=target, threads=3)
    np.testing.assert_allclose(out, expected(q, k, v, rope, 24, slope, 42, causal), rtol=2e-5, atol=2e-6)


@kinds
def test_no_mask_and_layout(make, rope, slope):
    q, k, v = make(B=1, Hq=2, Nq=50, Nk=61, Dk=17)
    swap = lambda x: x.transpose(0, 2, 1, 3)
    out = fovea.attention(swap(q), swap(k), swap(v), rope=rope, layout="bnhd")
    np.testing.assert_allclose(swap(out), expected(q, k, v, rope, 24, slope), rtol=2e-5, atol=2e-6)


@kinds
def test_rows_that_see_nothing_and_pointwise_weights(make, rope, slope):
    q, k, v = make(B=1, Hq=2, Nq=50, Nk=50, Dk=16)
    see = lambda b, h, i, j: (i >= j) & (i > 9)
    out = fovea.attention(q, k, v, rope=rope, mask_mod=see)
    assert (out[:, :, :10] == 0).all()
    np.testing.assert_allclose(out, expected(q, k, v, rope, 24, slope, 0, see), rtol=2e-5, atol=2e-6)
    out = fovea.attention(q, k, v, rope=rope, mask_mod=see, weights="pointwise", score_mod=lambda s, b, h, i, j: fovea.maximum(s, 0))
    np.testing.assert_allclose(out, expected(q, k, v, rope, 24, slope, 0, see, lambda s: np.maximum(s, 0)), rtol=1e-4, atol=1e-5)


@kinds
def test_after_norm(make, rope, slope):
    q, k, v = make(B=1, Hq=2, Nq=40, Nk=40, Dk=16)
    a, b = gains(16)
    out = fovea.attention(q, k, v, rope=rope, query_norm=a, key_norm=b, is_causal=True)
    np.testing.assert_allclose(out, expected(norm(q, a), norm(k, b), v, rope, 24, slope, 0, causal), rtol=2e-5, atol=2e-6)


def test_hidden_and_far_nan(make):
    """What the mask hides stays hidden, near and far."""
    q, k, v = make(B=1, Hq=2, Nq=60, Nk=60, Dk=16)
    rope = positions.rerope(16, 24)
    see = lambda b, h, i, j: (i >= j) & (j != 3) & (j != 30)
    bad_k, bad_v = k.copy(), v.copy()
    bad_k[:, :, [3, 30]] = bad_v[:, :, [3, 30]] = np.nan
    out = fovea.attention(q, bad_k, bad_v, rope=rope, mask_mod=see)
    np.testing.assert_allclose(out, expected(q, k, v, rope, 24, 0, 0, see), rtol=2e-5, atol=2e-6)


def test_decoding_equals_the_whole(make):
    """A token at a time, from a cache of keys that are not rotated."""
    q, k, v = make(B=1, Hq=2, Nq=300, Nk=300, Dk=32)
    for rope in (positions.rerope(32, 64), positions.leaky_rerope(32, 64, 8)):
        whole = fovea.attention(q, k, v, rope=rope, is_causal=True)
        for n in (0, 63, 64, 299):
            one = fovea.attention(q[:, :, n:n + 1], k[:, :, :n + 1], v[:, :, :n + 1], rope=rope, is_causal=True, q_offset=n)
            np.testing.assert_allclose(one[:, :, 0], whole[:, :, n], rtol=1e-5, atol=1e-6)


def test_windows_share_a_kernel(make, fresh_cache):
    q, k, v = make(B=1, Hq=2, Nq=40, Nk=40, Dk=16)
    for window in (1, 7, 39, 100):
        rope = positions.rerope(16, window)
        out = fovea.attention(q, k, v, rope=rope, is_causal=True)
        np.testing.assert_allclose(out, expected(q, k, v, rope, window, 0, 0, causal), rtol=2e-5, atol=2e-6)
    assert fovea.cache_info().kernels == 1
    plain = fovea.attention(q, k, v, rope=positions.rope(16), is_causal=True)
    np.testing.assert_allclose(out, plain, rtol=1e-5, atol=1e-6)  # no pair is far


def test_factor_is_of_both(make):
    """cos and sin with a factor: scores of near and far pairs have it twice."""
    from dataclasses import replace
    q, k, v = make(B=1, Hq=2, Nq=40, Nk=40, Dk=16)
    for rope, slope in ((positions.rerope(16, 7), 0), (positions.leaky_rerope(16, 7, 2), 0.5)):
        out = fovea.attention(q, k, v, rope=replace(rope, factor=1.3, _tables={}))
        np.testing.assert_allclose(out, expected(1.3 * q, 1.3 * k, v, rope, 7, slope), rtol=2e-5, atol=2e-6)


def test_kernel(make):
    q, k, v = make(B=1, Hq=2, Nq=40, Nk=40, Dk=16)
    rope = positions.leaky_rerope(16, 24, 4)
    kernel = fovea.compile(like=(q, k, v), rope=rope, is_causal=True)
    for n in (40, 1500):
        q, k, v = make(B=1, Hq=2, Nq=n, Nk=n, Dk=16)
        last = slice(n - 20, n)
        np.testing.assert_allclose(kernel(q, k, v)[:, :, last], expected(q[:, :, last], k, v, rope, 24, 0.25, n - 20, causal),
                                   rtol=2e-5, atol=2e-6)
    assert "one of two rotations" in kernel.explain()


@pytest.mark.parametrize("call,error,message", [
    (lambda: positions.rerope(16, 0), ValueError, "window: expected a distance from 1"),
    (lambda: positions.rerope(16, 2.5), TypeError, "window: expected an integer"),
    (lambda: positions.leaky_rerope(16, 8, 0), ValueError, "k: expected a positive number"),
    (lambda: positions.rerope(16, 8).sections(4, 4), ValueError, "which have one position each"),
])
def test_bad_numbers(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_bad_calls(make):
    q, k, v = make(B=1, Hq=2, Nq=6, Nk=6)
    with pytest.raises(ValueError, match="key_positions: a rope with a window counts the distance"):
        fovea.attention(q, k, v, rope=positions.rerope(16, 4), key_positions=[[0, 1, 2, 3, 4, 5]])
    up = np.zeros((2, 24, 24), np.float32)
    with pytest.raises(ValueError, match="latent attention has one rotation"):
        fovea.latent_attention(q, np.zeros((1, 6, 32), np.float32), up, up, rope=positions.rerope(8, 4))
    with pytest.raises(fovea.Error, match="do not reach the position of every row"):
        fovea.attention(q, k, v, rope=positions.rerope(16, 4), q_offset=-2)


def test_any_number_of_threads(make):
    q, k, v = make(B=2, Hq=4, Nq=300, Nk=300, Dk=32)
    one, three = (fovea.attention(q, k, v, rope=positions.leaky_rerope(32, 100, 4), is_causal=True, query_norm=True, threads=n) for n in (1, 3))
    assert np.array_equal(one, three)


def test_example():
    example = pathlib.Path(__file__).parents[2] / "examples" / "positions" / "rerope.py"
    done = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and "1 queries, 2051 keys" in done.stdout, done.stdout + done.stderr
