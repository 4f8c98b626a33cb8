# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tensors of other libraries, through DLPack and without copies."""

import numpy as np
import pytest

import fovea
from reference import check


class Tensor:
    """A library that speaks only DLPack, with or without its newer keywords."""

    def __init__(self, array, versioned):
        self.array, self.versioned, self.shape, self.exports = array, versioned, array.shape, 0

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()

    def __dlpack__(self, *, stream=None, **kwargs):
        if kwargs and not self.versioned:
            raise TypeError(f"unexpected keywords {kwargs}")
        self.exports += 1
        return self.array.__dlpack__(stream=stream, **kwargs)


@pytest.mark.parametrize("versioned", [True, False])
def test_any_library(make, versioned):
    arrays = make()
    tensors = [Tensor(a, versioned) for a in arrays]
    check(fovea.attention(*tensors), None, *arrays)
    assert all(t.exports for t in tensors)


def test_captured(make):
    doc = Tensor(np.arange(37) // 10, True)
    q, k, v = make()
    check(fovea.attention(q, k, v, mask_mod=lambda b, h, i, j: doc[i] == doc[j]), None, q, k, v,
          mask_mod=lambda b, h, i, j: i // 10 == j // 10)


def test_torch(make):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    arrays = make()
    q, k, v = (torch.from_numpy(a.copy()) for a in arrays)
    doc, padded = torch.arange(37) // 10, torch.arange(74).reshape(2, 37) % 5 > 0
    mask = lambda b, h, i, j: (doc[i] == doc[j]) & padded[b, j] & torch.where(i > 3, i >= j, j > 20)
    out = torch.empty(v.shape)
    assert fovea.attention(q, k, v, mask_mod=mask, out=out) is out
    doc_np, padded_np = doc.numpy(), padded.numpy()
    keep = lambda b, h, i, j: (doc_np[i] == doc_np[j]) & padded_np[b, j] & np.where(i > 3, i >= j, j > 20)
    check(out.numpy(), None, *arrays, mask_mod=keep)
    reference = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    np.testing.assert_allclose(fovea.attention(q, k, v, is_causal=True), reference.numpy(), rtol=1e-4, atol=1e-5)
    with pytest.raises(TypeError, match="bfloat16 is not supported yet"):
        fovea.attention(q.bfloat16(), k, v)
    with pytest.raises(TypeError, match="detach"):
        fovea.attention(q.requires_grad_(), k, v)
