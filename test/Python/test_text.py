# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The module text, whole."""

import numpy as np

import fovea
from fovea import masks, module, scores

DIMS = module.Dims(2, 12, 4, 9, 11, 32, 64)


def test_plain():
    assert module.emit(module.Options(), DIMS).mlir == """\
func.func @attention(%query: tensor<?x12x?x32xf32> {attn.dims = ["B", "Hq", "Nq", "Dk"]}, \
%key: tensor<?x4x?x32xf32> {attn.dims = ["B", "Hkv", "Nk", "Dk"]}, \
%value: tensor<?x4x?x64xf32> {attn.dims = ["B", "Hkv", "Nk", "Dv"]}) -> tensor<?x12x?x64xf32> {
  %o = attn.attention %query, %key, %value
    : (tensor<?x12x?x32xf32>, tensor<?x4x?x32xf32>, tensor<?x4x?x64xf32>) -> tensor<?x12x?x64xf32>
  return %o : tensor<?x12x?x64xf32>
}
"""


def test_everything():
    near = fovea.param("near", 3)
    slopes = np.zeros(12, np.float32)
    options = module.Options(
        mask_mod=lambda b, h, q, k: q - k > near, score_mod=lambda s, b, h, q, k: s + slopes[h], is_causal=True, window=4,
        softcap=2.0, scale=0.5, q_offset=7, kv_len=[9, 11], layout="bnhd", return_lse=True)
    program = module.emit(options, DIMS, dynamic=("B", "Nk"))
    assert program.mlir == """\
func.func @attention(%query: tensor<?x9x12x32xf32> {attn.dims = ["B", "Nq", "Hq", "Dk"]}, \
%key: tensor<?x?x4x32xf32> {attn.dims = ["B", "Nk", "Hkv", "Dk"]}, \
%value: tensor<?x?x4x64xf32> {attn.dims = ["B", "Nk", "Hkv", "Dv"]}, \
%q_offset: index, %slopes: tensor<?xf32>, %window: index, %kv_len: tensor<?xi32> {attn.dims = ["B"]}, %near: index) \
-> (tensor<?x9x12x64xf32>, tensor<?x12x9xf32>) {
  %o, %lse = attn.attention %query, %key, %value q_offset %q_offset scale 0.5 layout <bnhd>
    score (%s, %b, %h, %i, %j) {
      %0 = arith.constant 0.5 : f32
      %1 = arith.mulf %s, %0 : f32
      %2 = math.tanh %1 : f32
      %3 = arith.constant 2.0 : f32
      %4 = arith.mulf %2, %3 : f32
      %5 = tensor.extract %slopes[%h] : tensor<?xf32>
      %6 = arith.addf %4, %5 : f32
      attn.yield %6 : f32
    }
    mask (%b, %h, %i, %j) {
      %0 = arith.cmpi sge, %i, %j : index
      %1 = arith.subi %i, %j : index
      %2 = arith.cmpi slt, %1, %window : index
      %3 = tensor.extract %kv_len[%b] : tensor<?xi32>
      %4 = arith.index_cast %3 : i32 to index
      %5 = arith.cmpi slt, %j, %4 : index
      %6 = arith.cmpi sgt, %1, %near : index
      %7 = arith.andi %0, %2 : i1
      %8 = arith.andi %7, %5 : i1
      %9 = arith.andi %8, %6 : i1
      attn.yield %9 : i1
    }
    : (tensor<?x9x12x32xf32>, tensor<?x?x4x32xf32>, tensor<?x?x4x64xf32>, index) -> (tensor<?x9x12x64xf32>, tensor<?x12x9xf32>)
  return %o, %lse : tensor<?x9x12x64xf32>, tensor<?x12x9xf32>
}
"""
    assert [(o.name, o.type) for o in program.operands] == [
        ("q_offset", "index"), ("slopes", "tensor<?xf32>"), ("window", "index"), ("kv_len", "tensor<?xi32>"), ("near", "index")]


def test_a_mask_that_hides_nothing_is_left_out():
    assert "mask" not in module.emit(module.Options(mask_mod=lambda b, h, q, k: True), DIMS).mlir


def test_the_text_does_not_depend_on_run_time_values():
    def text(window, doc, near):
        return module.emit(module.Options(mask_mod=lambda b, h, q, k: (doc[q] == doc[k]) & (q - k < fovea.param("n", near)),
                                          is_causal=True, window=window), DIMS).mlir
    assert text(3, np.arange(40), 5) == text(99, np.arange(50), 6)
    assert text(3, np.arange(40), 5) != text(3, np.arange(40.0), 5)


def test_claims_stand_on_their_arguments():
    options = module.Options(mask_mod=masks.documents(np.arange(11), sorted=True),
                             score_mod=scores.dense_bias(np.zeros((9, 11), np.float32), is_mask=True))
    text = module.emit(options, DIMS).mlir
    assert "%ids: tensor<?xi64> {attn.sorted}" in text
    assert "%bias: tensor<?x?xf32> {attn.mask_bias}" in text
    plain = options._replace(mask_mod=masks.documents(np.arange(11)), score_mod=None)
    assert "attn.sorted" not in module.emit(plain, DIMS).mlir
