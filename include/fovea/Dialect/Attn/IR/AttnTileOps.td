// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_ATTN_TILE_OPS_TD
#define FOVEA_ATTN_TILE_OPS_TD

include "fovea/Dialect/Attn/IR/AttnOps.td"

def Attn_TaskOp : Attn_Op<"task", [RecursiveMemoryEffects, SingleBlock,
    SingleBlockImplicitTerminator<"YieldOp">]> {
  let summary = "Independent pieces of work: sequences x query heads x query tiles";
  let description = [{
    Runs its body for every (b, h, t) below the bounds, in any order or at once. Each output element belongs to one task. The
    CPU outlines the body; what the body needs from `attn.tile_bounds` at its top level is computed once, in the plan.

    A packed task has rows of `group` query heads, from h on, and its tile's keys may be cut into `splits` ranges, each for a task
    of its own: the fourth index says which, and the task's bounds are of its keys. Splits without a visible key have no task, but for
    the first one of a tile that sees nothing. What the others find meets in `attn.partials`.

    ```mlir
    attn.task (%b, %h, %t, %split) in (%batches, %heads by %group, %tiles, %splits) schedule <...> { ... }
    ```
  }];
  let arguments = (ins Index:$batches, Index:$heads, Index:$tiles, Variadic<Index>:$packing,
                       Attn_ScheduleAttr:$schedule);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasRegionVerifier = 1;
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::Value":$batches, "::mlir::Value":$heads, "::mlir::Value":$tiles,
                                 "::fovea::attn::ScheduleAttr":$schedule, CArg<"::mlir::ValueRange", "{}">:$packing)>];
  let extraClassDeclaration = [{
    /// Its operands end with (group, splits), and its indices with the split.
    bool isPacked() { return !getPacking().empty(); }
  }];
}

def Attn_PartialsOp : Attn_Op<"partials", [Pure]> {
  let summary = "Where tasks that share a tile leave what they found";
  let description = [{
    Of the tile whose keys are cut into `pieces`, this task has the one of number `piece`. `buffer` has a row of at least `words` words, a multiple of 16, for each
    piece, 64-byte aligned, in memory that all tasks of a run share. The first word of row 0 is 0 when a run starts, and must be
    again when it ends: by counting in it, the last task of a tile to arrive knows that it is. Everything else may hold
    anything. With one piece there is no row.
  }];
  let arguments = (ins Index:$words);
  let results = (outs MemRefRankOf<[I32], [2]>:$buffer, Index:$piece, Index:$pieces);
  let assemblyFormat = "$words attr-dict `:` type($buffer)";
  let hasVerifier = 1;
}

def Attn_TileBoundsOp : Attn_Op<"tile_bounds", [RecursiveMemoryEffects]> {
  let summary = "Which keys do these rows see? EMPTY, FULL or PARTIAL at any grain";
  let description = [{
    Considers the rows at positions `[row_begin, row_end)` and the keys `[key_begin, key_end)` in steps of `step` keys (the last
    one may be short), all counted from key_begin. With the mask's own code, by three-valued interval evaluation:

    - `begin`, `end`: the smallest range of whole steps that contains every visible key, cut at key_end (EMPTY: both are key_begin);
    - `visited`: how many steps in it are not provably EMPTY;
    - `full`: every key of `[key_begin, key_end)` is provably visible to every row; true if there are no keys or no rows.

    Sound, not exact: a step is only left out, and `full` only said, when that is proven. Asked with one step it classifies a
    tile; asked over all keys it gives a task its loop bounds.
  }];
  let arguments = (ins Index:$batch, Index:$head, Index:$row_begin, Index:$row_end, Index:$key_begin, Index:$key_end,
                       I64Attr:$step);
  let results = (outs Index:$begin, Index:$end, Index:$visited, I1:$full);
  let regions = (region SizedRegion<1>:$mask);
  let assemblyFormat = [{
    `(` $batch `,` $head `)` `rows` `(` $row_begin `to` $row_end `)` `keys` `(` $key_begin `to` $key_end `step` $step `)`
    `mask` custom<MaskRegion>($mask) attr-dict
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Attn_SummaryOp : Attn_Op<"summary", [Pure, InferTypeOpAdaptor]> {
  let summary = "What the elements of an array are between any two positions";
  let description = [{
    A table of 64-bit integers, made once per plan from an array whose content a mask reads. With it, attn.tile_bounds knows what a
    load can give whose indices are only known to lie in intervals. Each dimension in `dims` is cut into blocks of as many elements
    as `grains` says; a query is widened to whole blocks.

    - `range`, one dimension of n elements, B = max(1, ceil(n / grain)) blocks: the least and the greatest element of any run of
      blocks, from two overlapping runs of 2^k blocks. In that dimension the table has, for k = 0, 1, ... while 2^k <= B and for
      a = 0 .. B - 1,

      ```
      table[(k B + a) 2] = min, table[(k B + a) 2 + 1] = max, over the blocks a .. a + 2^k - 1   (where these exist)
      ```

    - `count`, two dimensions: how many elements of a rectangle of blocks are set, as a difference of four entries.
      `table[x, y]` counts the elements of the first x by y blocks.

    An integer is set if it is not 0, a float if it is greater than -inf. The `range` of floats is that of 0 and 1, set or not.
    The other dimensions are those of the source. No dimension of the table is empty.

    The table is where `stored` says, if it says so; else it is up to the plan. Without uses in a mask it is dead.

    ```mlir
    %s = attn.summary range of %doc dims [1] grains [8] : memref<?x?xi32, strided<[?, ?], offset: ?>>
    ```
  }];
  let arguments = (ins AnyStridedMemRef:$source, Attn_SummaryKind:$kind, DenseI64ArrayAttr:$dims,
                       DenseI64ArrayAttr:$grains, Optional<AnyStridedMemRef>:$stored);
  let results = (outs AnyStridedMemRef:$table);
  let assemblyFormat = [{
    $kind `of` $source `dims` $dims `grains` $grains (`stored` $stored^)? attr-dict `:` type($source) (`,` type($stored)^)?
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
  let extraClassDeclaration = [{
    /// `source` summarised over `dims`: the same rank, 64-bit elements, the last of `dims` dense.
    static ::mlir::MemRefType tableType(::mlir::MemRefType source, ::llvm::ArrayRef<int64_t> dims);
    ::mlir::MemRefType getSourceType() { return ::llvm::cast<::mlir::MemRefType>(getSource().getType()); }
  }];
}

def Attn_LoadTileOp : Attn_Op<"load_tile", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Brings rows of one head from memory to where they are computed on";
  let description = [{
    Rows `[row, row + valid)` of `source[batch, head]` (`[B, H, N, D]`, any strides). The one place that knows how a source is
    laid out: a target may return a view of dense rows and copy others. Rows past `valid` read as zero.

    With `rope (cos, sin)` or `rope (cos, sin, positions)` rows are rotated as by `attn.rope`, their last columns if there is a latent, else
    the first; without positions, row `row` of a source stands at `at`.

    With `heads_of n` rows of several heads follow each other, n of each: row r is row r mod n of head `head + r / n`.

    With `norm g` each row x becomes g x / sqrt(mean(x^2) + epsilon), before it is rotated.

    Queries with `absorb key_up` (`[H, Dk - R, Dc]`) are taken to the latents: of each row, the first Dk - R columns become
    `key_up[head]^T` times them, Dc columns. R others stay.
  }];
  let arguments = (ins StridedMemRefRankOf<[AnyType], [4]>:$source, Index:$batch, Index:$head,
                       Index:$row, Index:$valid, Variadic<AnyStridedMemRef>:$rope, Optional<Index>:$position,
                       Optional<Index>:$heads_of, Optional<StridedMemRefRankOf<[F32], [3]>>:$absorb,
                       Optional<StridedMemRefRankOf<[F32], [1]>>:$norm, OptionalAttr<F64Attr>:$epsilon,
                       DefaultValuedAttr<I64Attr, "0">:$first_column,
                       DefaultValuedAttr<Attn_PairingAttr, "::fovea::attn::Pairing::Half">:$pairing);
  let results = (outs Attn_TileType:$tile);
  let assemblyFormat = [{
    $source `[` $batch `,` $head `,` $row `]` `valid` $valid (`heads_of` $heads_of^)?
    (`absorb` $absorb^ `:` type($absorb))? (`norm` $norm^ `epsilon` $epsilon `:` type($norm))?
    (`rope` `(` $rope^ `)` `at` $position)? (`columns` `from` $first_column^)?
    (`pairing` $pairing^)? attr-dict `:` type($source) (`,` type($rope)^)? `->` type($tile)
  }];
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::Type":$tile, "::mlir::Value":$source, "::mlir::Value":$batch, "::mlir::Value":$head,
                                 "::mlir::Value":$row, "::mlir::Value":$valid)>];
  let extraClassDeclaration = [{
    bool isRotated() { return !getRope().empty(); }
    /// Of a row of the source.
    int64_t getSourceColumns() { return getSource().getType().getDimSize(3); }
    /// The head of the tile's row `r`, and which of its rows that is.
    std::pair<::mlir::Value, ::mlir::Value> rowOf(::mlir::OpBuilder &builder, ::mlir::Value r);
    /// Where the angles of the tile's row `r` stand in cos and sin, but for their last index.
    ::llvm::SmallVector<::mlir::Value, 2> ropeIndices(::mlir::OpBuilder &builder, ::mlir::Value r);
    /// How many pairs of columns are turned.
    int64_t getRopePairs() { return ::llvm::cast<::mlir::MemRefType>(getRope()[0].getType()).getShape().back(); }
  }];
}

def Attn_ExpandTileOp : Attn_Op<"expand_tile", [Pure]> {
  let summary = "Keys or values of one head, from their latents";
  let description = [{
    `result[j] = [up latent_j, r_j]`: row j of `latents` begins with as many columns as `up` has, and what the result has more than `up` has
    rows are the last columns of the latents' row, as they are. `up` is a query tile, of which the first `rows` rows are meant.

    ```mlir
    %k = attn.expand_tile %latents by %up rows 128 valid %n : !attn.tile<key, 64x576xf32>, ... -> !attn.tile<key, 64x192xf32>
    ```
  }];
  let arguments = (ins Attn_TileType:$latents, Attn_TileType:$up, I64Attr:$rows, Index:$valid);
  let results = (outs Attn_TileType:$result);
  let assemblyFormat = [{
    $latents `by` $up `rows` $rows `valid` $valid attr-dict `:` type($latents) `,` type($up) `->` type($result)
  }];
  let hasVerifier = 1;
}

def Attn_InitStateOp : Attn_Op<"init_state", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "A state that has seen no key: acc = 0, m = -inf, l = 0";
  let description = "It allocates, so that two of them are never merged, hoisted or cloned.";
  let results = (outs Attn_StateType:$state);
  let assemblyFormat = "attr-dict `:` type($state)";
  let hasVerifier = 1;
}

def Attn_UpdateOp : Attn_Op<"update", [AttrSizedOperandSegments, RecursiveMemoryEffects,
    AllTypesMatch<["state", "result"]>]> {
  let summary = "Online softmax: one block of keys and values enters a state";
  let description = [{
    With `t` the scores of the visible keys of the block:

    ```
    m' = max(m, max t)    l' = exp(m - m') l + sum exp(t - m')    acc' = exp(m - m') acc + sum exp(t - m') v
    ```

    `at` gives the sequence, the head, the absolute position of the first row and of the first key; `valid` how many rows and
    keys there are. Where `full` is true the mask need not be asked. A block in which a row sees nothing leaves that row's state
    unchanged bit for bit. The state may have fewer columns than the values, of which the first count then.

    With `packed (first, n)` the rows are those from `first` on of several heads, n of each: row r is of head `head + r / n`, at position
    `row + r mod n`.

    With `weights <pointwise>` the scores are the weights: acc' = acc + sum t v, and m and l are nothing.

    With `additive w` (`[H, Dk]`) the product of query and key is sum_d w[head, d] tanh(q_d + k_d).
  }];
  let arguments = (ins Attn_StateType:$state, Attn_TileType:$query, Attn_TileType:$key, Attn_TileType:$value,
                       Index:$batch, Index:$head, Index:$row, Index:$key_position, Index:$valid_rows, Index:$valid_keys,
                       Optional<I1>:$full, Variadic<Index>:$packed, Optional<StridedMemRefRankOf<[F32], [2]>>:$additive,
                       F64Attr:$scale,
                       DefaultValuedAttr<Attn_WeightsAttr, "::fovea::attn::Weights::Softmax">:$weights);
  let results = (outs Attn_StateType:$result);
  let regions = (region AnyRegion:$score, AnyRegion:$mask);
  let assemblyFormat = [{
    $state `,` $query `,` $key `,` $value `at` `(` $batch `,` $head `,` $row `,` $key_position `)`
    `valid` `(` $valid_rows `,` $valid_keys `)` (`full` $full^)? (`packed` `(` $packed^ `)`)?
    (`additive` $additive^ `:` type($additive))? `scale` $scale (`weights` $weights^)?
    (`score` custom<ScoreRegion>($score)^)? (`mask` custom<MaskRegion>($mask)^)? attr-dict
    `:` type($state) `,` type($query) `,` type($key) `,` type($value)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    bool isPacked() { return !getPacked().empty(); }
    /// Whether the mask tells heads apart that the rows mix: then no range of rows can be asked about.
    bool isMaskOpaque() { return isPacked() && !getMask().empty() && !getMask().getArgument(1).use_empty(); }
  }];
}

def Attn_FinalizeOp : Attn_Op<"finalize", [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Writes acc / l and m + log l of the valid rows; 0 and -inf for rows that saw nothing";
  let description = [{
    With `weights <pointwise>` it writes acc. With `heads_of n` rows are those of several heads, as in `attn.load_tile`. With
    `expand value_up` (`[H, Dv, Dc]`) what is written is `value_up[head]` times the row.
  }];
  let arguments = (ins Attn_StateType:$state, StridedMemRefRankOf<[AnyType], [4]>:$output, Index:$batch, Index:$head,
                       Index:$row, Index:$valid, Optional<Index>:$heads_of,
                       Optional<StridedMemRefRankOf<[F32], [3]>>:$expand, Optional<StridedMemRefRankOf<[F32], [3]>>:$lse,
                       DefaultValuedAttr<Attn_WeightsAttr, "::fovea::attn::Weights::Softmax">:$weights);
  let assemblyFormat = [{
    $state `into` $output `[` $batch `,` $head `,` $row `]` `valid` $valid (`heads_of` $heads_of^)?
    (`expand` $expand^ `:` type($expand))? (`lse` $lse^)? (`weights` $weights^)? attr-dict
    `:` type($state) `,` type($output) (`,` type($lse)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The head of the tile's row `r`, and which of its rows that is.
    std::pair<::mlir::Value, ::mlir::Value> rowOf(::mlir::OpBuilder &builder, ::mlir::Value r);
  }];
}

def Attn_InitLinearStateOp : Attn_Op<"init_linear_state", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "A state of linear attention that has seen no token: 0, or what is kept from before";
  let description = [{
    `from` is `[B, Hkv, Dk, Dv]`, or `[B, Hkv, Dk, Dv + 1]` with z in its last column. It allocates, as `attn.init_state` does.
  }];
  let arguments = (ins Index:$batch, Index:$head, Optional<StridedMemRefRankOf<[F32], [4]>>:$initial);
  let results = (outs Attn_LinearStateType:$state);
  let assemblyFormat = [{
    `(` $batch `,` $head `)` (`from` $initial^)? attr-dict `:` type($state) (`,` type($initial)^)?
  }];
  let hasVerifier = 1;
}

def Attn_LinearChunkOp : Attn_Op<"linear_chunk", [AttrSizedOperandSegments, RecursiveMemoryEffects,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, AllTypesMatch<["state", "result"]>]> {
  let summary = "One chunk of tokens of linear attention: keys enter the state, queries read it";
  let description = [{
    The `valid` tokens from `position` on, at most as many as the schedule's key_block, of one sequence and kv head. With `keys` they
    enter the state, decayed; with `queries`, the `group` query heads of that kv head are computed. With both, token `i` reads
    the state after tokens up to `i`; with `queries` alone all of them read the state as it is. With `beta` keys enter by the delta
    rule. Formulas: `attn.linear_attention`. In form `parallel` there is nothing before the chunk or after it: the state is neither
    read nor changed.

    Targets compute the state once for the whole chunk of C tokens (with G the sum of g over the chunk up to a token):

    ```
    A_ij = sum_d q_id k_jd e^{G_id - G_jd}  for i >= j        O = (q e^G) S + A V        S' = e^{G_C} S + (k e^{G_C - G})^T V
    ```

    By the delta rule V is first replaced by what is written, the solution U of a triangular system with M as A, of keys with keys:

    ```
    U_i = beta_i (V_i - (k_i e^{G_i}) S - sum_{j < i} M_ij U_j)
    ```
  }];
  let arguments = (ins Attn_LinearStateType:$state, Index:$batch, Index:$head, Index:$position, Index:$valid,
                       Optional<StridedMemRefRankOf<[F32], [4]>>:$key, Optional<StridedMemRefRankOf<[F32], [4]>>:$value,
                       Optional<StridedMemRefRankOf<[F32], [1, 3, 4]>>:$decay,
                       Optional<StridedMemRefRankOf<[F32], [4]>>:$query, Optional<Index>:$group,
                       Optional<StridedMemRefRankOf<[F32], [4]>>:$output, Optional<StridedMemRefRankOf<[F32], [3]>>:$beta,
                       DefaultValuedAttr<Attn_LinearFormAttr, "::fovea::attn::LinearForm::Chunked">:$form,
                       Attn_NormalizerAttr:$normalizer, F64Attr:$epsilon, F64Attr:$scale);
  let results = (outs Attn_LinearStateType:$result);
  let regions = (region AnyRegion:$feature);
  let assemblyFormat = [{
    $state `at` `(` $batch `,` $head `,` $position `)` `valid` $valid (`keys` $key^ `,` $value)? (`decay` $decay^)?
    (`beta` $beta^)? (`queries` $query^ `group` $group `into` $output)? (`form` $form^)? `normalizer` $normalizer `epsilon` $epsilon `scale` $scale
    (`feature` custom<FeatureRegion>($feature)^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    bool keepsKeySum() { return ::fovea::attn::keepsKeySum(getNormalizer()); }
    int64_t getKeyHeadSize() { return getState().getType().getRows(); }
    int64_t getValueHeadSize() { return getState().getType().getColumns(); }
  }];
}

def Attn_StoreLinearStateOp : Attn_Op<"store_linear_state", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Writes a state of linear attention: S, and z in one more column where the destination has it";
  let arguments = (ins Attn_LinearStateType:$state, StridedMemRefRankOf<[F32], [4]>:$destination, Index:$batch,
                       Index:$head);
  let assemblyFormat = [{
    $state `into` $destination `[` $batch `,` $head `]` attr-dict `:` type($state) `,` type($destination)
  }];
  let hasVerifier = 1;
}

#endif
