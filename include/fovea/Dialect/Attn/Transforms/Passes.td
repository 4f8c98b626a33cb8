// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_ATTN_TRANSFORMS_PASSES_TD
#define FOVEA_ATTN_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def BiasToMask : Pass<"attn-bias-to-mask", "::mlir::func::FuncOp"> {
  let summary = "Phase 2: a bias of -inf hides a key";
  let description = [{
    Input: `attn.attention` whose score adds an element of an argument marked `attn.mask_bias`. Output: a mask that also asks for
    `element > -inf`, so that keys are skipped; the score stays as it is, and the mark goes. A mark on an argument that no score
    adds is a warning.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect"];
}

def SimplifyMask : Pass<"attn-simplify-mask", "::mlir::func::FuncOp"> {
  let summary = "Phase 2: drop masks that hide nothing, and say what is proven about the others";
  let description = [{
    Input: any `attn.attention`. Output: no mask that is provably true for every row and key, no comparison in a mask that comes out the
    same everywhere. With remarks on (`--remarks-filter=attn`) it also says, each at its place in the source: whether every row sees a
    key, or on which condition; whether captured tensors are indexed within bounds; that a mask hides everything.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::tensor::TensorDialect"];
}

def KernelArguments : Pass<"attn-kernel-arguments", "::mlir::ModuleOp"> {
  let summary = "Phase 4: give every kernel the signature a caller sees";
  let description = [{
    Input: bufferized public functions. Output: functions without results, whose memref arguments have any strides. A returned
    allocation becomes a trailing argument, nothing is copied; arguments that are written carry `attn.output`. Every argument has
    an `attn.name`: given, or by its role (query, key, value, decay, out, lse, ...), or what the source calls it if its location is a name, or its
    number.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def FoldRope : Pass<"attn-fold-rope", "::mlir::func::FuncOp"> {
  let summary = "Phase 2: an attention rotates what it loads";
  let description = [{
    Input: `attn.attention` whose query or key is an `attn.rope`. Output: the same without the `attn.rope`, its tables in `query_rope` or
    `key_rope`: rotated rows are never stored, and a cache of keys stays as it is. An `attn.rope` that something else reads is an
    error, as is an offset of a query that is not the attention's q_offset, and an attention that normalises what was rotated or has two
    rotations.
  }];
}

def Schedule : Pass<"attn-schedule", "::mlir::func::FuncOp"> {
  let summary = "Phase 5: choose tile sizes";
  let description = [{
    Input: `attn.attention` on memrefs. Output: the same with a `schedule` attribute, chosen from the target's vectors (lanes
    and registers) and static sizes only: those of heads, and a number of rows that is known to be small (decoding), which narrows the
    panel and leaves key blocks as they are. A remark says why. An op that already has a schedule keeps it.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "8", "fp32 lanes of a vector register: 16 AVX-512, 8 AVX, 4 NEON and SSE">,
    Option<"registers", "registers", "int64_t", "16", "vector registers: 32 AVX-512 and NEON, 16 AVX and SSE">];
}

def ScheduleGpu : Pass<"attn-schedule-gpu", "::mlir::func::FuncOp"> {
  let summary = "Phase 5, GPU targets: choose tile sizes";
  let description = [{
    Input: `attn.attention` on memrefs. Output: the same with a `schedule` attribute, chosen from static sizes only: `query_tile` is 16
    rows (`panel`) for each warp of a block, `micro_keys` the eight keys of an mma, `lanes` 1, since a thread's registers are scalars.
    With `warpgroups`, head sizes of 64 and 128 get 64 rows (`panel`) for each warpgroup, for `--convert-attn-to-hopper`, unless the
    types say that there are 64 query rows at most (decoding); a remark says why an op does not get them. An op that already has a
    schedule keeps it.
  }];
  let options = [Option<"warpgroups", "warpgroups", "bool", "false", "the target has wgmma: sm_90a">];
}

def Tile : Pass<"attn-tile", "::mlir::func::FuncOp"> {
  let summary = "Phase 6: one attention becomes tasks over tiles";
  let description = [{
    Input: scheduled `attn.attention` on memrefs. Output: `attn.task` whose body asks `attn.tile_bounds` for the visible keys,
    walks the key blocks with `attn.load_tile` and `attn.update`, and ends with `attn.finalize`; before it, a `cf.assert` for every
    agreement between dynamic sizes that the op relies on. At most 64 rows of query heads that share keys, by static sizes, are one
    tile (`heads_of`, `packed`).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def ChooseLinearForm : Pass<"attn-choose-linear-form", "::mlir::func::FuncOp"> {
  let summary = "Phase 5: choose how the recurrence of linear attention is computed";
  let description = [{
    Input: `attn.linear_attention` without a form. Output: the same with one, from static facts only. With a static number of tokens
    N: `recurrent` up to 4 tokens, as in decoding, because a chunk would be mostly padding; `parallel` where there is neither an initial nor
    a final state and all pairs of tokens cost less than a state does, N (Dk + Dv) <= 4 Dk Dv + 32 (Dk + Dv) and N <= 128; else,
    and in direction full, `chunked`. A remark says why.
  }];
}

def ScheduleLinearAttention : Pass<"attn-schedule-linear-attention", "::mlir::func::FuncOp"> {
  let summary = "Phase 5: choose the chunk and the register tile of linear attention";
  let description = [{
    Input: `attn.linear_attention` on memrefs. Output: the same with a `schedule` attribute, chosen from the target's vectors and what
    form it has: chunks of up to 32 tokens, or about 16 where every channel decays by itself, which is the block that shares one
    reference for its exponentials; all tokens in form parallel. A remark says why. An op that already has a schedule keeps it.
  }];
  let options = [
    Option<"lanes", "lanes", "int64_t", "8", "fp32 lanes of a vector register: 16 AVX-512, 8 AVX, 4 NEON and SSE">,
    Option<"registers", "registers", "int64_t", "16", "vector registers: 32 AVX-512 and NEON, 16 AVX and SSE">];
}

def TileLinearAttention : Pass<"attn-tile-linear-attention", "::mlir::func::FuncOp"> {
  let summary = "Phase 6: one linear attention becomes tasks over chunks";
  let description = [{
    Input: scheduled `attn.linear_attention` on memrefs. Output: `attn.task` over sequences and kv heads, whose body carries a state
    through a loop of `attn.linear_chunk`: one loop that lets keys in and computes queries (causal), or one loop for each of
    the two (full), or no loop but one chunk of everything (form parallel); before it, a `cf.assert` for every agreement between dynamic sizes that the op relies on. At most 64 rows of query heads that share keys, by static sizes, are one
    tile (`heads_of`, `packed`).
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::cf::ControlFlowDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def ExpandTileBounds : Pass<"attn-expand-tile-bounds"> {
  let summary = "Phase 7: tile bounds become arithmetic: the mask solved for the key";
  let description = [{
    Input: `attn.tile_bounds`. Output: closed-form bounds from the mask's comparisons, inverted (fovea/Analysis/VisibleKeys.h), which
    fold to constants where all is static; `full` from the mask evaluated on intervals with three values (never, sometimes, always;
    fovea/Analysis/MaskClassifier.h). A mask with a part that cannot be inverted (a remainder of the key) also gets an scf.for over the
    steps that are left, which asks the classifier about each. One step needs the classifier alone.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def PlanArena : Pass<"attn-plan-arena", "::mlir::func::FuncOp"> {
  let summary = "Phase 7: all scratch of a task becomes views of one arena";
  let description = [{
    Input: static `memref.alloc` inside `attn.task`. Output: `memref.view`s of one 64-byte aligned `memref<Nxi8>` allocation at the
    start of the task. Nothing else allocates, so N is the scratch a worker needs.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::memref::MemRefDialect"];
}

def SummarizeLoads : Pass<"attn-summarize-loads", "::mlir::func::FuncOp"> {
  let summary = "Phase 7: arrays that masks read get summaries";
  let description = [{
    Input: `attn.tile_bounds` whose masks load from arguments of the function, at indices that depend on the row or the key.
    Output: at the start of the function an `attn.summary` for each argument and set of dimensions that such indices vary in: `range`
    for one, `count` for two. Loads from anything else, and loads that vary in three dimensions, stay unknown: their tiles are PARTIAL.
  }];
}

def OutlineTasks : Pass<"attn-outline-tasks", "::mlir::ModuleOp"> {
  let summary = "Phase 7: a kernel becomes a plan function, a task function and a classify function";
  let description = [{
    Input: public functions with one `attn.task`. Output, per function NAME, the three entries of fovea_abi.h: `NAME_plan` checks the
    asserts and writes one record per task with the results of the task's top-level `attn.tile_bounds`; `NAME_task` runs the body
    for one record; `NAME_classify` says of any rectangle of the mask whether it is EMPTY, PARTIAL or FULL. All unpack `fovea_value`s
    into memrefs with dynamic strides, those of `attn.summary` after those of the arguments. A `fovea.kernels` attribute on the
    module keeps the signatures for the module table.

    A function with `fovea.fallback_of` computes the tasks of the kernel that it names in another way: of it there is NAME_task alone.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"];
}

#endif
