// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_ATTN_ATTRIBUTES_TD
#define FOVEA_ATTN_ATTRIBUTES_TD

include "fovea/Dialect/Attn/IR/AttnDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Attn_Attr<string name, string attrMnemonic> : AttrDef<Attn_Dialect, name> {
  let mnemonic = attrMnemonic;
}

def Attn_Layout : I32EnumAttr<"Layout", "order of the dimensions of query, key, value and output", [
    I32EnumAttrCase<"BHND", 0, "bhnd">,
    I32EnumAttrCase<"BNHD", 1, "bnhd">]> {
  let cppNamespace = "::fovea::attn";
  let genSpecializedAttr = 0;
}
def Attn_LayoutAttr : EnumAttr<Attn_Dialect, Attn_Layout, "layout"> {
  let assemblyFormat = "`<` $value `>`";
}

def Attn_Weights : I32EnumAttr<"Weights", "what becomes of the scores of a row", [
    I32EnumAttrCase<"Softmax", 0, "softmax">,
    I32EnumAttrCase<"Pointwise", 1, "pointwise">]> {
  let cppNamespace = "::fovea::attn";
  let genSpecializedAttr = 0;
}
def Attn_WeightsAttr : EnumAttr<Attn_Dialect, Attn_Weights, "weights"> {
  let assemblyFormat = "`<` $value `>`";
}

def Attn_Pairing : I32EnumAttr<"Pairing", "which two columns a rotary embedding turns together", [
    I32EnumAttrCase<"Half", 0, "half">,
    I32EnumAttrCase<"Interleaved", 1, "interleaved">]> {
  let cppNamespace = "::fovea::attn";
  let genSpecializedAttr = 0;
}
def Attn_PairingAttr : EnumAttr<Attn_Dialect, Attn_Pairing, "pairing"> {
  let assemblyFormat = "`<` $value `>`";
}

def Attn_Direction : I32EnumAttr<"Direction", "which tokens a query of linear attention reads", [
    I32EnumAttrCase<"Causal", 0, "causal">,
    I32EnumAttrCase<"Full", 1, "full">]> {
  let cppNamespace = "::fovea::attn";
  let genSpecializedAttr = 0;
}
def Attn_DirectionAttr : EnumAttr<Attn_Dialect, Attn_Direction, "direction"> {
  let assemblyFormat = "`<` $value `>`";
}

def Attn_Normalizer : I32EnumAttr<"Normalizer", "what the output of linear attention is divided by", [
    I32EnumAttrCase<"None", 0, "none">,
    I32EnumAttrCase<"QZ", 1, "qz">]> {
  let cppNamespace = "::fovea::attn";
  let genSpecializedAttr = 0;
}
def Attn_NormalizerAttr : EnumAttr<Attn_Dialect, Attn_Normalizer, "normalizer"> {
  let assemblyFormat = "`<` $value `>`";
}

def Attn_TileRole : I32EnumAttr<"TileRole", "what a tile holds", [
    I32EnumAttrCase<"Query", 0, "query">,
    I32EnumAttrCase<"Key", 1, "key">,
    I32EnumAttrCase<"Value", 2, "value">]> {
  let cppNamespace = "::fovea::attn";
  let genSpecializedAttr = 0;
}

def Attn_SummaryKind : I32EnumAttr<"SummaryKind", "what is known of many elements at once", [
    I32EnumAttrCase<"Range", 0, "range">,
    I32EnumAttrCase<"Count", 1, "count">]> {
  let cppNamespace = "::fovea::attn";
}

def Attn_ScheduleAttr : Attn_Attr<"Schedule", "schedule"> {
  let summary = "Tile sizes of one attention, chosen from the target and static facts only";
  let description = [{
    - `query_tile`: query rows of a task at most, a multiple of `panel`; small problems are cut finer, by panels;
    - `key_block`: keys loaded at once, on an absolute grid, a multiple of `micro_keys`;
    - `lanes`: fp32 lanes of a vector register;
    - `panel`: query rows computed together, lanes times vectors per panel;
    - `micro_keys`: keys of the register tile; `micro_keys * panel / lanes` accumulators live in registers.

    Key blocks and the order in which a row's keys are summed depend on nothing else, so results do not change with the batch,
    the number of threads or the load. For linear attention `key_block` is the chunk and `query_tile` the same in whole panels;
    `panel` is the value columns computed together, `micro_keys` the rows of the register tile. Example: `#attn.schedule<query_tile = 128, key_block = 256, lanes = 16, panel = 32,
    micro_keys = 8>`.
  }];
  let parameters = (ins "int64_t":$query_tile, "int64_t":$key_block, "int64_t":$lanes, "int64_t":$panel,
                        "int64_t":$micro_keys);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif
