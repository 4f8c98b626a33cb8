// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_ATTN_DIALECT_TD
#define FOVEA_ATTN_DIALECT_TD

include "mlir/IR/OpBase.td"

def Attn_Dialect : Dialect {
  let name = "attn";
  let cppNamespace = "::fovea::attn";
  let summary = "What an attention is, and the tiles that compute it";
  let description = [{
    Two levels. `attn.attention` and `attn.linear_attention` say what is computed, on tensors or memrefs, with the score and the mask,
    or the feature map, as code. The tile
    level (`attn.task` and the ops inside it) says in which pieces; every target lowers it, and a scalar lowering executes it
    anywhere.

    Conventions: query `[B, Hq, Nq, Dk]`, key `[B, Hkv, Nk, Dk]`, value `[B, Hkv, Nk, Dv]`, output `[B, Hq, Nq, Dv]`,
    log-sum-exp `[B, Hq, Nq]`; query head `h` reads kv head `h floordiv (Hq / Hkv)`. In regions `b` is the sequence, `h` the
    query head, `i` the absolute query position (row + q_offset), `j` the key position.

    Arguments and results of functions may say `attn.name = "slopes"` (how callers pass it; by default its role or number) and
    `attn.dims = ["B", "Hq", "Nq", "D"]` (dimensions of one name are equal; `""` leaves one unnamed). The compiler sets `attn.output` on what a
    kernel writes, and `attn.indexes = 4` on integers that index the first dimension of argument 4; a plan checks them. Two unit attributes are claims about the content of an input:

    - `attn.sorted`: integers that do not decrease along the last dimension. A plan checks it.
    - `attn.mask_bias`: floats of which -inf hides a key. Where a score adds an element, `--attn-bias-to-mask` makes a mask of it,
      and the array becomes one that a plan reads: what is in it must not change as long as the plan is used.
  }];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

class Attn_Op<string mnemonic, list<Trait> traits = []> : Op<Attn_Dialect, mnemonic, traits>;

#endif
