// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// lanes x lanes transposes: queries on the way in, outputs on the way out. One function per module, because its code is
// all shuffles, which take long to generate.
#include "VectorEmitter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace fovea;

/// A butterfly: stage h exchanges, between rows r and r + h, the lanes whose bit h differs from the row's.
static void emitButterfly(VectorEmitter &b, Values &rows) {
  int64_t size = b.lanes();
  for (int64_t h = 1; h < size; h *= 2)
    for (int64_t r = 0; r < size; ++r) {
      if (r & h)
        continue;
      SmallVector<int64_t> low, high;
      for (int64_t lane = 0; lane < size; ++lane) {
        low.push_back(lane & h ? size + lane - h : lane);
        high.push_back(lane & h ? size + lane : lane + h);
      }
      Value a = rows[r], c = rows[r + h];
      rows[r] = vector::ShuffleOp::create(b, a, c, low);
      rows[r + h] = vector::ShuffleOp::create(b, a, c, high);
    }
}

MemRefType VectorEmitter::blockType() {
  auto layout = StridedLayoutAttr::get(getContext(), ShapedType::kDynamic, {ShapedType::kDynamic, 1});
  return MemRefType::get({lanes(), lanes()}, getF32Type(), layout);
}

Value VectorEmitter::block(Value base, Value offset, OpFoldResult stride) {
  OpFoldResult size = getIndexAttr(lanes());
  return memref::ReinterpretCastOp::create(*this, blockType(), base, OpFoldResult(offset),
                                           ArrayRef<OpFoldResult>{size, size},
                                           ArrayRef<OpFoldResult>{stride, getIndexAttr(1)});
}

static func::FuncOp transposeFunction(VectorEmitter &b, ModuleOp module) {
  std::string name = "attn_transpose_" + std::to_string(b.lanes());
  if (auto function = module.lookupSymbol<func::FuncOp>(name))
    return function;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  auto function = func::FuncOp::create(b, name, b.getFunctionType({b.blockType(), b.blockType()}, {}));
  function.setPrivate();
  function->setAttr("llvm.linkage", LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
  Block *body = function.addEntryBlock();
  b.setInsertionPointToStart(body);
  Values rows;
  for (int64_t i = 0; i < b.lanes(); ++i)
    rows.push_back(b.loadVector(body->getArgument(0), {b.index(i), b.index(0)}));
  emitButterfly(b, rows);
  for (int64_t i = 0; i < b.lanes(); ++i)
    b.storeVector(rows[i], body->getArgument(1), {b.index(i), b.index(0)});
  func::ReturnOp::create(b);
  return function;
}

void VectorEmitter::transposeBlock(Value source, Value destination) {
  auto module = getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  func::CallOp::create(*this, transposeFunction(*this, module), ValueRange{source, destination});
}
