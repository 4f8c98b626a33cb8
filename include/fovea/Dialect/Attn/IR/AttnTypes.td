// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_ATTN_TYPES_TD
#define FOVEA_ATTN_TYPES_TD

include "fovea/Dialect/Attn/IR/AttnAttributes.td"
include "mlir/IR/AttrTypeBase.td"

class Attn_Type<string name, string typeMnemonic> : TypeDef<Attn_Dialect, name> {
  let mnemonic = typeMnemonic;
}

def Attn_TileType : Attn_Type<"Tile", "tile"> {
  let summary = "Rows of query, key or value, in whatever form the target computes on";
  let description = [{
    `!attn.tile<key, 256x64xf32>`: up to 256 rows of 64 elements of the key; rows past the valid count read as zero. What a tile
    is for is part of its type, because targets keep queries, keys and values in different forms.
  }];
  let parameters = (ins EnumParameter<Attn_TileRole>:$role, "int64_t":$rows, "int64_t":$columns, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $role `,` custom<Rows>($rows, $columns, $elementType) `>`";
  let genVerifyDecl = 1;
}

def Attn_StateType : Attn_Type<"State", "state"> {
  let summary = "A running softmax over query rows: accumulator, maximum, sum";
  let description = [{
    `!attn.state<128x64xf32>` holds for each of 128 rows `m = max t`, `l = sum exp(t - m)` and 64 columns of
    `acc = sum exp(t - m) v` over the keys seen so far (Milakov and Gimelshein 2018; Dao et al. 2022). A state is linear: it has
    one use on every path, because targets update it in place.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` custom<Rows>($rows, $columns, $elementType) `>`";
  let genVerifyDecl = 1;
}

def Attn_LinearStateType : Attn_Type<"LinearState", "linear_state"> {
  let summary = "The state of linear attention: keys by values, and their normaliser";
  let description = [{
    `!attn.linear_state<64x32xf32>` holds `S = sum k v^T` (64 x 32) and `z = sum k` (64) over the tokens seen so far, both decayed. It is
    linear as `!attn.state` is.
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$columns, "::mlir::Type":$elementType);
  let assemblyFormat = "`<` custom<Rows>($rows, $columns, $elementType) `>`";
  let genVerifyDecl = 1;
}

#endif
