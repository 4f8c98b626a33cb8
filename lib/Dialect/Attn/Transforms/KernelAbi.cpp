// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelAbi.h"

#include "fovea/fovea_abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

static_assert(sizeof(fovea_task) == 8 * fovea::attn::kTaskFields);
static_assert(offsetof(fovea_task, begin) == 8 * fovea::attn::kTaskBegin);
static_assert(offsetof(fovea_task, visited) == 8 * fovea::attn::kTaskVisited);
static_assert(offsetof(fovea_task, blocks) == 8 * fovea::attn::kTaskBlocks);
static_assert(offsetof(fovea_task, keys) == 8 * fovea::attn::kTaskKeys);
static_assert(offsetof(fovea_task, piece) == 8 * fovea::attn::kTaskPiece);
static_assert(offsetof(fovea_task, partial_bytes) == 8 * fovea::attn::kTaskPartialBytes);

/// pointer + bytes
static Value advance(ImplicitLocOpBuilder &b, Value pointer, int64_t bytes) {
  return LLVM::GEPOp::create(b, pointer.getType(), b.getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}

static Value load(ImplicitLocOpBuilder &b, Type type, Value pointer, int64_t offset) {
  return LLVM::LoadOp::create(b, type, advance(b, pointer, offset));
}

/// The struct that upstream's memref lowering uses: allocated, aligned, offset, sizes, strides.
static Value makeDescriptor(ImplicitLocOpBuilder &b, MemRefType type, Value data, ArrayRef<Value> sizes,
                            ArrayRef<Value> strides) {
  auto array = LLVM::LLVMArrayType::get(b.getI64Type(), type.getRank());
  SmallVector<Type> fields = {data.getType(), data.getType(), b.getI64Type()};
  if (type.getRank() != 0)
    fields.append(2, array);
  auto descriptorType = LLVM::LLVMStructType::getLiteral(b.getContext(), fields);
  Value descriptor = LLVM::PoisonOp::create(b, descriptorType);
  auto set = [&](Value value, ArrayRef<int64_t> position) {
    descriptor = LLVM::InsertValueOp::create(b, descriptor, value, position);
  };
  set(data, {0});
  set(data, {1});
  set(LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(0)), {2});
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    set(sizes[dim], {3, dim});
    set(strides[dim], {4, dim});
  }
  return UnrealizedConversionCastOp::create(b, type, descriptor).getResult(0);
}

Value fovea::attn::unpackValue(ImplicitLocOpBuilder &b, Value values, int64_t index, Type type) {
  int64_t base = index * sizeof(fovea_value);
  if (auto memref = dyn_cast<MemRefType>(type)) {
    SmallVector<Value> sizes, strides;
    for (int64_t dim = 0; dim < memref.getRank(); ++dim) {
      sizes.push_back(load(b, b.getI64Type(), values, base + offsetof(fovea_value, sizes) + 8 * dim));
      strides.push_back(load(b, b.getI64Type(), values, base + offsetof(fovea_value, strides) + 8 * dim));
    }
    Value data = load(b, LLVM::LLVMPointerType::get(b.getContext()), values, base);
    return makeDescriptor(b, memref, data, sizes, strides);
  }
  if (isa<FloatType>(type)) {
    Value wide = load(b, b.getF64Type(), values, base);
    return type.isF64() ? wide : Value(arith::TruncFOp::create(b, type, wide));
  }
  Value wide = load(b, b.getI64Type(), values, base);
  if (type.isIndex())
    return arith::IndexCastOp::create(b, type, wide);
  return type.isInteger(64) ? wide : Value(arith::TruncIOp::create(b, type, wide));
}

Value fovea::attn::wrapPointer(ImplicitLocOpBuilder &b, Value pointer, MemRefType type) {
  SmallVector<Value> sizes, strides(type.getRank());
  auto constant = [&](int64_t value) {
    return LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(value));
  };
  int64_t stride = 1;
  for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
    strides[dim] = constant(stride);
    stride *= type.getDimSize(dim);
  }
  for (int64_t size : type.getShape())
    sizes.push_back(constant(size));
  return makeDescriptor(b, type, pointer, sizes, strides);
}

Value fovea::attn::unpackPartials(ImplicitLocOpBuilder &b, Value values, int64_t index, Value record, MemRefType type) {
  auto field = [&](int64_t number) { return load(b, b.getI64Type(), record, 8 * number); };
  auto constant = [&](int64_t value) {
    return LLVM::ConstantOp::create(b, b.getI64Type(), b.getI64IntegerAttr(value)).getResult();
  };
  Value all = load(b, LLVM::LLVMPointerType::get(b.getContext()), values, index * int64_t(sizeof(fovea_value)));
  Value bytes = field(kTaskPartialBytes), offset = LLVM::MulOp::create(b, field(kTaskPartial), bytes);
  Value first = LLVM::GEPOp::create(b, all.getType(), b.getI8Type(), all, ArrayRef<LLVM::GEPArg>{offset});
  Value words = LLVM::UDivOp::create(b, bytes, constant(sizeof(int32_t)));
  return makeDescriptor(b, type, first, {field(kTaskPieces), words}, {words, constant(1)});
}

Value fovea::attn::taskRecord(ImplicitLocOpBuilder &b, Value tasks, Value position) {
  Value wide = arith::IndexCastOp::create(b, b.getI64Type(), position);
  auto record = LLVM::LLVMArrayType::get(b.getI64Type(), kTaskFields);
  return LLVM::GEPOp::create(b, tasks.getType(), record, tasks, ArrayRef<LLVM::GEPArg>{wide});
}

Value fovea::attn::loadTaskField(ImplicitLocOpBuilder &b, Value record, int64_t field) {
  return arith::IndexCastOp::create(b, b.getIndexType(), load(b, b.getI64Type(), record, 8 * field));
}

void fovea::attn::storeTaskField(ImplicitLocOpBuilder &b, Value record, int64_t field, Value value) {
  Value wide = arith::IndexCastOp::create(b, b.getI64Type(), value);
  LLVM::StoreOp::create(b, wide, advance(b, record, 8 * field));
}
