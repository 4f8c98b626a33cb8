# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Additive attention against the formula in fp64 numpy, element by element within the bound that docs/architecture.md states."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

import fovea

TARGETS = ["host", "loops", "cpu:x86-64"]
EPSILON = 2.0**-24


def formula(q, k, v, w, mask=None, scale=1.0, score=None):
    """out, lse and the bound of out's error, [B, H, N, D] in and out."""
    q, k, v, w = (np.asarray(a, np.float64) for a in (q, k, v, w))
    w = np.broadcast_to(w, (q.shape[1], q.shape[3]))
    k, v = (np.repeat(a, q.shape[1] // a.shape[1], axis=1) for a in (k, v))
    s = np.zeros((*q.shape[:3], k.shape[2]))
    for d in range(q.shape[3]):  # a column at a time: never B H N N D numbers
        s += w[:, d, None, None] * np.tanh(q[..., d, None] + k[..., None, :, d])
    s *= scale
    size = abs(s[np.isfinite(s)]).max(initial=0)
    at = np.ogrid[tuple(map(slice, s.shape))]
    s = score(s, *at) if score else s
    s = np.where(mask(*at), s, -np.inf) if mask else s
    largest = s.max(-1, keepdims=True, initial=-np.inf)
    p = np.exp(s - np.where(np.isneginf(largest), 0, largest))
    total = p.sum(-1, keepdims=True)
    p = np.divide(p, total, out=np.zeros_like(p), where=total != 0)
    with np.errstate(divide="ignore"):
        lse = (np.log(total) + np.where(np.isneginf(largest), 0, largest))[..., 0]
    scores = max(np.sqrt(q.shape[3]) * size, 2 * abs(scale) * abs(w).sum(-1).max())
    bound = 4 * EPSILON * (np.sqrt(k.shape[2]) + scores + 1) * (p @ abs(v)) + 1e-37
    return p @ v, lse, bound


def right(out, q, k, v, w, **options):
    want, _, bound = formula(q, k, v, w, **options)
    assert out.shape == want.shape
    assert np.all(abs(out - want) <= bound), np.max(abs(out - want) / bound)


def problem(queries=37, keys=71, columns=64, heads=4, kv_heads=2, batches=2, spread=1.0, seed=0):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    return (spread * draw(batches, heads, queries, columns), spread * draw(batches, kv_heads, keys, columns), draw(batches, kv_heads, keys, 48),
            draw(heads, columns))


def additive(q, k, v, w, **options):
    return fovea.additive_attention(q, k, v, w, enable_gqa=True, **options)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("columns", [1, 3, 64, 80])
@pytest.mark.parametrize("queries, keys", [(1, 300), (37, 71), (130, 257)])
def test_formula(target, columns, queries, keys):
    q, k, v, w = problem(queries, keys, columns)
    right(additive(q, k, v, w, target=target), q, k, v, w)


@pytest.mark.parametrize("target", TARGETS)
def test_masks_scores_scale_and_lse(target):
    q, k, v, w = problem(90, 90)
    mask = lambda b, h, i, j: (i > j) & (i - j < 40)  # row 0 sees nothing
    bias = lambda s, b, h, i, j: s - 0.05 * (i - j) * (h + 1)
    out, lse = additive(q, k, v, w, mask_mod=mask, score_mod=bias, scale=-0.5, return_lse=True, target=target)
    want, want_lse, bound = formula(q, k, v, w, mask, -0.5, bias)
    assert np.all(abs(out - want) <= bound)
    assert np.all(out[:, :, 0] == 0) and np.all(np.isneginf(lse[:, :, 0]))
    np.testing.assert_allclose(lse[:, :, 1:], want_lse[:, :, 1:], rtol=1e-5, atol=1e-5)


def test_layout_strides_lengths_and_offsets():
    q, k, v, w = problem(20, 50)
    lengths = [50, 33]
    k[1, :, 33:], v[1, :, 33:] = np.nan, np.inf  # padding may hold anything
    swap = lambda a: np.ascontiguousarray(a.transpose(0, 2, 1, 3))
    out = additive(*map(swap, (q, k, v)), w, layout="bnhd", kv_len=lengths, is_causal=True, q_offset=30)
    mask = lambda b, h, i, j: (i + 30 >= j) & (j < np.asarray(lengths)[b])
    right(out.transpose(0, 2, 1, 3), q, np.nan_to_num(k), np.nan_to_num(v, posinf=0), w, mask=mask)
    backwards = [a[..., ::-1] for a in (q, k)]
    dense = [np.ascontiguousarray(a) for a in backwards]
    np.testing.assert_array_equal(additive(*backwards, v, w[:, ::-1], kv_len=lengths), additive(*dense, v, np.ascontiguousarray(w[:, ::-1]), kv_len=lengths))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("spread", [3, 12, 40, 1e4])
def test_large_arguments(target, spread):
    q, k, v, w = problem(40, 70, spread=spread)
    right(additive(q, k, v, w, target=target), q, k, v, w)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("size", [5.2, 5.3, 10, 30, 42.9, 43.1, 90])
def test_sums_that_cancel(target, size):
    rng = np.random.default_rng(1)
    q, k, v, w = problem(33, 65, 20)
    signs = rng.choice([-1, 1], q.shape[-1])
    q, k = ((side * size * signs + 0.1 * a).astype(np.float32) for side, a in ((1, q), (-1, k)))
    right(additive(q, k, v, w, target=target), q, k, v, w)


@pytest.mark.parametrize("target", TARGETS)
def test_infinities_and_nan(target):
    q, k, v, w = problem(30, 50)
    q[:, 0, 3, 5], q[:, 1, 4, 7] = np.inf, -np.inf
    k[:, 0, 9, 2] = -np.inf
    right(additive(q, k, v, w, target=target), q, k, v, w)
    k[:, 0, 9, 5] = -np.inf  # inf + -inf
    out = additive(q, k, v, w, target=target)
    lost = np.zeros(out.shape[:3], bool)
    lost[:, 0, 3] = True
    np.testing.assert_array_equal(np.isnan(out).all(-1), lost)
    np.testing.assert_array_equal(np.isnan(out).any(-1), lost)
    q[:, 3, 6, 1] = np.nan
    out = additive(q, k, v, w, target=target)
    assert np.isnan(out[:, 3, 6]).all() and np.isfinite(out[:, 3, 7]).all() and np.isfinite(out[:, 2, 6]).all()


@pytest.mark.parametrize("target", TARGETS)
def test_weights_of_any_size(target):
    q, k, v, w = problem(30, 50, heads=6)
    for head, factor in enumerate((1e-30, 1e5, 1e7, 1e30)):
        w[head] *= np.float32(factor)
    w[4] = 0
    mask = lambda b, h, i, j: j <= i
    out = additive(q, k, v, w, scale=1e-4, target=target, mask_mod=mask)
    for head in range(6):
        pick = slice(head, head + 1), slice(head // 3, head // 3 + 1)
        right(out[:, pick[0]], q[:, pick[0]], k[:, pick[1]], v[:, pick[1]], w[pick[0]], mask=mask, scale=np.float32(1e-4).astype(float))
    w[4, 0] = np.inf  # infinite scores: of positive ones there is no softmax
    with np.errstate(invalid="ignore"):
        want, *_ = formula(q, k, v, w)
    out = additive(q, k, v, w, target=target)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(want))
    assert 0 < np.isnan(out[:, 4]).sum() and np.isfinite(out[:, 5]).all()


@pytest.mark.parametrize("spread", [1, 12, 60])
def test_bits_depend_on_nothing_else(spread):
    """Not on threads, on rows of the same tile, on the batch, or on what the mask hides; some rows and keys have large numbers."""
    q, k, v, w = problem(100, 300, spread=1)
    q[:, :, ::7] *= np.float32(spread)
    k[:, :, ::11] *= np.float32(spread)
    mask = lambda b, h, i, j: (j % 5 != 0) | (j < 4)
    out = additive(q, k, v, w, mask_mod=mask, threads=1)
    for threads in (2, 5):
        np.testing.assert_array_equal(additive(q, k, v, w, mask_mod=mask, threads=threads), out)
    for rows in (slice(0, 1), slice(3, 40), slice(99, 100)):
        np.testing.assert_array_equal(additive(q[:, :, rows], k, v, w, mask_mod=mask), out[:, :, rows])
    np.testing.assert_array_equal(additive(q[1:], k[1:], v[1:], w, mask_mod=mask), out[1:])
    hidden = (np.arange(300) % 5 == 0) & (np.arange(300) >= 4)
    for anything in (np.nan, np.inf, 50):
        k[:, :, hidden], v[:, :, hidden] = anything, anything
        np.testing.assert_array_equal(additive(q, k, v, w, mask_mod=mask), out)


def test_hidden_blocks_are_skipped():
    q, k, v, w = problem(600, 600, heads=2)
    window = lambda b, h, i, j: (i >= j) & (i - j < 50)
    kernel = fovea.compile(like=(q, k, v), mask_mod=window, additive=w)
    plan = kernel.plan(q, k, v)
    assert plan.stats.skipped > 0
    right(plan.run(q, k, v), q, k, v, w, mask=window)


def test_rope_turns_before_the_sum():
    q, k, v, w = problem(20, 40, 32)
    rope = fovea.positions.rope(32)
    cos, sin = (np.asarray(t, np.float64) for t in rope.table(40))

    def turn(x):
        low, high = x[..., :16].astype(np.float64), x[..., 16:].astype(np.float64)
        c, s = cos[:x.shape[2]], sin[:x.shape[2]]
        return np.concatenate([low * c - high * s, high * c + low * s], -1)

    out = additive(q, k, v, w, rope=rope)
    want, _, bound = formula(turn(q), turn(k), v, w)
    assert np.all(abs(out - want) <= 4 * bound)  # rotated rows are off by eps times their norm


def test_sigmoid_weights_without_softmax():
    q, k, v, w = problem(40, 70)
    out = additive(q, k, v, w, weights="pointwise", score_mod=lambda s, b, h, i, j: 1 / (1 + fovea.exp(-s)))
    keys, values = (np.repeat(a.astype(np.float64), 2, 1) for a in (k, v))
    s = np.einsum("hd,bhijd->bhij", w, np.tanh(q[:, :, :, None].astype(np.float64) + keys[:, :, None]))
    np.testing.assert_allclose(out, 1 / (1 + np.exp(-s)) @ values, atol=2e-4)


def test_kernels_take_other_weights(fresh_cache):
    q, k, v, w = problem()
    others = [w, 2 * w, w[0]]
    for weight in others:
        right(additive(q, k, v, weight), q, k, v, weight)
    assert fovea.cache_info().misses == 1
    kernel = fovea.compile(lambda q, k, v: fovea.additive_attention(q, k, v, float, enable_gqa=True), like=(q, k, v))
    for weight in others:
        right(kernel(q, k, v, additive=weight), q, k, v, weight)
    right(kernel.plan(q, k, v, additive=w).run(q, k, v), q, k, v, w)
    with pytest.raises(ValueError, match="additive: no value; pass additive=..."):
        kernel(q, k, v)
    with pytest.raises(ValueError, match="additive: the kernel was compiled without it"):
        fovea.compile(like=(q, k, v))(q, k, v, additive=w)


def test_a_captured_array_may_have_the_same_name():
    q, k, v, w = problem()
    additive = np.arange(71, dtype=np.float32) / 71  # noqa: F841 - captured by name
    out = fovea.additive_attention(q, k, v, w, enable_gqa=True, score_mod=lambda s, b, h, i, j: s + additive[j])
    right(out, q, k, v, w, score=lambda s, b, h, i, j: s + additive[j])


@pytest.mark.parametrize("weight, error, words", [
    (np.ones((3, 64), np.float32), ValueError, r"expected shape \(4, 64\), a weight for each query head and column, or \(64,\)"),
    (np.ones(63, np.float32), ValueError, r"got \(63,\)"),
    (np.ones((4, 64)), TypeError, "additive: dtype float64 is not supported"),
    (None, TypeError, "weight is missing"),
    ("dot", TypeError, "additive"),
])
def test_refusals(weight, error, words):
    q, k, v, _ = problem()
    with pytest.raises(error, match=words):
        additive(q, k, v, weight)


def test_gpus_refuse():
    with pytest.raises(fovea.Error, match="has additive scores, for which there is no GPU code yet; compile it for a CPU"):
        fovea.compile(like=[(1, 2, 64, 64)] * 3, additive=float, target="cuda:sm_90", dtype="float16")


def test_example():
    example = pathlib.Path(__file__).parents[2] / "examples" / "additive" / "decoder.py"
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, check=True)
    assert "of its bound" in done.stdout and "compiled once" in done.stdout
