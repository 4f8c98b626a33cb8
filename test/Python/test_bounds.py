# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Nothing outside an array is read or written, whatever the sizes, the strides and the indices of a mask are."""

import itertools

import numpy as np
import pytest

import fovea
from guarded import guarded
from reference import check

ORDERS = {
    "rows": lambda x: x,
    "bnhd": lambda x: np.ascontiguousarray(x.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3),
    "columns": lambda x: np.ascontiguousarray(x.transpose(0, 1, 3, 2)).transpose(0, 1, 3, 2),
    "reversed": lambda x: np.ascontiguousarray(x[:, :, ::-1, ::-1])[:, :, ::-1, ::-1],
}


def padded(array):
    """Reads zero outside `array`, as captured arrays do."""
    def get(index):
        inside = (index >= 0) & (index < len(array))
        return np.where(inside, array[np.where(inside, index, 0)], 0) if len(array) else index * 0
    return get


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("D", [1, 17, 64])
def test_tensors(make, order, D, at_end):
    for Nq, Nk in itertools.product((1, 16, 33, 129), (1, 15, 257)):
        arrays = make(1, 2, Nq, Nk, D)
        q, k, v = (guarded(ORDERS[order](x), at_end) for x in arrays)
        out = guarded(ORDERS[order](np.full_like(arrays[0], np.nan)), at_end)
        lse = guarded(np.full((1, 2, Nq), np.nan, np.float32), at_end)
        fovea.attention(q, k, v, is_causal=True, q_offset=Nk - Nq, out=(out, lse), return_lse=True, threads=1)
        check(out, lse, *arrays, mask_mod=lambda b, h, i, j: i >= j, q_offset=Nk - Nq)


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("offset", [0, -5, 1000])
@pytest.mark.parametrize("length", [0, 1, 10, 299])
def test_a_short_array_reads_as_zero_at_computed_positions(make, length, offset, at_end):
    q, k, v = make(1, 2, 300, 300)
    doc = guarded(np.arange(length) // 4 + 1, at_end)
    read = padded(np.array(doc))
    out, lse = fovea.attention(q, k, v, mask_mod=lambda b, h, i, j: doc[i + 1] == doc[j + 1], q_offset=offset, return_lse=True)
    check(out, lse, q, k, v, mask_mod=lambda b, h, i, j: read(i + 1) == read(j + 1), q_offset=offset)


@pytest.mark.parametrize("mask, offset, who", [
    (lambda doc: lambda b, h, i, j: doc[i] > 0, 0, "query position"),
    (lambda doc: lambda b, h, i, j: doc[i] > 0, -1, "query position"),
    (lambda doc: lambda b, h, i, j: (j < 5) & (doc[j] > 0), 0, "key"),
    (lambda doc: lambda b, h, i, j: doc[b] > 0, 0, "sequence"),
    (lambda doc: lambda b, h, i, j: doc[h] > 0, 0, "query head"),
])
def test_a_short_array_is_refused_at_a_position_itself(make, mask, offset, who):
    sizes = {"query position": 30, "key": 40, "sequence": 2, "query head": 4}
    q, k, v = make(2, 4, 30, 40)
    doc = np.ones(sizes[who], np.int32)
    if offset == 0:
        fovea.attention(q, k, v, mask_mod=mask(doc), q_offset=offset)
    short = doc[:-1] if offset == 0 else doc
    message = f"the mask reads 'doc' at every {who}, and dimension 0 does not cover them all"
    with pytest.raises(fovea.Error, match=message):
        fovea.attention(q, k, v, mask_mod=mask(short), q_offset=offset)
    with pytest.raises(fovea.Error, match="the score reads"):
        fovea.attention(q, k, v, score_mod=lambda s, b, h, i, j: fovea.where(mask(short)(b, h, i, j), s, s + 1), q_offset=offset)


def test_a_divisor_of_zero_is_refused(make):
    size = fovea.param("size", 0)
    with pytest.raises(fovea.Error, match="the mask divides by 'size', which is 0"):
        fovea.attention(*make(), mask_mod=lambda b, h, i, j: i // size == j // size)


def test_wild_indices_read_as_zero(make):
    q, k, v = make(1, 2, 70, 70)
    doc, page = guarded(np.arange(70) // 7), np.random.default_rng(0).integers(-9, 90, 70)
    read = padded(np.array(doc))
    for factor in (2**20, -2**20, 2**40):
        mask = lambda doc, page: lambda b, h, i, j: (doc(i - j) + doc(i * factor)) >= doc(page(j))
        out = fovea.attention(q, k, v, mask_mod=lambda b, h, i, j: (doc[i - j] + doc[i * factor]) >= doc[page[j]])
        check(out, None, q, k, v, mask_mod=mask(read, padded(page)))
    bias = guarded(np.random.default_rng(1).standard_normal(50).astype(np.float32))
    out = fovea.attention(q, k, v, score_mod=lambda s, b, h, i, j: s + bias[i - j])
    check(out, None, q, k, v, score_mod=lambda s, b, h, i, j: s + padded(bias)(i - j))


def test_captured_arrays_of_any_strides(make):
    q, k, v = make(1, 2, 130, 130)
    backwards = np.repeat(np.arange(130) // 9, 3)[::-3]
    same = np.broadcast_to(np.int32(3), (130,))
    dense = (np.random.default_rng(2).random((130, 390)) < 0.5)[::-1, ::3]
    mask = lambda b, h, i, j: (backwards[i] <= backwards[j]) & (same[i] == 3) & dense[i, j]
    check(fovea.attention(q, k, v, mask_mod=mask), None, q, k, v, mask_mod=mask)


def test_division_by_zero_does_not_trap(make):
    """The quotient has no meaning, but the process must live on."""
    zero = np.zeros(37, np.int64)
    for mask in (lambda b, h, i, j: i // zero[j] == 0, lambda b, h, i, j: i % zero[b] == 0, lambda b, h, i, j: i % j == 0):
        assert np.isfinite(fovea.attention(*make(), mask_mod=mask)).all()
