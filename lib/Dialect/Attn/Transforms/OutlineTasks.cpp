// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelAbi.h"
#include "KernelEntry.h"
#include "ReportVisibleKeys.h"
#include "fovea/Analysis/MaskClassifier.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "fovea/Dialect/Attn/Utils/Fallback.h"
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
  Kernel kernel{function, {}, {}, {}, {}, {}, {}};
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
  for (Operation &op : kernel.task.getBody().front()) {
    if (auto bounds = dyn_cast<TileBoundsOp>(op))
      kernel.bounds = bounds;
    if (auto partials = dyn_cast<PartialsOp>(op))
      kernel.partials = partials;
  }
  if (!kernel.bounds)
    return kernel.task.emitError("has no attn.tile_bounds at its top level");
  return kernel;
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
  if (PartialsOp op = kernel.partials) {
    int64_t index = kernel.function.getNumArguments() + kernel.summaries.size(); // the last of the values
    entry.mapping.map(op.getBuffer(),
                      unpackPartials(b, entry.function.getArgument(0), index, record, op.getBuffer().getType()));
    entry.mapping.map(op.getPiece(), loadTaskField(b, record, kTaskPiece));
    entry.mapping.map(op.getPieces(), loadTaskField(b, record, kTaskPieces));
  }
  for (Operation &op : kernel.task.getBody().front().without_terminator()) {
    if (&op == kernel.bounds || &op == kernel.partials)
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

/// Whether a value is one thing for the whole kernel, not one for each task.
bool isUniform(Kernel &kernel, Value value) { return !kernel.task->isAncestor(value.getParentBlock()->getParentOp()); }

/// Whether of what differs from task to task it depends on the split alone.
bool isOfSplit(Kernel &kernel, Value value) {
  if (isUniform(kernel, value) || value == kernel.task.getBody().getArguments().back())
    return true;
  Operation *producer = value.getDefiningOp();
  return producer && producer->getNumRegions() == 0 &&
         llvm::all_of(producer->getOperands(), [&](Value operand) { return isOfSplit(kernel, operand); });
}

/// Cuts [begin, end) at the keys that tasks have together: of a packed task, from the first split's to the last one's.
void cutAtKeys(ImplicitLocOpBuilder &b, Kernel &kernel, IRMapping &mapping, Value &begin, Value &end) {
  Value first = kernel.bounds.getKeyBegin(), last = kernel.bounds.getKeyEnd();
  if (kernel.task.isPacked() ? !isOfSplit(kernel, first) || !isOfSplit(kernel, last)
                             : !isUniform(kernel, first) || !isUniform(kernel, last))
    return;
  auto at = [&](Value value, function_ref<Value()> split) {
    IRMapping ofSplit = mapping;
    if (Operation *producer = value.getDefiningOp(); producer && kernel.task.isPacked()) {
      ofSplit.map(kernel.task.getBody().getArguments().back(), split());
      cloneWithOperands(b, producer, &kernel.task.getBody().front(), ofSplit);
    }
    return ofSplit.lookupOrDefault(value);
  };
  begin = arith::MaxSIOp::create(b, begin, at(first, [&]() -> Value { return arith::ConstantIndexOp::create(b, 0); }));
  end = arith::MinSIOp::create(b, end, at(last, [&]() -> Value {
                                 Value splits = mapping.lookupOrDefault(kernel.task.getPacking()[1]);
                                 return arith::SubIOp::create(b, splits, arith::ConstantIndexOp::create(b, 1));
                               }));
}

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
  cutAtKeys(b, kernel, entry.mapping, at[4], at[5]);

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
LogicalResult checkNames(func::FuncOp function, ArrayRef<StringRef> suffixes) {
  for (StringRef suffix : suffixes) {
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

/// Another way to compute the tasks of a kernel that was outlined before: of it there is NAME_task alone.
LogicalResult outlineFallback(Kernel &kernel, ArrayRef<Attribute> kernels, StringAttr planner) {
  auto found =
      llvm::find_if(kernels, [&](Attribute other) { return cast<DictionaryAttr>(other).get("name") == planner; });
  if (found == kernels.end())
    return kernel.function.emitError("is a fallback of kernel '")
           << planner.getValue() << "', which does not precede it";
  // Both read the same values.
  DictionaryAttr own = describeKernel(kernel), its = cast<DictionaryAttr>(*found);
  if (own.get("summaries") != its.get("summaries") || kernel.task.isPacked() || kernel.partials)
    return kernel.function.emitError("has other tasks than kernel '")
           << planner.getValue() << "', whose fallback it is";
  if (failed(checkNames(kernel.function, {"_task"})))
    return failure();
  emitTaskFunction(kernel);
  kernel.function.erase();
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
      if (failed(kernel))
        return signalPassFailure();
      if (auto planner = function->getAttrOfType<StringAttr>(fovea::kFallbackOf)) {
        if (failed(outlineFallback(*kernel, kernels, planner)))
          return signalPassFailure();
        continue;
      }
      if (failed(checkNames(function, {"_plan", "_task", "_classify"})))
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
