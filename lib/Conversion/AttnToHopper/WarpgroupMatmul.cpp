// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "WarpgroupMatmul.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace fovea;

/// Strides in a descriptor are in units of 16 bytes.
static constexpr int64_t kUnit = 16;
static constexpr int64_t kEightRows = 8 * kSwizzleBytes;

WarpgroupMatmul::WarpgroupMatmul(WarpEmitter &b, const Thread &thread, const HopperGeometry &geometry,
                                 Pipeline &pipeline)
    : b(b), geometry(geometry), pipeline(pipeline) {
  shared = LLVM::PtrToIntOp::create(b, b.getI32Type(), thread.shared);
  Value row = b.mul(b.div(thread.warp, kWarpgroupRows / kWarpRows), kWarpgroupRows * kSwizzleBytes);
  query = descriptor(row, kUnit);
}

/// PTX ISA, asynchronous warpgroup matrix instructions, matrix descriptor: address, leading and stride dimension byte
/// offsets, swizzle of 128 bytes (1). The stride is that of eight rows. The leading offset is one of a matrix whose
/// rows are the depth of the product, to the next 64 columns; of others it is not used.
Value WarpgroupMatmul::descriptor(Value offset, int64_t leadingBytes) {
  constexpr int64_t kAddressBits = 18, kSwizzle128 = 1;
  Value address = arith::AndIOp::create(b, b.add(shared, offset), b.i32((1 << kAddressBits) - 1));
  Value low = arith::ExtUIOp::create(b, b.getI64Type(), b.div(address, kUnit));
  int64_t fixed = leadingBytes / kUnit << 16 | kEightRows / kUnit << 32 | kSwizzle128 << 62;
  return arith::OrIOp::create(b, low, arith::ConstantIntOp::create(b, fixed, 64));
}

static Value advance(WarpEmitter &b, Value descriptor, int64_t bytes) {
  return b.createOrFold<arith::AddIOp>(descriptor, arith::ConstantIntOp::create(b, bytes / kUnit, 64).getResult());
}

/// {$FIRST, ..., $(FIRST + COUNT - 1)}
static std::string registers(int64_t first, int64_t count) {
  std::string text = "{";
  for (int64_t k = 0; k < count; ++k)
    text += (k ? ", $" : "$") + std::to_string(first + k);
  return text + "}";
}

/// `instruction` with `inputs` and with accumulators that it changes in place, or only writes if `acc` is empty.
static Values assembly(WarpEmitter &b, StringRef instruction, int64_t results, ValueRange inputs, StringRef inputKinds,
                       ValueRange acc) {
  std::string constraints;
  for (int64_t k = 0; k < results; ++k)
    constraints += k ? ",=f" : "=f";
  constraints += inputKinds;
  for (size_t k = 0; k < acc.size(); ++k)
    constraints += "," + std::to_string(k);
  Values operands(inputs);
  llvm::append_range(operands, acc);
  auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), SmallVector<Type>(results, b.getF32Type()));
  return b.fields(LLVM::InlineAsmOp::create(b, type, operands, instruction, constraints, /*has_side_effects=*/true,
                                            /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                            LLVM::AsmDialectAttr(), ArrayAttr())
                      .getRes());
}

/// 64 x `columns`. A is a descriptor, or four registers; B has its columns (of keys) or its depth (of values,
/// transposed on the way) as rows.
Values WarpgroupMatmul::product(int64_t columns, ValueRange a, Value matrix, ValueRange acc, bool isTransposed) {
  int64_t results = columns / 2; // 64 rows and 128 threads
  std::string type = geometry.element.isBF16() ? "bf16" : "f16";
  bool inRegisters = a.size() > 1;
  std::string text = "wgmma.mma_async.sync.aligned.m64n" + std::to_string(columns) + "k16.f32." + type + "." + type +
                     " " + registers(0, results) + ", ";
  text += inRegisters ? registers(results, int64_t(a.size())) : "$" + std::to_string(results);
  text += ", $" + std::to_string(results + int64_t(a.size()));
  text += acc.empty() ? ", 0, 1, 1" : ", 1, 1, 1"; // whether it adds; signs of A and B
  if (!inRegisters)
    text += ", 0";
  text += isTransposed ? ", 1;" : ", 0;";
  Values inputs(a);
  inputs.push_back(matrix);
  return assembly(b, text, results, inputs, inRegisters ? ",r,r,r,r,l" : ",l,l", acc);
}

Values WarpgroupMatmul::startKeys(Value stage) {
  Purpose purpose(b, "product of queries and keys");
  Value key = descriptor(pipeline.offset(Source::Key, stage), kUnit);
  constexpr int64_t kSteps = kPanelColumns / kMmaDepth, kStepBytes = 2 * kMmaDepth;
  Values scores;
  for (int64_t k = 0; k < geometry.columns / kMmaDepth; ++k) {
    int64_t panel = k / kSteps, within = k % kSteps * kStepBytes;
    Value a = advance(b, query, panel * geometry.rows * kSwizzleBytes + within);
    Value keys = advance(b, key, panel * geometry.keys * kSwizzleBytes + within);
    scores = product(geometry.keys, a, keys, scores, /*isTransposed=*/false);
  }
  commit();
  return scores;
}

Values WarpgroupMatmul::startValues(ValueRange weights, Value stage, Values acc) {
  Purpose purpose(b, "product of weights and values");
  Value value = descriptor(pipeline.offset(Source::Value, stage), geometry.keys * kSwizzleBytes);
  for (int64_t k = 0; k < geometry.keys / kMmaDepth; ++k)
    acc = product(geometry.columns, weights.slice(4 * k, 4), advance(b, value, k * kMmaDepth * kSwizzleBytes), acc,
                  /*isTransposed=*/true);
  commit();
  return acc;
}

void WarpgroupMatmul::commit() { NVVM::WgmmaGroupSyncAlignedOp::create(b); }

Values WarpgroupMatmul::passThrough(StringRef instruction, Values acc) {
  return assembly(b, instruction, int64_t(acc.size()), {}, "", acc);
}

Values WarpgroupMatmul::fence(Values acc) {
  Purpose purpose(b, "fence of registers");
  if (!acc.empty())
    return passThrough("wgmma.fence.sync.aligned;", acc);
  NVVM::WgmmaFenceAlignedOp::create(b);
  return acc;
}

Values WarpgroupMatmul::await(int64_t pending, Values acc) {
  Purpose purpose(b, "wait for products");
  return passThrough("wgmma.wait_group.sync.aligned " + std::to_string(pending) + ";", acc);
}
