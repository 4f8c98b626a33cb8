# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Results against fp64 numpy: masks, scores, shapes, layouts, strides."""

import numpy as np
import pytest

import fovea
from reference import check

N = 37
doc = np.array([0] * 9 + [1] * 15 + [2] * 13)
unsorted = np.random.default_rng(1).integers(0, 4, N).astype(np.int32)
dense = np.random.default_rng(2).random((2, N, N)) < 0.3
prefix = np.array([5, 20], np.int64)
slopes = np.array([0.5, 0.25, 0.125])
table = np.random.default_rng(3).standard_normal((3, 2 * N)).astype(np.float32)


def causal(b, h, q, k):
    return q >= k


MASKS = {
    "causal": causal,
    "window": lambda b, h, q, k: (q >= k) & (q - k < 7),
    "documents": lambda b, h, q, k: doc[q] == doc[k],
    "documents_causal": lambda b, h, q, k: (doc[q] == doc[k]) & (q >= k),
    "documents_unsorted": lambda b, h, q, k: unsorted[q] == unsorted[k],
    "prefix": lambda b, h, q, k: (k < prefix[b]) | (q >= k),
    "dense": lambda b, h, q, k: dense[b, q, k],
    "dilated": lambda b, h, q, k: (q >= k) & ((q - k) % 3 == 0),
    "blocks": lambda b, h, q, k: q // 16 == k // 16,
    "strided_or_local": lambda b, h, q, k: (q >= k) & ((k % 8 == 0) | (q - k < 4)),
    "sinks": lambda b, h, q, k: (q >= k) & ((k < 2) | (q - k < 5)),
    "per_head": lambda b, h, q, k: q - k < (h + 1) * 4,
    "absolute": lambda b, h, q, k: abs(q - k) < 5,
    "nothing_visible": lambda b, h, q, k: (q < 0) & (k < 0),
    "some_rows_empty": lambda b, h, q, k: (q % 2 == 0) & (q >= k),
    "first_batch": lambda b, h, q, k: (b == 0) | (k == 3),
}


@pytest.mark.parametrize("name", MASKS)
def test_masks(make, name):
    q, k, v = make(Nq=N, Nk=N)
    out, lse = fovea.attention(q, k, v, mask_mod=MASKS[name], return_lse=True)
    check(out, lse, q, k, v, mask_mod=MASKS[name])


SCORES = {
    "alibi": lambda s, b, h, q, k: s - slopes[h] * (q - k),
    "bias": lambda s, b, h, q, k: s + table[h, q - k + N],
    "softcap": lambda s, b, h, q, k: 2.0 * np.tanh(s / 2.0),
    "masked": lambda s, b, h, q, k: np.where(q >= k, s, -np.inf),
    "functions": lambda s, b, h, q, k: np.exp(s * 0.1) + np.log(abs(s) + 1) - np.sqrt(abs(s)) * np.minimum(s, 1.0),
    "temperature": lambda s, b, h, q, k: s * (1 + (q // 8) * 0.125),
}


@pytest.mark.parametrize("name", SCORES)
def test_scores(make, name):
    q, k, v = make(Nq=N, Nk=N)
    out, lse = fovea.attention(q, k, v, score_mod=SCORES[name], mask_mod=causal, return_lse=True)
    check(out, lse, q, k, v, score_mod=SCORES[name], mask_mod=causal)


def test_keywords(make):
    q, k, v = make(Nq=N, Nk=N)
    check(fovea.attention(q, k, v, is_causal=True), None, q, k, v, mask_mod=causal)
    check(fovea.attention(q, k, v, is_causal=True, window=6), None, q, k, v, mask_mod=lambda b, h, i, j: (i >= j) & (i - j < 6))
    check(fovea.attention(q, k, v, window=6), None, q, k, v, mask_mod=lambda b, h, i, j: i - j < 6)
    check(fovea.attention(q, k, v, scale=0.3), None, q, k, v, scale=0.3)
    check(fovea.attention(q, k, v, softcap=1.5, is_causal=True), None, q, k, v, mask_mod=causal,
          score_mod=lambda s, b, h, i, j: 1.5 * np.tanh(s / 1.5))
    lengths = np.array([11, 0])
    out, lse = fovea.attention(q, k, v, kv_len=lengths, return_lse=True)
    check(out, lse, q, k, v, mask_mod=lambda b, h, i, j: j < lengths[b])
    assert not out[1].any() and np.isneginf(lse[1]).all()


@pytest.mark.parametrize("Nq, Nk", [(1, 1), (1, 130), (5, 64), (17, 33), (64, 64), (65, 129), (130, 3), (200, 257)])
@pytest.mark.parametrize("Dk, Dv", [(32, 32), (64, 64), (64, 128), (128, 32), (40, 24)])
def test_sizes(make, Nq, Nk, Dk, Dv):
    q, k, v = make(1, 2, Nq, Nk, Dk, Dv=Dv)
    out, lse = fovea.attention(q, k, v, is_causal=True, q_offset=Nk - Nq, return_lse=True)
    check(out, lse, q, k, v, mask_mod=causal, q_offset=Nk - Nq)
    check(fovea.attention(q, k, v), None, q, k, v)


@pytest.mark.parametrize("D", [1, 3, 5, 20, 33])
def test_odd_head_dimensions(make, D):
    q, k, v = make(1, 2, 19, 23, D)
    check(fovea.attention(q, k, v), None, q, k, v)


@pytest.mark.parametrize("Dk, Dv", [(1, 1), (576, 512), (576, 576), (1, 576), (576, 1), (127, 129), (257, 63)])
def test_extreme_head_dimensions(make, Dk, Dv):
    q, k, v = make(1, 2, 70, 200, Dk, Hkv=1, Dv=Dv)
    out, lse = fovea.attention(q, k, v, is_causal=True, q_offset=130, enable_gqa=True, return_lse=True)
    check(out, lse, q, k, v, mask_mod=causal, q_offset=130)


@pytest.mark.parametrize("Hq, Hkv", [(4, 4), (8, 2), (6, 1)])
@pytest.mark.parametrize("Nq", [1, 37])
def test_grouped_heads(make, Hq, Hkv, Nq):
    q, k, v = make(2, Hq, Nq, 45, 32, Hkv=Hkv)
    mask = lambda b, h, i, j: (i >= j) & (i - j < 4 * h + 3)
    out = fovea.attention(q, k, v, enable_gqa=True, mask_mod=mask, q_offset=45 - Nq)
    check(out, None, q, k, v, mask_mod=mask, q_offset=45 - Nq)


def test_chunks_are_the_whole(make):
    q, k, v = make(1, 2, 96, 96, 32)
    whole = fovea.attention(q, k, v, is_causal=True)
    for begin, end in ((0, 32), (32, 80), (80, 96)):
        part = fovea.attention(q[:, :, begin:end], k[:, :, :end], v[:, :, :end], is_causal=True, q_offset=begin)
        np.testing.assert_allclose(part, whole[:, :, begin:end], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("Hq, Hkv", [(2, 2), (8, 2), (12, 2)])
@pytest.mark.parametrize("D", [64, 128])
def test_tokens_have_the_bits_of_the_whole(make, Hq, Hkv, D):
    """Up to 4 queries have another form, in which heads share a tile."""
    q, k, v = make(1, Hq, 600, 600, D, Hkv=Hkv)
    mask = lambda b, h, i, j: (i >= j) & ((i - j < 300) | (j < 4))
    whole, lse = fovea.attention(q, k, v, mask_mod=mask, enable_gqa=True, return_lse=True)
    for begin, count in ((596, 4), (500, 3), (299, 2), (0, 1), (599, 1)):
        part, part_lse = fovea.attention(q[:, :, begin:begin + count], k, v, mask_mod=mask, enable_gqa=True, q_offset=begin, return_lse=True)
        assert np.array_equal(part, whole[:, :, begin:begin + count]) and np.array_equal(part_lse, lse[:, :, begin:begin + count])


def test_negative_offset_hides_the_first_rows(make):
    q, k, v = make(1, 2, 20, 12, 32)
    mask = lambda b, h, i, j: (i >= j) & (i % 3 != 1)
    out, lse = fovea.attention(q, k, v, mask_mod=mask, q_offset=-8, return_lse=True)
    check(out, lse, q, k, v, mask_mod=mask, q_offset=-8)
    assert np.isneginf(lse[:, :, :8]).all()


def test_layout_bnhd(make):
    q, k, v = make(2, 4, 21, 30, 32, Hkv=2, Dv=64)
    moved = [np.ascontiguousarray(x.transpose(0, 2, 1, 3)) for x in (q, k, v)]
    out, lse = fovea.attention(*moved, layout="bnhd", enable_gqa=True, kv_len=[30, 7], return_lse=True)
    assert out.shape == (2, 21, 4, 64) and lse.shape == (2, 4, 21)
    keep = lambda b, h, i, j: j < np.array([30, 7])[b]
    check(out.transpose(0, 2, 1, 3), lse, q, k, v, mask_mod=keep)


STRIDES = {
    "transposed": lambda x: np.ascontiguousarray(x.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3),
    "padded_rows": lambda x: np.pad(x, ((0, 0), (0, 0), (0, 0), (0, 5)))[..., :-5],
    "every_other": lambda x: np.repeat(x, 2, axis=2)[:, :, ::2],
    "inner_stride": lambda x: np.repeat(x, 3, axis=3)[..., ::3],
    "reversed_rows": lambda x: np.ascontiguousarray(x[:, :, ::-1])[:, :, ::-1],
    "reversed_inner": lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
    "fortran": np.asfortranarray,
}


@pytest.mark.parametrize("name", STRIDES)
def test_strides(make, name):
    arrays = make(Nq=21, Nk=26)
    q, k, v = (STRIDES[name](x) for x in arrays)
    assert not q.flags.c_contiguous
    plain = fovea.attention(*arrays)
    check(fovea.attention(q, k, v), None, *arrays)
    np.testing.assert_array_equal(fovea.attention(q, k, v), plain)


@pytest.mark.parametrize("axis", range(4))
def test_zero_strides(make, axis):
    arrays = [np.broadcast_to(x.take([0], axis), x.shape) for x in make(Nq=50, Nk=50)]
    check(*fovea.attention(*arrays, return_lse=True), *arrays)


def test_read_only(make):
    q, k, v = make(Nq=9, Nk=11)
    shared = np.broadcast_to(k[:, :1], k.shape), np.broadcast_to(v[:1, :1], v.shape)
    assert 0 in shared[0].strides and not shared[1].flags.writeable
    check(fovea.attention(q, *shared), None, q, *shared)


def test_packed_projection(make):
    """One [B, N, 3, H, D] array, as a fused projection leaves it."""
    packed = np.random.default_rng(5).standard_normal((2, 19, 3, 4, 32)).astype(np.float32)
    q, k, v = (packed[:, :, n] for n in range(3))
    out = fovea.attention(q, k, v, layout="bnhd", is_causal=True)
    check(out.transpose(0, 2, 1, 3), None, *(x.transpose(0, 2, 1, 3) for x in (q, k, v)), mask_mod=causal)


def test_inputs_are_not_written(make):
    arrays = make()
    before = [x.copy() for x in arrays]
    fovea.attention(*arrays, is_causal=True)
    for a, b in zip(arrays, before):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kwargs", [{}, {"is_causal": True, "q_offset": 0}, {"softcap": 2.0}, {"kv_len": True}, {"layout": "bnhd"}])
@pytest.mark.parametrize("B, Nq, Nk", [(0, 5, 7), (2, 0, 7), (2, 5, 0), (2, 200, 0), (0, 0, 0)])
def test_empty_sizes(make, B, Nq, Nk, kwargs):
    kwargs = kwargs | {"kv_len": [Nk] * B} if "kv_len" in kwargs else kwargs
    arrays = q, _, _ = make(B, 3, Nq, Nk)
    if "layout" in kwargs:
        arrays = [x.transpose(0, 2, 1, 3) for x in arrays]
    out, lse = fovea.attention(*arrays, return_lse=True, **kwargs)
    assert out.shape == arrays[0].shape and lse.shape == q.shape[:3]
    if Nk == 0:
        assert not out.any() and np.isneginf(lse).all()


def test_masked_nan_does_not_leak(make):
    q, k, v = make(Nq=20, Nk=40)
    clean = fovea.attention(q, k, v, kv_len=[23, 40])
    k[0, :, 23:], v[0, :, 23:] = np.nan, np.inf
    np.testing.assert_array_equal(fovea.attention(q, k, v, kv_len=[23, 40]), clean)
