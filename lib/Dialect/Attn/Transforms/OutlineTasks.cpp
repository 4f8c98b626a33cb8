// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DescribeKernel.h"
#include "KernelAbi.h"
#include "ReportVisibleKeys.h"
#include "fovea/Analysis/MaskClassifier.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "fovea/fovea_abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"

namespace fovea::attn {
#define GEN_PASS_DEF_OUTLINETASKS
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

FailureOr<Kernel> analyze(func::FuncOp function) {
  Kernel kernel{function, {}, {}, {}, {}, {}};
  if (!function.getBody().hasOneBlock())
    return function.emitError("kernel must be one block: control flow around attention is not supported");
  for (Operation &op : function.front().without_terminator()) {
    if (auto task = dyn_cast<TaskOp>(op)) {
      if (kernel.task)
        return op.emitError("is the second attention of kernel '")
               << function.getName() << "'; a kernel holds exactly one, put the other in its own function";
      kernel.task = task;
    } else if (auto check = dyn_cast<cf::AssertOp>(op)) {
      kernel.asserts.push_back(check);
    } else if (isMemoryEffectFree(&op)) {
      kernel.prologue.push_back(&op);
      if (auto summary = dyn_cast<SummaryOp>(op)) {
        if (!isa<BlockArgument>(summary.getSource()) || summary.getStored())
          return summary.emitOpError("is not of an argument alone, so that no plan can make it");
        kernel.summaries.push_back(summary);
      }
    } else {
      return op.emitError("'") << op.getName() << "' stands beside an attention in kernel '" << function.getName()
                               << "'; only shape and scalar code may";
    }
  }
  if (!kernel.task)
    return function.emitError("kernel '")
           << function.getName() << "' has no attention: a public function must hold one attn.attention";
  for (Operation &op : kernel.task.getBody().front())
    if (auto bounds = dyn_cast<TileBoundsOp>(op))
      kernel.bounds = bounds;
  if (!kernel.bounds)
    return kernel.task.emitError("has no attn.tile_bounds at its top level");
  return kernel;
}

/// Copies `op` and what it needs from the same block, in order.
void cloneWithOperands(OpBuilder &builder, Operation *op, Block *block, IRMapping &mapping) {
  if (op->getBlock() != block || mapping.contains(op))
    return;
  // Operands of the op and of the ops in its regions alike: what is used from above.
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      if (Operation *producer = operand.getDefiningOp(); producer && producer->getBlock() == block && producer != op)
        cloneWithOperands(builder, producer, block, mapping);
  });
  builder.clone(*op, mapping);
}

/// One of the functions under construction: arguments unpacked, prologue copied.
struct Entry {
  func::FuncOp function;
  IRMapping mapping;
  OpBuilder builder;
};

Entry beginEntry(Kernel &kernel, StringRef suffix, TypeRange arguments) {
  OpBuilder builder(kernel.function);
  auto type = builder.getFunctionType(arguments, builder.getI32Type());
  auto function =
      func::FuncOp::create(builder, kernel.function.getLoc(), (kernel.function.getName() + suffix).str(), type);
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  IRMapping mapping;
  ImplicitLocOpBuilder b(function.getLoc(), builder);
  for (BlockArgument argument : kernel.function.getArguments())
    mapping.map(argument, unpackValue(b, block->getArgument(0), argument.getArgNumber(), argument.getType()));
  unsigned next = kernel.function.getNumArguments(); // values of summaries follow those of arguments
  for (SummaryOp op : kernel.summaries) {
    Value stored = unpackValue(b, block->getArgument(0), next++, op.getTable().getType());
    mapping.map(op.getTable(), SummaryOp::create(b, mapping.lookup(op.getSource()), op.getKind(), op.getDims(),
                                                 op.getGrains(), stored));
  }
  builder.restoreInsertionPoint(b.saveInsertionPoint());
  for (Operation *op : kernel.prologue)
    if (!isa<SummaryOp>(op))
      builder.clone(*op, mapping);
  return {function, mapping, builder};
}

/// Reads sizes out of descriptors. The conversion to LLVM rewrites constants before memref.dim asks for its index, and
/// would then spill the sizes to the stack to index them.
void resolveSizes(func::FuncOp function) {
  function.walk([](memref::DimOp op) {
    std::optional<int64_t> index = op.getConstantIndex();
    if (!index)
      return;
    OpBuilder builder(op);
    auto metadata = memref::ExtractStridedMetadataOp::create(builder, op.getLoc(), op.getSource());
    op.replaceAllUsesWith(metadata.getSizes()[*index]);
    op.erase();
  });
}

/// int32 NAME_task(values, task, arena)
void emitTaskFunction(Kernel &kernel) {
  MLIRContext *context = kernel.function.getContext();
  Type pointer = LLVM::LLVMPointerType::get(context);
  Entry entry = beginEntry(kernel, "_task", {pointer, pointer, pointer});
  ImplicitLocOpBuilder b(kernel.task.getLoc(), entry.builder);
  Value record = entry.function.getArgument(1), arena = entry.function.getArgument(2);
  for (BlockArgument id : kernel.task.getBody().getArguments())
    entry.mapping.map(id, loadTaskField(b, record, id.getArgNumber()));
  entry.mapping.map(kernel.bounds.getBegin(), loadTaskField(b, record, kTaskBegin));
  entry.mapping.map(kernel.bounds.getEnd(), loadTaskField(b, record, kTaskEnd));
  entry.mapping.map(kernel.bounds.getVisited(), loadTaskField(b, record, kTaskVisited));
  for (Operation &op : kernel.task.getBody().front().without_terminator()) {
    if (&op == kernel.bounds)
      continue;
    if (auto allocation = dyn_cast<memref::AllocOp>(op)) // the arena, by --attn-plan-arena
      entry.mapping.map(allocation.getResult(), wrapPointer(b, arena, allocation.getType()));
    else
      b.clone(op, entry.mapping);
  }
  Value ok = arith::ConstantIntOp::create(b, 0, 32);
  func::ReturnOp::create(b, ok);
  resolveSizes(entry.function);
}

/// int32 NAME_plan(values, tasks, capacity, count)
void emitPlanFunction(Kernel &kernel) {
  MLIRContext *context = kernel.function.getContext();
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = IntegerType::get(context, 64);
  Entry entry = beginEntry(kernel, "_plan", {pointer, pointer, i64, pointer});
  ImplicitLocOpBuilder b(kernel.task.getLoc(), entry.builder);
  Value tasks = entry.function.getArgument(1), count = entry.function.getArgument(3);
  Value capacity = arith::IndexCastOp::create(b, b.getIndexType(), entry.function.getArgument(2));

  // The first broken assert decides the status; nothing that relies on them runs before all hold.
  Value status = arith::ConstantIntOp::create(b, 0, 32);
  for (auto [index, check] : llvm::enumerate(kernel.asserts)) {
    Value zero = arith::ConstantIntOp::create(b, 0, 32);
    Value first = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, status, zero);
    Value broken = arith::SelectOp::create(b, entry.mapping.lookup(check.getArg()), zero,
                                           arith::ConstantIntOp::create(b, index + 1, 32));
    status = arith::SelectOp::create(b, first, broken, status);
  }
  Value good = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, status, arith::ConstantIntOp::create(b, 0, 32));
  auto guarded = scf::IfOp::create(b, good, /*withElseRegion=*/false);
  func::ReturnOp::create(b, status);
  b.setInsertionPointToStart(guarded.thenBlock());

  SmallVector<Value> bounds;
  for (Value bound : kernel.task->getOperands())
    bounds.push_back(entry.mapping.lookupOrDefault(bound));
  Value total = arith::MulIOp::create(b, arith::MulIOp::create(b, bounds[0], bounds[1]), bounds[2]);
  Value total64 = arith::IndexCastOp::create(b, i64, total);
  LLVM::StoreOp::create(b, total64, count);
  Value zero = arith::ConstantIndexOp::create(b, 0), one = arith::ConstantIndexOp::create(b, 1);
  SmallVector<Value> ids;
  Value isCounted = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, capacity, zero); // nothing to fill
  Value sequences = arith::SelectOp::create(b, isCounted, zero, bounds[0]);
  for (Value bound : {sequences, bounds[1], bounds[2]}) {
    auto loop = scf::ForOp::create(b, zero, bound, one);
    ids.push_back(loop.getInductionVar());
    b.setInsertionPointToStart(loop.getBody());
  }
  Value position = arith::AddIOp::create(b, arith::MulIOp::create(b, ids[0], bounds[1]), ids[1]);
  position = arith::AddIOp::create(b, arith::MulIOp::create(b, position, bounds[2]), ids[2]);
  auto fits = scf::IfOp::create(b, arith::CmpIOp::create(b, arith::CmpIPredicate::slt, position, capacity),
                                /*withElseRegion=*/false);
  b.setInsertionPointToStart(fits.thenBlock());
  Block &body = kernel.task.getBody().front();
  entry.mapping.map(kernel.task.getBody().getArguments(), ids);
  cloneWithOperands(b, kernel.bounds, &body, entry.mapping);

  auto mapped = [&](Value value) { return entry.mapping.lookupOrDefault(value); };
  Value keys = arith::SubIOp::create(b, mapped(kernel.bounds.getKeyEnd()), mapped(kernel.bounds.getKeyBegin()));
  Value step = arith::ConstantIndexOp::create(b, kernel.bounds.getStep());
  Value blocks = arith::CeilDivUIOp::create(b, keys, step);
  Value record = taskRecord(b, tasks, position);
  SmallVector<Value> fields = {ids[0],
                               ids[1],
                               ids[2],
                               zero,
                               mapped(kernel.bounds.getBegin()),
                               mapped(kernel.bounds.getEnd()),
                               mapped(kernel.bounds.getVisited()),
                               blocks,
                               mapped(kernel.bounds.getRowBegin()),
                               mapped(kernel.bounds.getRowEnd()),
                               keys,
                               step};
  for (auto [index, field] : llvm::enumerate(fields))
    storeTaskField(b, record, index, field);
  resolveSizes(entry.function);
}

/// Whether a value is one thing for the whole kernel, not one for each task.
bool isUniform(Kernel &kernel, Value value) { return !kernel.task->isAncestor(value.getParentBlock()->getParentOp()); }

/// int32 NAME_classify(values, b, h, row_begin, row_end, key_begin, key_end)
void emitClassifyFunction(Kernel &kernel) {
  MLIRContext *context = kernel.function.getContext();
  SmallVector<Type> types(7, IntegerType::get(context, 64));
  types[0] = LLVM::LLVMPointerType::get(context);
  Entry entry = beginEntry(kernel, "_classify", types);
  ImplicitLocOpBuilder b(kernel.task.getLoc(), entry.builder);
  SmallVector<Value> at; // b, h, rows, keys
  for (Value argument : entry.function.getArguments().drop_front())
    at.push_back(arith::IndexCastOp::create(b, b.getIndexType(), argument));
  auto mapped = [&](Value value) { return entry.mapping.lookupOrDefault(value); };
  auto compare = [&](arith::CmpIPredicate predicate, Value x, Value y) -> Value {
    return arith::CmpIOp::create(b, predicate, x, y);
  };
  if (isUniform(kernel, kernel.bounds.getKeyBegin()) && isUniform(kernel, kernel.bounds.getKeyEnd())) {
    at[4] = arith::MaxSIOp::create(b, at[4], mapped(kernel.bounds.getKeyBegin()));
    at[5] = arith::MinSIOp::create(b, at[5], mapped(kernel.bounds.getKeyEnd()));
  }

  fovea::TileClass tile;
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(kernel.bounds.getMask(), captured);
  if (llvm::all_of(captured, [&](Value value) { return isUniform(kernel, value); })) {
    Region mask;
    kernel.bounds.getMask().cloneInto(&mask, entry.mapping);
    tile = fovea::emitTileClass(b, b.getLoc(), mask, {at[0], at[1], at[2], at[3], at[4], at[5]});
  } else { // it is another mask for each task
    tile = {arith::ConstantIntOp::create(b, 1, 1), arith::ConstantIntOp::create(b, 0, 1)};
  }

  auto constant = [&](int64_t value) -> Value { return arith::ConstantIntOp::create(b, value, 32); };
  auto select = [&](Value condition, Value yes, Value no) -> Value {
    return arith::SelectOp::create(b, condition, yes, no);
  };
  Value result = select(tile.may, constant(FOVEA_TILE_PARTIAL), constant(FOVEA_TILE_EMPTY));
  result = select(tile.must, constant(FOVEA_TILE_FULL), result);
  for (unsigned begin : {2, 4})
    result = select(compare(arith::CmpIPredicate::sge, at[begin], at[begin + 1]), constant(FOVEA_TILE_EMPTY), result);
  for (auto [position, bound] : llvm::zip(at, kernel.task->getOperands().take_front(2))) // sequences, heads
    result = select(compare(arith::CmpIPredicate::ult, position, mapped(bound)), result, constant(-1));
  func::ReturnOp::create(b, result);
  resolveSizes(entry.function);
}

/// The functions must be new.
LogicalResult checkNames(func::FuncOp function) {
  for (StringRef suffix : {"_plan", "_task", "_classify"}) {
    std::string name = (function.getName() + suffix).str();
    if (Operation *other = SymbolTable::lookupSymbolIn(function->getParentOp(), name)) {
      InFlightDiagnostic error = function.emitError("kernel '")
                                 << function.getName() << "' becomes '" << name << "', which exists already";
      error.attachNote(other->getLoc()) << "rename this one";
      return error;
    }
  }
  return success();
}

struct OutlineTasksPass : fovea::attn::impl::OutlineTasksBase<OutlineTasksPass> {
  void runOnOperation() override {
    SmallVector<Attribute> kernels;
    for (auto function : llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (function.isExternal())
        continue;
      if (!function.isPublic()) {
        if (function.walk([](TaskOp) { return WalkResult::interrupt(); }).wasInterrupted()) {
          function.emitError("private function '")
              << function.getName() << "' holds an attention; make it public, or inline it";
          return signalPassFailure();
        }
        continue;
      }
      FailureOr<Kernel> kernel = analyze(function);
      if (failed(kernel) || failed(checkNames(function)))
        return signalPassFailure();
      reportVisibleKeys(kernel->bounds);
      kernels.push_back(describeKernel(*kernel));
      emitPlanFunction(*kernel);
      emitTaskFunction(*kernel);
      emitClassifyFunction(*kernel);
      function.erase();
    }
    if (kernels.empty()) {
      getOperation().emitError("has no public function: nothing to run");
      return signalPassFailure();
    }
    getOperation()->setAttr("fovea.kernels", ArrayAttr::get(&getContext(), kernels));
  }
};

} // namespace
