// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_ATTN_OPS_TD
#define FOVEA_ATTN_OPS_TD

include "fovea/Dialect/Attn/IR/AttnAttributes.td"
include "fovea/Dialect/Attn/IR/AttnTypes.td"
include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Attn_Shaped : AnyTypeOf<[AnyRankedTensor, AnyStridedMemRef], "ranked tensor or strided memref">;

def Attn_YieldOp : Attn_Op<"yield", [Pure, ReturnLike, Terminator,
    ParentOneOf<["AttentionOp", "TaskOp", "TileBoundsOp", "UpdateOp"]>]> {
  let summary = "Ends a score region with its score, a mask region with its answer, a task with nothing";
  let arguments = (ins Variadic<AnyType>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
  let builders = [OpBuilder<(ins), [{ /* a task yields nothing */ }]>];
}

def Attn_AttentionOp : Attn_Op<"attention", [
    AttrSizedOperandSegments, RecursiveMemoryEffects,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<BufferizableOpInterface,
        ["bufferizesToMemoryRead", "bufferizesToMemoryWrite", "getAliasingValues", "bufferize",
         "bufferizesToAllocation", "getBufferType"]>]> {
  let summary = "softmax(score(scale * query key^T), where mask) value";
  let description = [{
    For each sequence `b`, query head `h` and query row `r` at absolute position `i = r + q_offset`, over all keys `j`:

    ```
    s_j = scale * <query[b, h, r], key[b, h floordiv (Hq / Hkv), j]>
    t_j = score(s_j, b, h, i, j)            visible where mask(b, h, i, j)
    L   = log sum_{j visible} exp(t_j)      (natural log; -inf for a row that sees no key)
    o   = sum_{j visible} exp(t_j - L) value[b, h floordiv (Hq / Hkv), j]      (0 for a row that sees no key)
    ```

    Shapes (layout bhnd): query `[B, Hq, Nq, Dk]`, key `[B, Hkv, Nk, Dk]`, value `[B, Hkv, Nk, Dv]`, output `[B, Hq, Nq, Dv]`,
    log-sum-exp `[B, Hq, Nq]`; layout bnhd swaps heads and positions of all but the last. One op is self, cross, multi-head,
    grouped (GQA), multi-query (MQA) and sparse-query (SQA) attention; keys and values are never copied per query head. There
    is no implicit alignment: causal is `i >= j` on absolute positions.

    Elements are f32, f16 or bf16, the same of query, key and value; the output has that type or f32. Whatever they are, scores,
    the softmax and its sums are f32, and so is the log-sum-exp.

    Regions are straight-line scalar code (arith, math, constants, tensor.extract or memref.load) and may use any value from
    above. NaN and Inf of masked values never reach the output; at visible positions they propagate.

    The value form (tensors) allocates its results; with `outs` the op writes into them: on tensors it returns the updated ones,
    on memrefs it returns nothing. A second result or out is the log-sum-exp.

    ```mlir
    %o = attn.attention %q, %k, %v scale 0.125
      mask (%b, %h, %i, %j) {
        %causal = arith.cmpi sge, %i, %j : index
        attn.yield %causal : i1
      } : (tensor<?x32x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x32x?x64xf32>
    ```
  }];
  let arguments = (ins
    Attn_Shaped:$query, Attn_Shaped:$key, Attn_Shaped:$value,
    Optional<AnyTypeOf<[Index, Attn_Shaped]>>:$q_offset,
    Variadic<Attn_Shaped>:$outs,
    OptionalAttr<F64Attr>:$scale,
    DefaultValuedAttr<Attn_LayoutAttr, "::fovea::attn::Layout::BHND">:$layout,
    OptionalAttr<Attn_ScheduleAttr>:$schedule);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region AnyRegion:$score, AnyRegion:$mask);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`q_offset` $q_offset^)? (`outs` `(` $outs^ `)`)? (`scale` $scale^)? (`layout` $layout^)?
    (`schedule` $schedule^)? (`score` custom<ScoreRegion>($score)^)? (`mask` custom<MaskRegion>($mask)^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let hasCanonicalizer = 1;
  let extraClassDeclaration = [{
    /// The four dimensions in the order B, H, N, D whatever the layout: which dimension of the shaped operand each one is.
    static ::llvm::SmallVector<int64_t, 4> dimensionOrder(Layout layout);

    ::mlir::ShapedType getQueryType() { return ::llvm::cast<::mlir::ShapedType>(getQuery().getType()); }
    ::mlir::ShapedType getKeyType() { return ::llvm::cast<::mlir::ShapedType>(getKey().getType()); }
    ::mlir::ShapedType getValueType() { return ::llvm::cast<::mlir::ShapedType>(getValue().getType()); }
    /// Static size or ShapedType::kDynamic.
    int64_t getKeyHeadSize() { return getKeyType().getShape().back(); }
    int64_t getValueHeadSize() { return getValueType().getShape().back(); }
    /// `scale`, or exactly 1/sqrt(Dk).
    double getEffectiveScale();
    bool hasScore() { return !getScore().empty(); }
    bool hasMask() { return !getMask().empty(); }
    /// The log-sum-exp was asked for.
    bool hasLse() { return (isValueForm() ? getResults().size() : getOuts().size()) == 2; }
    bool isValueForm() { return getOuts().empty(); }
  }];
}

#endif
