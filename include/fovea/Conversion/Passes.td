// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_CONVERSION_PASSES_TD
#define FOVEA_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertAttnToGpu : Pass<"convert-attn-to-gpu", "::mlir::ModuleOp"> {
  let summary = "Phase 7, GPU targets: one attention becomes the code of one thread of a block";
  let description = [{
    Input: scheduled `attn.attention` on memrefs of f16 or bf16. Output: `attn.task` whose body is what one thread does, in nvvm, llvm,
    vector, scf and arith: a block of threads computes `query_tile` rows, 16 for each warp, with `mma.sync.m16n8k16`; `cp.async`
    brings keys and values to swizzled shared memory `stages` blocks deep, `ldmatrix` from there to registers; the softmax is online,
    in registers. Key blocks that no row sees are skipped, and rows that see all of a block do not ask the mask. Before the task, a
    `cf.assert` for every agreement between dynamic sizes and for strides of whole 16 bytes. `fovea.launches` on the module says how
    many threads and bytes of shared memory a block has.

    With few queries the task is packed: the rows of all query heads that share a kv head, if they fit into one tile, and the keys of
    the tile in splits, whose partial results the last block to arrive merges.

    A function with `fovea.fallback_of`, as `--convert-attn-to-hopper` makes them, is never packed, and `fovea.launches` has it as the
    `fallback` of the kernel that it names.

    It needs sm_80 or later.
  }];
  let options = [
    Option<"sharedBytes", "shared-bytes", "int64_t", "101376", "shared memory that a block may have">,
    Option<"stages", "stages", "int64_t", "2", "key blocks in shared memory at once, those on their way included">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ConvertAttnToHopper : Pass<"convert-attn-to-hopper", "::mlir::ModuleOp"> {
  let summary = "Phase 7, sm_90a: one attention becomes the code of one thread of a warp-specialised block";
  let description = [{
    Input: `attn.attention` on memrefs of f16 or bf16 with a schedule for warpgroups (`panel` is 64); others are left to
    `--convert-attn-to-gpu`, which runs after it. Output: `attn.task` whose body is what one thread does. A block has a producer
    warpgroup, of which one thread brings tiles by TMA into swizzled shared memory, `stages` key blocks deep, and a consumer
    warpgroup for each 64 query rows. Mbarriers say which buffers are full and which are empty. The products are `wgmma`, as inline
    assembly: Q K^T from shared memory, P V with P from registers and V transposed by its descriptor. The scores of the next key
    block and P V of this one are computed together, and the softmax of those scores beside the latter (FlashAttention-3). Producer
    and consumers skip the same key blocks. In blocks that some rows do not see all of, the consumers look for values that are not
    finite, add them for the rows that see them, and clear them.

    A function NAME_fallback has the same attention, with a schedule for warps: TMA describes no stride of 0 or below.

    `fovea.launches` lists the tensor maps of a kernel (`tensor_maps`): the parameter, its box, in the order of its own dimensions,
    and the swizzle in bytes. The code names them `@fovea_tensor_map_0` and so on. Everything else is as for `--convert-attn-to-gpu`.
  }];
  let options = [
    Option<"sharedBytes", "shared-bytes", "int64_t", "232448", "shared memory that a block may have">,
    Option<"stages", "stages", "int64_t", "2", "key blocks in shared memory at once, those on their way included">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"];
}

def ConvertTasksToKernels : Pass<"convert-tasks-to-kernels", "::mlir::ModuleOp"> {
  let summary = "Phase 8, target cuda: task functions become PTX kernels";
  let description = [{
    Input: a module with `fovea.launches` after `--attn-outline-tasks`. Output: of every kernel NAME the function NAME alone, marked
    `nvvm.kernel`, for a grid of one block per task: it takes the `fovea_value`s by value, in the constant bank, and the address of
    the tasks, and behind them the launch's `tensor_maps` by value, 128 bytes each. The function NAME_fallback, where the launch has a
    `fallback`, takes no maps. `math.exp2` and `math.log2` become the instructions `ex2.approx` and `lg2.approx`.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect", "::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect"];
}

def ConvertNVVMToSimulator : Pass<"convert-nvvm-to-simulator", "::mlir::ModuleOp"> {
  let summary = "Phase 8, target sim: operations of a GPU become calls of the simulator";
  let description = [{
    Input: a module with `fovea.launches` after `--attn-outline-tasks`, as `--convert-tasks-to-kernels` takes it. Output: the same for
    this machine's processor. NAME_task hands the task to the simulator (fovea/Simulator/Simulator.h), which runs its code, now
    NAME_thread, once for every thread of the block; each nvvm operation, and each wgmma in inline assembly, is a call that names the
    operation's place in the source. Tensor maps are made of the task's values; where one cannot be, the fallback runs. Loads and stores of global memory stay, each behind a
    call that looks whether it is within a tensor of the kernel.
  }];
  let options = [Option<"seed", "seed", "int64_t", "0", "of the order in which warps run; 0: in turn">];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect"];
}

def ConvertAttnTileToLoops : Pass<"convert-attn-tile-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Phase 7, target loops: tile ops become scalar loops";
  let description = [{
    Input: `attn.task` with tile ops. Output: the same tasks in scf, memref, arith and math, one score at a time: slow, short,
    and independent of every vector trick, so that every phase before this one can be executed and compared.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def ConvertAttnTileToVector : Pass<"convert-attn-tile-to-vector", "::mlir::ModuleOp"> {
  let summary = "Phase 7, CPU targets: tile ops become register-tiled vector code";
  let description = [{
    Input: `attn.task` with tile ops. Output: the same tasks in scf, vector, memref and arith, with lanes = queries: the scores of a
    panel of queries are kept transposed, both matrix products are outer products in registers, softmax works lane-wise. Vector
    width and register tile come from the task's `#attn.schedule`. A helper function `attn_transpose_LANES` is added to the module: blocks
    are transposed on the way in and out, and as one function the code for it is generated once.

    Products that are added are `vector.fma`, also in the polynomials that stand for tanh and its like: one instruction where
    the target has it, else two with a rounding between them. A `math.fma` of a score region rounds once on every target.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

def ConvertAttnLinearToLoops : Pass<"convert-attn-linear-to-loops", "::mlir::func::FuncOp"> {
  let summary = "Phase 7, target loops: chunks of linear attention become the recurrence";
  let description = [{
    Input: `attn.task` with the ops of linear attention. Output: the same tasks in scf, memref, arith and math, one token and one element at a
    time: the recurrence as `attn.linear_attention` defines it, not the chunked form.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::scf::SCFDialect"];
}

def ConvertAttnLinearToVector : Pass<"convert-attn-linear-to-vector", "::mlir::ModuleOp"> {
  let summary = "Phase 7, CPU targets: chunks of linear attention become register-tiled vector code";
  let description = [{
    Input: `attn.task` with the ops of linear attention. Output: the same tasks in scf, vector, memref and arith, in the chunked form:
    the products of a chunk, `A = tril(q k^T)`, `O = q S + A V` and `S += k^T V`, are outer products in registers, lanes = keys in
    the first and value columns in the others. Vector width, register tile and chunk come from the task's `#attn.schedule`.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif
