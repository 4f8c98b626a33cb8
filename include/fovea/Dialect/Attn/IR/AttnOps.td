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
    ParentOneOf<["AttentionOp", "LinearAttentionOp", "LinearChunkOp", "TaskOp", "TileBoundsOp", "UpdateOp"]>]> {
  let summary = "Ends a score or feature region with its number, a mask region with its answer, a task with nothing";
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

    With `weights <pointwise>` there is no softmax: a visible key weighs what `score` yields, a hidden one 0, and there is no
    log-sum-exp. So are relu(q k) v, exp(q k / tau) v and sigmoid attention.

    ```
    o = sum_{j visible} t_j value[b, h floordiv (Hq / Hkv), j]
    ```

    `query_rope` and `key_rope` rotate query and key as `attn.rope` does, while they are read; the rotated arrays are nowhere. Each is
    `(cos, sin)` or `(cos, sin, positions)`, and a query without positions stands at its absolute one, q_offset included.

    With `latent (key_up, value_up)` it is latent attention (MLA). `key` is a cache of one row `[c, r]` per position, shared by all query heads:
    a latent c of Dc columns and R columns that keys have in common, key is given as value, too, and each head has its own projections,
    `key_up` `[Hq, Dk - R, Dc]` and `value_up` `[Hq, Dv, Dc]`, laid out as weights of linear layers are:

    ```
    k_j = [key_up[h] c_j, r_j]        v_j = value_up[h] c_j
    ```

    Neither keys nor values are ever in memory as a whole. Form `expanded` makes those of one head and block of positions when a
    task comes there; form `absorbed` takes the queries to the latents, `[key_up[h]^T q, q_r]`, and the sums of latents to the output.
    Without `form` the sizes of each call decide by the number of products. The rotary embeddings turn the last columns, those of r.
    Source: DeepSeek-AI 2024 (DeepSeek-V2).

    With `query_norm` or `key_norm`, a gain g of f32 `[Dk]`, each row is normalised while it is read, before it is rotated (QK-norm; `epsilon`
    is 1e-6 if not given). Source: Henry et al. 2020, in the form of Qwen3 and Gemma 3.

    ```
    x -> g x / sqrt(mean(x^2) + epsilon)
    ```

    With `additive (w)`, f32 `[Hq, Dk]`, scores are Bahdanau's; the default scale is then 1. Source: Bahdanau et al. 2015.

    ```
    s_j = scale * sum_d w[h, d] tanh(query[b, h, r, d] + key[b, h floordiv (Hq / Hkv), j, d])
    ```

    With `far`, a condition on positions as a mask is, pairs for which it holds are rotated by `far_query_rope` and `far_key_rope`, or not at
    all, and the others by `query_rope` and `key_rope`: two products of which a tile needs one, but where the condition changes (ReRoPE,
    Leaky ReRoPE). Source: Su 2023.

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
    Variadic<Attn_Shaped>:$outs, Variadic<Attn_Shaped>:$query_rope, Variadic<Attn_Shaped>:$key_rope,
    Variadic<Attn_Shaped>:$latent, Optional<Attn_Shaped>:$query_norm, Optional<Attn_Shaped>:$key_norm,
    Optional<Attn_Shaped>:$additive, Variadic<Attn_Shaped>:$far_query_rope, Variadic<Attn_Shaped>:$far_key_rope,
    OptionalAttr<Attn_LatentFormAttr>:$form, OptionalAttr<F64Attr>:$epsilon,
    DefaultValuedAttr<Attn_PairingAttr, "::fovea::attn::Pairing::Half">:$pairing,
    DefaultValuedAttr<Attn_WeightsAttr, "::fovea::attn::Weights::Softmax">:$weights,
    OptionalAttr<F64Attr>:$scale,
    DefaultValuedAttr<Attn_LayoutAttr, "::fovea::attn::Layout::BHND">:$layout,
    OptionalAttr<Attn_ScheduleAttr>:$schedule);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region AnyRegion:$score, AnyRegion:$mask, AnyRegion:$far);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`q_offset` $q_offset^)? (`outs` `(` $outs^ `)`)?
    (`query_norm` `(` $query_norm^ `)`)? (`key_norm` `(` $key_norm^ `)`)? (`epsilon` $epsilon^)?
    (`query_rope` `(` $query_rope^ `)`)? (`key_rope` `(` $key_rope^ `)`)?
    (`far_query_rope` `(` $far_query_rope^ `)`)? (`far_key_rope` `(` $far_key_rope^ `)`)? (`pairing` $pairing^)?
    (`latent` `(` $latent^ `)`)? (`form` $form^)? (`additive` `(` $additive^ `)`)?
    (`weights` $weights^)? (`scale` $scale^)? (`layout` $layout^)? (`schedule` $schedule^)?
    (`score` custom<ScoreRegion>($score)^)? (`mask` custom<MaskRegion>($mask)^)? (`far` custom<MaskRegion>($far)^)?
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
    /// Columns of a key, and of a query; of a latent attention of those that it expands to.
    int64_t getKeyHeadSize() { return getQueryType().getShape().back(); }
    /// Columns of a value, and of the output.
    int64_t getValueHeadSize() { return isLatent() ? getValueUpType().getDimSize(1) : getValueType().getShape().back(); }
    bool isLatent() { return !getLatent().empty(); }
    ::mlir::ShapedType getKeyUpType() { return ::llvm::cast<::mlir::ShapedType>(getLatent()[0].getType()); }
    ::mlir::ShapedType getValueUpType() { return ::llvm::cast<::mlir::ShapedType>(getLatent()[1].getType()); }
    /// Columns of a latent; of the rest of a row, which keys of all heads share; and of a key that come from the latent.
    int64_t getLatentSize() { return getKeyUpType().getDimSize(2); }
    int64_t getSharedSize() { return getKeyType().getShape().back() - getLatentSize(); }
    int64_t getOwnSize() { return getKeyUpType().getDimSize(1); }
    /// How many columns these tables turn.
    static int64_t getRotatedColumns(::mlir::ValueRange rope) {
      return rope.empty() ? 0 : 2 * ::llvm::cast<::mlir::ShapedType>(rope[0].getType()).getShape().back();
    }
    /// `scale`, or exactly 1/sqrt(Dk); of additive scores 1.
    double getEffectiveScale();
    bool hasScore() { return !getScore().empty(); }
    bool hasMask() { return !getMask().empty(); }
    bool isPointwise() { return getWeights() == Weights::Pointwise; }
    bool hasRope() { return !getQueryRope().empty() || !getKeyRope().empty(); }
    bool hasNorm() { return getQueryNorm() || getKeyNorm(); }
    /// Two rotations, of which the positions of a pair choose one.
    bool hasFar() { return !getFar().empty(); }
    /// Of QK-norm.
    double getEffectiveEpsilon();
    /// The log-sum-exp was asked for.
    bool hasLse() { return (isValueForm() ? getResults().size() : getOuts().size()) == 2; }
    bool isValueForm() { return getOuts().empty(); }
  }];
}

def Attn_RopeOp : Attn_Op<"rope", [AttrSizedOperandSegments, Pure, AllTypesMatch<["input", "result"]>]> {
  let summary = "Rotary position embedding";
  let description = [{
    Turns pairs of columns of each row by the angles of its position. With R = 2 * (columns of `cos`), for every f < R / 2:

    ```
    (x_a, x_c) -> (x_a cos[p, f] - x_c sin[p, f],  x_c cos[p, f] + x_a sin[p, f])
    pairing half:         a = f,   c = f + R / 2      (Llama, GPT-NeoX)
    pairing interleaved:  a = 2 f, c = 2 f + 1        (GPT-J, the paper)
    ```

    Columns from R on stay as they are (partial rotation). `input` is `[B, H, N, D]`, or `[B, N, H, D]` with layout bnhd. The tables
    hold what tells the variants apart (base, NTK, YaRN, llama3, sections, a factor on both):

    - `[P, R / 2]`: p is the element of `positions` (`[B, N]`, integers below P) for the sequence and row; without `positions` it
      is the row, plus `offset` if there is one;
    - `[B, N, R / 2]`: an entry for each sequence and row, so without positions and offset.

    `--attn-fold-rope` lets the attention that reads the result rotate what it loads. Nothing else computes it.

    Sources: Su et al. 2021; Chen et al. 2023 and Peng et al. 2023 (scaling).
  }];
  let arguments = (ins AnyRankedTensor:$input, AnyRankedTensor:$cos, AnyRankedTensor:$sin,
                       Optional<AnyRankedTensor>:$positions, Optional<Index>:$offset,
                       DefaultValuedAttr<Attn_PairingAttr, "::fovea::attn::Pairing::Half">:$pairing,
                       DefaultValuedAttr<Attn_LayoutAttr, "::fovea::attn::Layout::BHND">:$layout);
  let results = (outs AnyRankedTensor:$result);
  let assemblyFormat = [{
    $input `cos` $cos `sin` $sin (`positions` $positions^)? (`offset` $offset^)? (`pairing` $pairing^)? (`layout` $layout^)?
    attr-dict `:` type($input) `,` type($cos) `,` type($sin) (`,` type($positions)^)?
  }];
  let hasVerifier = 1;
}

def Attn_LinearAttentionOp : Attn_Op<"linear_attention", [
    AttrSizedOperandSegments, RecursiveMemoryEffects,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
    DeclareOpInterfaceMethods<BufferizableOpInterface,
        ["bufferizesToMemoryRead", "bufferizesToMemoryWrite", "getAliasingValues", "bufferize",
         "bufferizesToAllocation", "getBufferType"]>]> {
  let summary = "Attention without softmax: a recurrent state instead of scores";
  let description = [{
    For each sequence and kv head, over the tokens `t` in order, with `k_t = feature(key[t])` and `q_t = feature(query[t])`:

    ```
    R_t = diag(e^{g_t}) S_{t-1}                    S is [Dk, Dv], S_0 the initial state, or 0
    S_t = R_t + k_t v_t^T                          rule <add>
    S_t = R_t + beta_t k_t (v_t - R_t^T k_t)^T     rule <delta>
    z_t = diag(e^{g_t}) z_{t-1} + k_t              z is [Dk]
    ```

    and the output is, by `normalizer` (scale is 1 but for the first; rms(x) = sqrt(mean(x^2) + epsilon)):

    ```
    o_t = scale q_t^T S_t                          <none>
    o_t = q_t^T S_t / (q_t . z_t + epsilon)        <qz>, the Linear Transformer's
    o_t = (q_t / (z_t + epsilon))^T S_t            <z>, column by column of the state
    o_t = (q_t / rms(q_t) / (z_t + epsilon))^T S_t <norm_z>, the same with normalised queries
    o_t = q_t^T S_t / rms(q_t^T S_t)               <norm>, TransNormer's: no sum of keys, a norm of the output
    ```

    Rule `delta` (DeltaNet; Gated DeltaNet with a decay per token; KDA with one per channel) writes what a key does not yet recall, with
    strength `beta`, [B, Hkv, N]. It is stable where beta_t |k_t|^2 <= 2, which is not checked: keys of length 1 and beta in [0, 1] are.
    It has direction causal, and no sum of keys to divide by: normalizer <none> or <norm>.

    Direction `causal` is this recurrence. In direction `full` every query reads the state of all keys, S_N and z_N: queries and keys may
    then differ in number, and there is no decay. Default `scale` is 1, default `epsilon` 1e-6.

    `feature` is scalar code, one number to one number, applied to every element of query and key (elu(x) + 1, say); without it they
    are used as they are. `decay` is g, the logarithm of what is kept: `[Hkv]` per head (RetNet: ln(1 - 2^(-5-h)), Lightning: -slope),
    `[B, Hkv, N]` per token (Mamba-2, with C for query, B for key), `[B, Hkv, N, Dk]` per token and channel (GLA). With layout bnhd its
    heads and positions swap as they do in query, key and value. Decays are 0 or below, -inf included, which forgets; above 0, what
    grows over a chunk by more than fp32 holds is NaN.

    Shapes (layout bhnd): query `[B, Hq, N, Dk]`, key `[B, Hkv, N, Dk]`, value `[B, Hkv, N, Dv]`, output `[B, Hq, N, Dv]`; query head `h`
    reads the state of kv head `h floordiv (Hq / Hkv)`. States are `[B, Hkv, Dk, Dv]` in every layout; with a normaliser that needs z they have
    one more column, which is z: `[B, Hkv, Dk, Dv + 1]`. A second result or out is the final state; given as the initial one for the tokens
    that follow, it continues the sequence.

    `lengths`, integers [B], makes the tokens of sequence b from lengths[b] on padding: they do not enter the state, and their outputs are
    0. In direction full it is about keys; every query is computed. What is not between 0 and N counts as the nearer of the two.

    `form` says how this is computed, which `attn-choose-linear-form` decides from static facts where it is not given: `recurrent`, a
    token at a time, for decoding; `chunked`, products of a chunk of tokens and the state once for each chunk; `parallel`, all tokens
    as one chunk without a state, for short sequences. They agree up to rounding.

    NaN and Inf in a token reach the outputs of that token and those after it, as the formula says, and no earlier one.

    ```mlir
    %o = attn.linear_attention %q, %k, %v normalizer <qz>
      feature (%x) {
        %zero = arith.constant 0.0 : f32
        %one = arith.constant 1.0 : f32
        %positive = arith.cmpf ogt, %x, %zero : f32
        %line = arith.addf %x, %one : f32
        %curve = math.exp %x : f32
        %phi = arith.select %positive, %line, %curve : f32
        attn.yield %phi : f32
      } : (tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>, tensor<?x8x?x64xf32>) -> tensor<?x8x?x64xf32>
    ```

    Sources: Katharopoulos et al. 2020 (normaliser, elu + 1), Qin et al. 2022 (TransNormer), Sun et al. 2023 (RetNet), Yang et al. 2024
    (GLA; DeltaNet in chunks), Dao and Gu 2024 (Mamba-2), Yang et al. 2025 (Gated DeltaNet), Kimi Team 2025 (KDA).
  }];
  let arguments = (ins
    Attn_Shaped:$query, Attn_Shaped:$key, Attn_Shaped:$value,
    Optional<Attn_Shaped>:$decay, Optional<Attn_Shaped>:$initial_state,
    Variadic<Attn_Shaped>:$outs, Optional<Attn_Shaped>:$beta, Optional<Attn_Shaped>:$lengths,
    DefaultValuedAttr<Attn_RuleAttr, "::fovea::attn::Rule::Add">:$rule,
    DefaultValuedAttr<Attn_DirectionAttr, "::fovea::attn::Direction::Causal">:$direction,
    DefaultValuedAttr<Attn_NormalizerAttr, "::fovea::attn::Normalizer::None">:$normalizer,
    DefaultValuedAttr<F64Attr, "1.0e-6">:$epsilon,
    DefaultValuedAttr<F64Attr, "1.0">:$scale,
    DefaultValuedAttr<Attn_LayoutAttr, "::fovea::attn::Layout::BHND">:$layout,
    OptionalAttr<Attn_LinearFormAttr>:$form, OptionalAttr<Attn_ScheduleAttr>:$schedule);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let regions = (region AnyRegion:$feature);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`decay` $decay^)? (`initial_state` $initial_state^)? (`outs` `(` $outs^ `)`)?
    (`beta` $beta^)? (`lengths` $lengths^)? (`rule` $rule^)? (`direction` $direction^)? (`normalizer` $normalizer^)? (`epsilon` $epsilon^)? (`scale` $scale^)? (`layout` $layout^)?
    (`form` $form^)? (`schedule` $schedule^)? (`feature` custom<FeatureRegion>($feature)^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ShapedType getQueryType() { return ::llvm::cast<::mlir::ShapedType>(getQuery().getType()); }
    ::mlir::ShapedType getKeyType() { return ::llvm::cast<::mlir::ShapedType>(getKey().getType()); }
    ::mlir::ShapedType getValueType() { return ::llvm::cast<::mlir::ShapedType>(getValue().getType()); }
    int64_t getKeyHeadSize() { return getKeyType().getShape().back(); }
    int64_t getValueHeadSize() { return getValueType().getShape().back(); }
    bool isNormalized() { return getNormalizer() != Normalizer::None; }
    bool isCausal() { return getDirection() == Direction::Causal; }
    bool isDelta() { return getRule() == Rule::Delta; }
    bool hasInitialState() { return static_cast<bool>(getInitialState()); }
    /// Columns of a state in memory: z is one more.
    int64_t getStateColumns() { return getValueHeadSize() + keepsKeySum(getNormalizer()); }
    bool isValueForm() { return getOuts().empty(); }
    bool hasFinalState() { return (isValueForm() ? getResults().size() : getOuts().size()) == 2; }
  }];
}

#endif
