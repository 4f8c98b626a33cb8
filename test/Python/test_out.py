# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Outputs that the caller owns."""

import numpy as np
import pytest

import fovea


def test_out_is_written_in_place(make):
    q, k, v = make()
    expected, expected_lse = fovea.attention(q, k, v, return_lse=True)
    out = np.full_like(q, np.nan)
    assert fovea.attention(q, k, v, out=out) is out
    np.testing.assert_array_equal(out, expected)
    lse = np.empty(q.shape[:3], np.float32)
    out.fill(np.nan)
    result = fovea.attention(q, k, v, out=(out, lse), return_lse=True)
    assert result[0] is out and result[1] is lse
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(lse, expected_lse)
    only_out = fovea.attention(q, k, v, out=out, return_lse=True)
    np.testing.assert_array_equal(only_out[1], expected_lse)


def test_strided_out_leaves_the_rest_alone(make):
    q, k, v = make(Dk=32)
    wide = np.full((*q.shape[:3], 40), 7, np.float32)
    fovea.attention(q, k, v, out=wide[..., 4:36])
    np.testing.assert_array_equal(wide[..., 4:36], fovea.attention(q, k, v))
    assert (wide[..., :4] == 7).all() and (wide[..., 36:] == 7).all()
    backwards = np.empty_like(q)
    fovea.attention(q, k, v, out=backwards[:, :, ::-1, ::-1])
    np.testing.assert_array_equal(backwards[:, :, ::-1, ::-1], fovea.attention(q, k, v))


@pytest.mark.parametrize("bad, error, message", [
    (lambda q: np.empty(q.shape, np.float64), TypeError, "out: dtype float64"),
    (lambda q: np.empty(q.shape[1:], np.float32), ValueError, "out: expected shape"),
    (lambda q: np.broadcast_to(q, q.shape), ValueError, "out: the array is read-only"),
    (lambda q: np.lib.stride_tricks.as_strided(q.copy(), q.shape, (0, *q.strides[1:])), fovea.InvalidError, "stride 0, but an output needs"),
    (lambda q: q, fovea.InvalidError, "this output overlaps argument 0 'query'"),
    (lambda q: q[:, :, ::-1], fovea.InvalidError, "this output overlaps argument 0 'query'"),
    (lambda q: (q.copy(), q.copy()), ValueError, "out: expected one array"),
    (lambda q: "out", TypeError, "out: expected a numpy array"),
])
def test_bad_out(make, bad, error, message):
    q, k, v = make()
    with pytest.raises(error, match=message):
        fovea.attention(q, k, v, out=bad(q))
