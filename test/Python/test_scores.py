# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every named score against its formula on plain numbers, and sinks against a softmax with one more column."""

import math

import numpy as np
import pytest

import fovea
from fovea import masks, scores
from fovea.score_tables import bucket_starts
from reference import attention as reference
from reference import check

B, H, N = 2, 3, 41
random = np.random.default_rng(6)


def normal(*shape):
    return random.standard_normal(shape).astype(np.float32)


slopes, weights, caps = normal(H), normal(H), np.array([0.5, 2, 9], np.float32)
t5, near, pixels = normal(32, H), normal(H, 21), normal(13 * 11, H)
biases = {"plane": normal(N, N), "heads": normal(H, N, N), "all": normal(B, H, N, N), "keys": normal(B, 1, 1, N)}


def bucket(relative, bidirectional, n=32, largest=128):
    """Raffel et al. as it is written, in fp64."""
    base = 0
    if bidirectional:
        n //= 2
        base = n * (relative > 0)
        r = abs(relative)
    else:
        r = max(-relative, 0)
    m = n // 2
    if r < m:
        return base + r
    return base + min(m + math.floor(math.log(r / m) / math.log(largest / m) * (n - m) + 1e-9), n - 1)


def swin(i, j, h):
    return pixels[(i // 6 - j // 6 + 6) * 11 + i % 6 - j % 6 + 5, h]


CASES = {
    "alibi": (scores.alibi(slopes), lambda s, b, h, i, j: s - slopes[h] * (i - j)),
    "alibi_bidirectional": (scores.alibi(slopes, bidirectional=True), lambda s, b, h, i, j: s - slopes[h] * abs(i - j)),
    "softcap": (scores.softcap(1.5), lambda s, b, h, i, j: 1.5 * math.tanh(s / 1.5)),
    "softcap_param": (scores.softcap(fovea.param("cap", 1.5)), lambda s, b, h, i, j: 1.5 * math.tanh(s / 1.5)),
    "softcap_per_head": (scores.softcap(scores.per_head(caps)), lambda s, b, h, i, j: caps[h] * math.tanh(s / caps[h])),
    "temperature": (scores.temperature(2), lambda s, b, h, i, j: s / 2),
    "temperature_per_sequence": (scores.temperature(scores.per_sequence(caps[:2])), lambda s, b, h, i, j: s / caps[b]),
    "log_n": (scores.log_n(9), lambda s, b, h, i, j: s * max(1, math.log(i + 1) / math.log(9))),
    "log_n_length": (scores.log_n(9, length=np.array([30, 5])),
                     lambda s, b, h, i, j: s * max(1, math.log([30, 5][b]) / math.log(9))),
    "entropy_scaling": (scores.entropy_scaling(fovea.param("trained", 9)), lambda s, b, h, i, j: s * math.log(i + 1) / math.log(9)),
    "scalable_softmax": (scores.scalable_softmax(scores.per_head(weights)), lambda s, b, h, i, j: s * weights[h] * math.log(i + 1)),
    "scalable_softmax_length": (scores.scalable_softmax(0.4, length=N), lambda s, b, h, i, j: s * 0.4 * math.log(N)),
    "position_temperature": (scores.position_temperature(8, 0.1),
                             lambda s, b, h, i, j: s * (1 + 0.1 * math.log(1 + (i + 1) // 8))),
    "t5": (scores.t5_bias(t5), lambda s, b, h, i, j: s + t5[bucket(j - i, True), h]),
    "t5_causal": (scores.t5_bias(t5, bidirectional=False), lambda s, b, h, i, j: s + t5[bucket(j - i, False), h]),
    "relative_bias": (scores.relative_bias(near), lambda s, b, h, i, j: s + near[h, min(max(j - i, -10), 10) + 10]),
    "relative_bias_shared": (scores.relative_bias(near[0]), lambda s, b, h, i, j: s + near[0, min(max(j - i, -10), 10) + 10]),
    "relative_bias_2d": (scores.relative_bias_2d(pixels, 7, 6), lambda s, b, h, i, j: s + swin(i, j, h)),
    "dense_bias": (scores.dense_bias(biases["plane"]), lambda s, b, h, i, j: s + biases["plane"][i, j]),
    "dense_bias_heads": (scores.dense_bias(biases["heads"]), lambda s, b, h, i, j: s + biases["heads"][h, i, j]),
    "dense_bias_all": (scores.dense_bias(biases["all"]), lambda s, b, h, i, j: s + biases["all"][b, h, i, j]),
    "dense_bias_broadcast": (scores.dense_bias(biases["keys"]), lambda s, b, h, i, j: s + biases["keys"][b, 0, 0, j]),
    "then": (scores.softcap(2) >> scores.alibi(slopes), lambda s, b, h, i, j: 2 * math.tanh(s / 2) - slopes[h] * (i - j)),
    "chain": (scores.chain(scores.alibi(slopes), scores.softcap(2)),
              lambda s, b, h, i, j: 2 * math.tanh((s - slopes[h] * (i - j)) / 2)),
    "chain_of_none": (scores.chain(), lambda s, b, h, i, j: s),
    "with_a_function": ((lambda s, b, h, i, j: s * 0.5 + weights[h]) >> scores.softcap(2),
                        lambda s, b, h, i, j: 2 * math.tanh((s * 0.5 + weights[h]) / 2)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_score_is_its_formula(make, name):
    score, formula = CASES[name]
    q, k, v = make(B, H, N, N, 16)
    at = [(b, h, i, j) for b in range(B) for h in range(H) for i in range(N) for j in range(N)]

    def by_hand(s, b, h, i, j):
        return np.array([formula(x, *p) for x, p in zip(s.ravel(), at)]).reshape(s.shape)
    s = np.einsum("bhid,bhjd->bhij", q, k).astype(np.float64)
    b, h, i, j = np.ogrid[:B, :H, :N, :N]
    np.testing.assert_allclose(score(s, b, h, i, j), by_hand(s, b, h, i, j), rtol=1e-6, atol=1e-6)
    out, lse = fovea.attention(q, k, v, score_mod=score, mask_mod=masks.causal(3), return_lse=True)
    check(out, lse, q, k, v, score_mod=by_hand, mask_mod=lambda b, h, i, j: i + 3 >= j)


def test_bias_rows_may_begin_with_the_call(make):
    q, k, v = make(1, 1, 5, N, 16)
    bias = biases["plane"][-5:]
    out = fovea.attention(q, k, v, score_mod=scores.dense_bias(bias, offset=N - 5), q_offset=N - 5)
    check(out, None, q, k, v, score_mod=lambda s, b, h, i, j: s + bias)


def test_slopes():
    np.testing.assert_allclose(scores.alibi_slopes(8), [2.0**-n for n in range(1, 9)])
    np.testing.assert_allclose(scores.alibi_slopes(12), [2.0**-n for n in range(1, 9)] + [2.0**-0.5, 2.0**-1.5, 2.0**-2.5, 2.0**-3.5],
                               rtol=1e-6)
    np.testing.assert_allclose(scores.alibi_slopes(1), [2.0**-8])


def test_bucket_borders_are_exact():
    """16^(k/8) = 2^(k/2) is an integer for even k: with n = 16 and max 128, buckets 10, 12 and 14 begin at 16, 32 and 64."""
    starts = bucket_starts(16, 128)
    assert [starts[k - 1] for k in (2, 4, 6)] == [16, 32, 64] and len(starts) == 7
    for distance in range(1, 300):
        assert 8 + sum(distance >= start for start in starts) == bucket(-distance, True) or distance < 8


def test_scores_tell_what_they_are():
    assert repr(scores.softcap(30) >> scores.alibi(slopes)) == "softcap(30) >> alibi(float32[3])"
    assert repr(scores.chain(scores.temperature(2.0), scores.log_n(512))) == "chain(temperature(2.0), log_n(512))"
    assert repr(scores.dense_bias(biases["heads"], is_mask=True)) == "dense_bias(float32[3, 41, 41], is_mask=True)"
    for name in scores.__all__:
        assert getattr(scores, name).__doc__, name


def test_score_arrays_are_read_by_each_run(make, fresh_cache):
    q, k, v = make(B, H, N, N, 16)
    table = np.zeros(H, np.float32)
    score = scores.alibi(table)
    fovea.attention(q, k, v, score_mod=score)
    table[:] = slopes
    check(fovea.attention(q, k, v, score_mod=score), None, q, k, v,
          score_mod=lambda s, b, h, i, j: s - slopes[h] * (i - j))
    assert fovea.cache_info().kernels == 1


def with_sink(q, k, v, sink, **options):
    """One more key with the sink as its score and zeros as its value."""
    def score(s, b, h, i, j):
        return np.where(j < N, s, sink[h])
    k, v = (np.concatenate([x, np.zeros_like(x[:, :, :1])], axis=2) for x in (k, v))
    keep = options.pop("mask_mod", lambda b, h, i, j: True)
    return reference(q, k, v, score_mod=score, mask_mod=lambda b, h, i, j: (j == N) & (sink[h] > -np.inf) | (j < N) & keep(b, h, i, j))


@pytest.mark.parametrize("layout", ["bhnd", "bnhd"])
def test_sinks(make, layout):
    q, k, v = make(B, H, N, N, 16)
    sink = np.array([0.5, -np.inf, 40], np.float32)
    moved = [x if layout == "bhnd" else np.ascontiguousarray(x.transpose(0, 2, 1, 3)) for x in (q, k, v)]
    out, lse = fovea.attention(*moved, sink=sink, mask_mod=masks.sliding_window(5), layout=layout, return_lse=True)
    alone = fovea.attention(*moved, sink=sink, mask_mod=masks.sliding_window(5), layout=layout)
    np.testing.assert_array_equal(out, alone)
    ref, ref_lse, bound = with_sink(q, k, v, sink, mask_mod=lambda b, h, i, j: (i >= j) & (i - j < 5))
    out = out if layout == "bhnd" else out.transpose(0, 2, 1, 3)
    assert np.all(np.abs(out - ref) <= bound + 1e-7 * np.abs(ref) + 1e-30)
    np.testing.assert_allclose(lse, ref_lse, rtol=1e-5, atol=1e-5)
    plain = fovea.attention(*moved, mask_mod=masks.sliding_window(5), layout=layout)
    np.testing.assert_array_equal(out[:, 1], (plain if layout == "bhnd" else plain.transpose(0, 2, 1, 3))[:, 1])


def test_sinks_of_rows_that_see_nothing(make):
    q, k, v = make(1, H, N, N, 16)
    out, lse = fovea.attention(q, k, v, sink=[0.5, -np.inf, 2.0][0], mask_mod=masks.none(), return_lse=True)
    assert not out.any() and np.all(lse == np.float32(0.5))
    out, lse = fovea.attention(q, k, v, sink=-np.inf, mask_mod=masks.none(), return_lse=True)
    assert not out.any() and np.isneginf(lse).all()


def test_sinks_in_place_and_per_layer(make, fresh_cache):
    q, k, v = make(B, H, N, N, 16)
    kernel = fovea.compile(like=(q, k, v), is_causal=True, sink=float)
    plan = kernel.plan(q, k, v)
    keep = lambda b, h, i, j: i >= j
    for sink in (slopes, weights):
        out = np.empty_like(q)
        assert plan.run(q, k, v, sink=sink, out=out) is out
        ref, _, bound = with_sink(q, k, v, sink, mask_mod=keep)
        assert np.all(np.abs(out - ref) <= bound + 1e-7 * np.abs(ref))
        np.testing.assert_array_equal(kernel(q, k, v, sink=sink), out)
        np.testing.assert_array_equal(fovea.attention(q, k, v, is_causal=True, sink=sink), out)
    assert fovea.cache_info().kernels == 1  # attention's own: another sink does not compile again
    held = fovea.compile(like=(q, k, v), sink=slopes)
    np.testing.assert_array_equal(held(q, k, v), fovea.attention(q, k, v, sink=slopes))


@pytest.mark.parametrize("sink, error, message", [
    (np.zeros(2, np.float32), ValueError, r"sink: expected shape \(3,\), one logit per query head"),
    (float("nan"), ValueError, "sink: NaN and .inf have no meaning"),
    (np.array([0, np.inf, 0]), ValueError, "sink: NaN and .inf"),
    ("x", TypeError, "sink: expected a number or an array"),
    ([0.5, 0.5, 0.5], TypeError, "sink: expected a number or an array"),
    (np.zeros(3, bool), TypeError, "sink: expected floats, got bool"),
    (float, ValueError, "sink: no value"),
])
def test_bad_sinks(make, sink, error, message):
    q, k, v = make(B, H, N, N, 16)
    with pytest.raises(error, match=message):
        fovea.attention(q, k, v, sink=sink)


def test_a_kernel_without_sink_takes_none(make):
    q, k, v = make(B, H, N, N, 16)
    with pytest.raises(ValueError, match="compiled without one; pass sink=float"):
        fovea.compile(like=(q, k, v)).plan(q, k, v).run(q, k, v, sink=0.5)
    with pytest.raises(ValueError, match="no value; pass sink=... with each run"):
        fovea.compile(like=(q, k, v), sink=float)(q, k, v)
    with pytest.raises(ValueError, match="sink: expected shape"):
        fovea.compile(like=(q, k, v), sink=np.zeros(7))
