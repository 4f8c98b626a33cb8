// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CallEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fovea;

/// "wait for keys and values, f.mlir:2:8 (nvvm.barrier0)"
static std::string describe(Operation *op) {
  std::string purpose, place;
  op->getLoc()->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner); named && purpose.empty())
      purpose = named.getName().str();
    if (auto file = dyn_cast<FileLineColLoc>(inner); file && place.empty())
      place = (file.getFilename().getValue() + ":" + Twine(file.getLine()) + ":" + Twine(file.getColumn())).str();
    return WalkResult::advance();
  });
  return purpose + (purpose.empty() || place.empty() ? "" : ", ") + place + " (" + op->getName().getStringRef().str() +
         ")";
}

Value CallEmitter::constant(int64_t value, unsigned bits) { return arith::ConstantIntOp::create(b, value, bits); }

Value CallEmitter::call(StringRef callee, Type result, ValueRange arguments) {
  auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(callee);
  if (!function) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    SmallVector<Type> types(arguments.getTypes());
    auto type = LLVM::LLVMFunctionType::get(result ? result : LLVM::LLVMVoidType::get(b.getContext()), types);
    function = LLVM::LLVMFuncOp::create(b, callee, type);
  }
  auto op = LLVM::CallOp::create(b, function, arguments);
  return result ? op.getResult() : Value();
}

Value CallEmitter::text(StringRef content) {
  LLVM::GlobalOp &global = texts[content];
  if (!global) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module.getBody());
    std::string ended = content.str() + '\0';
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), ended.size());
    global = LLVM::GlobalOp::create(b, type, /*isConstant=*/true, LLVM::Linkage::Private,
                                    "fovea_place_" + std::to_string(texts.size()), b.getStringAttr(ended));
  }
  return LLVM::AddressOfOp::create(b, global);
}

Value CallEmitter::place(Operation *op) { return text(describe(op)); }

Value CallEmitter::at(Value base, int64_t bytes) {
  return LLVM::GEPOp::create(b, pointer(), b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
}

Value CallEmitter::generic(Value address) {
  return address.getType() == pointer() ? address : Value(LLVM::AddrSpaceCastOp::create(b, pointer(), address));
}

Value CallEmitter::buffer(int64_t bytes) {
  constexpr unsigned kAlignment = 16;
  return LLVM::AllocaOp::create(b, pointer(), b.getI8Type(), constant(bytes, 64), kAlignment);
}

void CallEmitter::finish(Operation *op, Value replacement) {
  if (replacement)
    op->replaceAllUsesWith(ValueRange(replacement));
  op->erase();
}
