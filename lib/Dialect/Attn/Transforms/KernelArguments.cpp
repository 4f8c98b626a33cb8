// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "fovea/fovea_abi.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

namespace fovea::attn {
#define GEN_PASS_DEF_KERNELARGUMENTS
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

/// The same shape with strides and offset left to the caller.
MemRefType withAnyStrides(MemRefType type) {
  SmallVector<int64_t> strides(type.getRank(), ShapedType::kDynamic);
  auto layout = StridedLayoutAttr::get(type.getContext(), ShapedType::kDynamic, strides);
  return MemRefType::get(type.getShape(), type.getElementType(), layout, type.getMemorySpace());
}

Value withoutCasts(Value value) {
  while (auto cast = value.getDefiningOp<memref::CastOp>())
    value = cast.getSource();
  return value;
}

/// Why values of this type cannot cross fovea_abi.h, or nothing.
std::optional<std::string> faultOf(Type type) {
  auto memref = dyn_cast<MemRefType>(type);
  Type element = memref ? memref.getElementType() : type;
  bool isInteger = element.isSignlessInteger() && element.getIntOrFloatBitWidth() <= 64;
  if (memref && isInteger) // in whole bytes; a boolean takes one
    isInteger = llvm::is_contained({1, 8, 16, 32, 64}, element.getIntOrFloatBitWidth());
  if (isa<TensorType>(type))
    return "it is a tensor; bufferize first (phase 4)";
  if (!isInteger && !isa<IndexType, Float16Type, BFloat16Type, Float32Type, Float64Type>(element))
    return "kernels take f16, bf16, f32, f64, index and signless integers up to i64, and memrefs of those in whole "
           "bytes";
  if (!memref)
    return std::nullopt;
  if (memref.getRank() > FOVEA_MAX_RANK)
    return ("its rank is above " + Twine(FOVEA_MAX_RANK)).str();
  if (!memref.isStrided())
    return "its layout is not strided";
  if (memref.getMemorySpace())
    return "its memory space is not the default one";
  return std::nullopt;
}

LogicalResult checkArguments(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments())
    if (std::optional<std::string> fault = faultOf(argument.getType()))
      return emitError(argument.getLoc())
             << "argument " << argument.getArgNumber() << " of kernel '" << function.getName() << "' cannot be "
             << argument.getType() << ": " << *fault;
  return success();
}

LogicalResult relaxUsers(Value value);

/// The type of a view once its source has any strides, or failure if there is no such view.
FailureOr<MemRefType> relaxedType(Operation *view, MemRefType source) {
  auto type = cast<MemRefType>(view->getResult(0).getType());
  if (auto slice = dyn_cast<memref::SubViewOp>(view))
    return memref::SubViewOp::inferRankReducedResultType(type.getShape(), source, slice.getMixedOffsets(),
                                                         slice.getMixedSizes(), slice.getMixedStrides());
  if (auto expand = dyn_cast<memref::ExpandShapeOp>(view))
    return memref::ExpandShapeOp::computeExpandedType(source, type.getShape(), expand.getReassociationIndices());
  return withAnyStrides(type); // transpose, cast
}

LogicalResult relax(Value value, MemRefType type) {
  if (value.getType() == type)
    return success();
  value.setType(type);
  return relaxUsers(value);
}

/// Views follow the strides of what they look at. Nothing may keep a type that promises strides: callers choose them.
LogicalResult relaxUsers(Value value) {
  for (Operation *user : value.getUsers()) {
    if (isa<AttentionOp, LinearAttentionOp, memref::CopyOp, memref::DimOp, memref::LoadOp, memref::StoreOp,
            func::ReturnOp>(user))
      continue;
    bool isView = isa<memref::CastOp, memref::ExpandShapeOp, memref::SubViewOp, memref::TransposeOp>(user) &&
                  isa<MemRefType>(user->getResult(0).getType());
    FailureOr<MemRefType> type =
        isView ? relaxedType(user, cast<MemRefType>(value.getType())) : FailureOr<MemRefType>();
    if (failed(type))
      return user->emitOpError(
          "cannot take an argument of a kernel: callers choose its strides; load from it, slice, transpose or "
          "expand it");
    if (failed(relax(user->getResult(0), *type)))
      return failure();
  }
  return success();
}

/// Why a value that is no allocation cannot be returned; arguments from `numInputs` on are results that were moved.
LogicalResult refuseResult(func::FuncOp function, size_t index, Value value, unsigned numInputs) {
  InFlightDiagnostic error = function.emitError()
                             << "result " << index << " of kernel '" << function.getName() << "' is ";
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || argument.getOwner() != &function.front())
    return error << "not computed by an attn op of its own; return what attn.attention returns";
  unsigned number = argument.getArgNumber();
  if (number >= numInputs)
    return error << "result " << number - numInputs << " once more; return it once";
  bool isWritten = llvm::any_of(argument.getUsers(), [&](Operation *user) {
    if (auto attention = dyn_cast<AttentionOp>(user))
      return llvm::is_contained(attention.getOuts(), value);
    auto attention = dyn_cast<LinearAttentionOp>(user);
    return attention && llvm::is_contained(attention.getOuts(), value);
  });
  return error << "its argument " << number
               << (isWritten ? ", which outs writes already; drop the result, or the outs"
                             : ", unchanged; return what attn.attention computes");
}

/// Turns returned allocations into trailing arguments.
LogicalResult moveResults(func::FuncOp function, func::ReturnOp terminator) {
  unsigned numInputs = function.getNumArguments();
  for (auto [index, value] : llvm::enumerate(terminator.getOperands())) {
    Value source = withoutCasts(value);
    auto allocation = source.getDefiningOp<memref::AllocOp>();
    if (!allocation)
      return refuseResult(function, index, source, numInputs);
    Value argument = function.front().addArgument(allocation.getType(), value.getLoc());
    allocation.getResult().replaceAllUsesWith(argument);
    terminator->setOperand(index, argument); // a second return of the same result is seen as such
    allocation.erase();
  }
  terminator->setOperands({});
  return success();
}

/// Attributes of attn on the results that became arguments stay with them.
void updateSignature(func::FuncOp function) {
  Builder builder(function.getContext());
  SmallVector<DictionaryAttr> attributes, results;
  function.getAllArgAttrs(attributes);
  function.getAllResultAttrs(results);
  for (DictionaryAttr result : results) {
    NamedAttrList kept;
    for (NamedAttribute attribute : result ? result.getValue() : ArrayRef<NamedAttribute>())
      if (attribute.getName().getValue().starts_with("attn."))
        kept.push_back(attribute);
    attributes.push_back(kept.getDictionary(builder.getContext()));
  }
  function.setFunctionType(builder.getFunctionType(function.front().getArgumentTypes(), {}));
  function.setAllResultAttrs(ArrayRef<Attribute>());
  function.setAllArgAttrs(attributes);
}

/// What the source calls an argument, where its location tells; else its number.
std::string nameInSource(BlockArgument argument) {
  if (auto named = dyn_cast<NameLoc>(argument.getLoc()))
    return named.getName().str();
  return "arg" + std::to_string(argument.getArgNumber());
}

/// Names arguments that have none: by role, else as the source does.
class Namer {
public:
  explicit Namer(func::FuncOp function) : function(function) {
    for (unsigned index = 0; index < function.getNumArguments(); ++index)
      if (auto name = function.getArgAttrOfType<StringAttr>(index, "attn.name"))
        used.insert(name.getValue());
  }

  void name(Value value, const Twine &role) {
    auto argument = dyn_cast_or_null<BlockArgument>(value);
    if (!argument || argument.getOwner() != &function.front() ||
        function.getArgAttr(argument.getArgNumber(), "attn.name"))
      return;
    std::string name = role.str();
    while (!used.insert(name).second)
      name += "_";
    function.setArgAttr(argument.getArgNumber(), "attn.name", StringAttr::get(function.getContext(), name));
  }

private:
  func::FuncOp function;
  llvm::StringSet<> used;
};

/// Tables that query and key share have the plain names.
void nameRope(Namer &namer, AttentionOp op) {
  constexpr StringLiteral kNames[] = {"cos", "sin", "positions"};
  for (auto [tables, prefix] : {std::pair(op.getQueryRope(), ""), std::pair(op.getKeyRope(), "key_"),
                                std::pair(op.getFarQueryRope(), "far_"), std::pair(op.getFarKeyRope(), "far_key_")})
    for (auto [table, name] : llvm::zip(tables, kNames))
      namer.name(table, prefix + name);
}

/// Positions are looked at by the plan: each must be a row of cos.
LogicalResult markPositions(func::FuncOp function, AttentionOp op) {
  for (OperandRange tables : {op.getQueryRope(), op.getKeyRope(), op.getFarQueryRope(), op.getFarKeyRope()}) {
    if (tables.size() != 3)
      continue;
    auto table = dyn_cast<BlockArgument>(tables[0]), positions = dyn_cast<BlockArgument>(tables[2]);
    if (!table || !positions || table.getOwner() != &function.front() || positions.getOwner() != &function.front())
      return op.emitOpError()
             << "reads positions or a table for them that are not arguments of the kernel as they are, "
                "so that no plan can check them";
    Attribute number = Builder(op.getContext()).getI64IntegerAttr(table.getArgNumber());
    Attribute known = function.getArgAttr(positions.getArgNumber(), "attn.indexes");
    if (known && known != number)
      return op.emitOpError() << "reads the rows of two tables at the same positions; pass the positions twice";
    function.setArgAttr(positions.getArgNumber(), "attn.indexes", number);
  }
  return success();
}

LogicalResult annotate(func::FuncOp function) {
  constexpr StringLiteral kProjections[] = {"key_up", "value_up"};
  Namer namer(function);
  auto nameOutputs = [&](ValueRange outs, StringRef second) {
    for (auto [index, out] : llvm::enumerate(outs)) {
      namer.name(out, index == 0 ? "out" : second);
      if (auto argument = dyn_cast<BlockArgument>(out); argument && argument.getOwner() == &function.front())
        function.setArgAttr(argument.getArgNumber(), "attn.output", UnitAttr::get(function.getContext()));
    }
  };
  WalkResult result = function.walk([&](AttentionOp op) {
    namer.name(op.getQuery(), "query");
    namer.name(op.getKey(), op.isLatent() ? "cache" : "key");
    namer.name(op.getValue(), "value");
    namer.name(op.getQOffset(), "q_offset");
    for (auto [projection, name] : llvm::zip(op.getLatent(), kProjections))
      namer.name(projection, name);
    namer.name(op.getQueryNorm(), "query_norm");
    namer.name(op.getKeyNorm(), "key_norm");
    nameRope(namer, op);
    nameOutputs(op.getOuts(), "lse");
    return failed(markPositions(function, op)) ? WalkResult::interrupt() : WalkResult::advance();
  });
  function.walk([&](LinearAttentionOp op) {
    namer.name(op.getQuery(), "query");
    namer.name(op.getKey(), "key");
    namer.name(op.getValue(), "value");
    namer.name(op.getDecay(), "decay");
    namer.name(op.getBeta(), "beta");
    namer.name(op.getLengths(), "lengths");
    namer.name(op.getInitialState(), "initial_state");
    nameOutputs(op.getOuts(), "final_state");
  });
  for (BlockArgument argument : function.getArguments())
    namer.name(argument, nameInSource(argument));
  return failure(result.wasInterrupted());
}

LogicalResult rewriteKernel(func::FuncOp function) {
  auto terminator =
      function.getBody().hasOneBlock() ? dyn_cast<func::ReturnOp>(function.front().getTerminator()) : func::ReturnOp();
  if (!terminator)
    return function.emitError("kernel '")
           << function.getName() << "' must be one block that returns: control flow around attention is not supported";
  if (failed(moveResults(function, terminator)) || failed(checkArguments(function)))
    return failure();
  for (BlockArgument argument : function.getArguments())
    if (auto type = dyn_cast<MemRefType>(argument.getType()))
      if (failed(relax(argument, withAnyStrides(type))))
        return failure();
  updateSignature(function);
  return annotate(function);
}

struct KernelArgumentsPass : fovea::attn::impl::KernelArgumentsBase<KernelArgumentsPass> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && function.isPublic() && failed(rewriteKernel(function)))
        return signalPassFailure();
  }
};

} // namespace
