// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_CONVERSION_PASSES_TD
#define FOVEA_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

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
