// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// int32 NAME_plan(values, tasks, capacity, count): a record for every task, with the results of its bounds.
#include "KernelAbi.h"
#include "KernelEntry.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fovea::attn;

namespace {

using Values = SmallVector<Value>;

class PlanEmitter {
public:
  explicit PlanEmitter(Kernel &kernel)
      : kernel(kernel), entry(begin(kernel)), b(kernel.task.getLoc(), entry.builder),
        body(kernel.task.getBody().front()), tasks(entry.function.getArgument(1)) {}

  void run() {
    checkAsserts();
    capacity = toIndex(entry.function.getArgument(2));
    zero = index(0);
    one = index(1);
    isCounted = compare(arith::CmpIPredicate::sle, capacity, zero); // nothing to fill
    for (Value bound : kernel.task->getOperands())
      bounds.push_back(mapped(bound));
    Value total = kernel.task.isPacked() ? emitPieces() : emitTasks();
    LLVM::StoreOp::create(b, Value(arith::IndexCastOp::create(b, b.getI64Type(), total)),
                          entry.function.getArgument(3));
    resolveSizes(entry.function);
  }

private:
  static Entry begin(Kernel &kernel) {
    MLIRContext *context = kernel.function.getContext();
    Type pointer = LLVM::LLVMPointerType::get(context), i64 = IntegerType::get(context, 64);
    return beginEntry(kernel, "_plan", {pointer, pointer, i64, pointer});
  }

  Value index(int64_t value) { return arith::ConstantIndexOp::create(b, value); }
  Value toIndex(Value integer) { return arith::IndexCastOp::create(b, b.getIndexType(), integer); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, x, y); }
  Value select(Value condition, Value x, Value y) { return arith::SelectOp::create(b, condition, x, y); }
  Value compare(arith::CmpIPredicate predicate, Value x, Value y) { return arith::CmpIOp::create(b, predicate, x, y); }
  Value mapped(Value value) { return entry.mapping.lookupOrDefault(value); }

  void checkAsserts();
  void cloneBounds() { cloneWithOperands(b, kernel.bounds, &body, entry.mapping); }
  Value clone(Value value);
  Value blocksOf(Value keys) { return arith::CeilDivUIOp::create(b, keys, index(kernel.bounds.getStep())); }
  void store(Value position, ArrayRef<Value> ids, ValueRange found, Value blocks, Value keys);
  void when(Value condition, function_ref<void()> emit);
  Values loop(Value end, Value step, Values carried, function_ref<Values(Value, ValueRange)> emit);
  Value emitTasks();
  Value emitPieces();
  Values emitTile(ArrayRef<Value> ids, Value count, Value partials);

  Kernel &kernel;
  Entry entry;
  ImplicitLocOpBuilder b;
  Block &body; // of the task
  Value tasks, capacity, zero, one, isCounted;
  SmallVector<Value> bounds; // batches, heads, tiles; of a packed task also group, splits
};

/// The first broken assert decides the status; nothing that relies on them runs before all hold.
void PlanEmitter::checkAsserts() {
  auto i32 = [&](int64_t value) -> Value { return arith::ConstantIntOp::create(b, value, 32); };
  Value status = i32(0);
  for (auto [number, check] : llvm::enumerate(kernel.asserts)) {
    Value none = i32(0), first = compare(arith::CmpIPredicate::eq, status, none);
    Value broken = select(entry.mapping.lookup(check.getArg()), none, i32(number + 1));
    status = select(first, broken, status);
  }
  auto guarded = scf::IfOp::create(b, compare(arith::CmpIPredicate::eq, status, i32(0)), /*withElseRegion=*/false);
  func::ReturnOp::create(b, status);
  b.setInsertionPointToStart(guarded.thenBlock());
}

/// A value of the task's body, here.
Value PlanEmitter::clone(Value value) {
  if (Operation *producer = value.getDefiningOp())
    cloneWithOperands(b, producer, &body, entry.mapping);
  return mapped(value);
}

void PlanEmitter::when(Value condition, function_ref<void()> emit) {
  auto op = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.thenBlock());
  emit();
}

Values PlanEmitter::loop(Value end, Value step, Values carried, function_ref<Values(Value, ValueRange)> emit) {
  auto op = scf::ForOp::create(b, zero, end, step, carried);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  Values next = emit(op.getInductionVar(), op.getRegionIterArgs());
  if (!carried.empty())
    scf::YieldOp::create(b, next);
  return llvm::to_vector_of<Value>(op.getResults());
}

/// `ids`: sequence, head, tile, split. `found`: begin, end, visited.
void PlanEmitter::store(Value position, ArrayRef<Value> ids, ValueRange found, Value blocks, Value keys) {
  Value record = taskRecord(b, tasks, position);
  SmallVector<Value> fields(ids);
  fields.append(found.begin(), found.end());
  fields.append({blocks, mapped(kernel.bounds.getRowBegin()), mapped(kernel.bounds.getRowEnd()), keys,
                 index(kernel.bounds.getStep()), /*piece=*/zero, /*pieces=*/one, /*partial=*/zero,
                 /*partial bytes=*/zero});
  for (auto [field, value] : llvm::enumerate(fields))
    storeTaskField(b, record, field, value);
}

/// One record for each point of the task's bounds, in order.
Value PlanEmitter::emitTasks() {
  Value total = mul(mul(bounds[0], bounds[1]), bounds[2]);
  Value sequences = select(isCounted, zero, bounds[0]);
  auto emitTask = [&](ArrayRef<Value> ids) {
    Value position = add(mul(add(mul(ids[0], bounds[1]), ids[1]), bounds[2]), ids[2]);
    when(compare(arith::CmpIPredicate::slt, position, capacity), [&] {
      entry.mapping.map(kernel.task.getBody().getArguments(), ids);
      cloneBounds();
      Value keys = arith::SubIOp::create(b, mapped(kernel.bounds.getKeyEnd()), mapped(kernel.bounds.getKeyBegin()));
      ValueRange found = entry.mapping.lookup(kernel.bounds.getOperation())->getResults().take_front(3);
      store(position, {ids[0], ids[1], ids[2], zero}, found, blocksOf(keys), keys);
    });
  };
  loop(sequences, one, {}, [&](Value sequence, ValueRange) -> Values {
    loop(bounds[1], one, {}, [&](Value head, ValueRange) -> Values {
      loop(bounds[2], one, {},
           [&](Value tile, ValueRange) -> Values { return emitTask({sequence, head, tile}), Values(); });
      return {};
    });
    return {};
  });
  return total;
}

/// A tile has a record for each of its splits that sees a key; at least one.
Value PlanEmitter::emitPieces() {
  Value group = bounds[3], splits = bounds[4];
  Value tiles = mul(mul(bounds[0], arith::CeilDivUIOp::create(b, bounds[1], group)), bounds[2]);
  Value isKnown = arith::AndIOp::create(b, isCounted, compare(arith::CmpIPredicate::sle, splits, one));
  Value sequences = select(isKnown, zero, bounds[0]);
  Values counts = loop(sequences, one, {zero, zero}, [&](Value sequence, ValueRange before) {
    return loop(bounds[1], group, llvm::to_vector_of<Value>(before), [&](Value head, ValueRange before) {
      return loop(bounds[2], one, llvm::to_vector_of<Value>(before), [&](Value tile, ValueRange before) {
        return emitTile({sequence, head, tile}, before[0], before[1]);
      });
    });
  });
  return select(isKnown, tiles, counts[0]);
}

/// The records of one tile, behind `count` others; `partials` partial results are taken. Both as they are then.
Values PlanEmitter::emitTile(ArrayRef<Value> ids, Value count, Value partials) {
  entry.mapping.map(kernel.task.getBody().getArguments().take_front(3), ids);
  clone(kernel.bounds.getRowBegin());
  clone(kernel.bounds.getRowEnd());
  Value bytes = kernel.partials ? mul(clone(kernel.partials.getWords()), index(sizeof(int32_t))) : zero;
  IRMapping ofTile = entry.mapping;
  auto hasRoom = [&](Value position) { return compare(arith::CmpIPredicate::slt, position, capacity); };

  Values sums = loop(bounds[4], one, {zero, zero, zero}, [&](Value split, ValueRange before) -> Values {
    entry.mapping.map(kernel.task.getBody().getArgument(3), split);
    cloneBounds();
    ValueRange found = entry.mapping.lookup(kernel.bounds.getOperation())->getResults().take_front(3);
    Value keys = arith::SubIOp::create(b, mapped(kernel.bounds.getKeyEnd()), mapped(kernel.bounds.getKeyBegin()));
    Value isSeen = compare(arith::CmpIPredicate::ne, found[2], zero), position = add(count, before[0]);
    when(arith::AndIOp::create(b, isSeen, hasRoom(position)),
         [&] { store(position, {ids[0], ids[1], ids[2], split}, found, zero, keys); });
    return {add(before[0], arith::IndexCastUIOp::create(b, b.getIndexType(), isSeen)), add(before[1], keys),
            add(before[2], blocksOf(keys))};
  });
  entry.mapping = ofTile;

  Value isUnseen = compare(arith::CmpIPredicate::eq, sums[0], zero);
  when(arith::AndIOp::create(b, isUnseen, hasRoom(count)),
       [&] { store(count, {ids[0], ids[1], ids[2], zero}, {zero, zero, zero}, zero, zero); });
  Value pieces = select(isUnseen, one, sums[0]), end = add(count, pieces);
  Value filled = arith::SubIOp::create(b, arith::MinSIOp::create(b, end, capacity), count);
  loop(filled, one, {}, [&](Value piece, ValueRange) -> Values {
    Value record = taskRecord(b, tasks, add(count, piece));
    // What all keys would take counts once.
    Value isFirst = compare(arith::CmpIPredicate::eq, piece, zero);
    for (auto [field, value] : {std::pair<int64_t, Value>{kTaskBlocks, select(isFirst, sums[2], zero)},
                                {kTaskKeys, sums[1]},
                                {kTaskPiece, piece},
                                {kTaskPieces, pieces},
                                {kTaskPartial, partials},
                                {kTaskPartialBytes, bytes}})
      storeTaskField(b, record, field, value);
    return {};
  });
  Value isCut = compare(arith::CmpIPredicate::sgt, pieces, one);
  return {end, add(partials, select(isCut, pieces, zero))};
}

} // namespace

void fovea::attn::emitPlanFunction(Kernel &kernel) { PlanEmitter(kernel).run(); }
