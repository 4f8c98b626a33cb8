// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Program.h"

#include "Fail.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Engine/SafeParse.h"
#include "fovea/InitAll.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace fovea::reference;
using namespace fovea::run;
using fovea::attn::AttentionOp;
using fovea::attn::LinearAttentionOp;
using fovea::attn::RopeOp;

Program::Program(StringRef text, StringRef name) : name(name.str()), context(MLIRContext::Threading::DISABLED) {
  DialectRegistry registry;
  fovea::registerDialects(registry);
  context.appendDialectRegistry(registry);
  std::string message, location;
  module = fovea::parseModule(text, name, context, message, location);
  if (!module)
    fail(location + ": " + message);
  context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
    llvm::raw_string_ostream stream(lastError);
    if (auto place = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
      stream << place.getFilename().getValue() << ":" << place.getLine() << ":" << place.getColumn() << ": ";
    stream << diagnostic;
  });
}

void Program::bind(const Kernel &kernel) {
  function = module->lookupSymbol<func::FuncOp>(kernel.name());
  if (!function)
    fail(name + ": has no function '" + kernel.name() + "' for the reference");
  std::vector<unsigned> inputs;
  for (unsigned k = 0; k < kernel.numParams(); ++k)
    (isOutput(kernel.param(k)) ? outputParams : inputs).push_back(k);
  SmallVector<unsigned> written = writtenArguments(function);
  unsigned results = function.getNumResults();
  if (inputs.size() + written.size() != function.getNumArguments() || outputParams.size() != results + written.size())
    fail(name + ": function '" + kernel.name() + "' has " + Twine(function.getNumArguments() - written.size()) +
         " inputs and " + Twine(results + written.size()) + " outputs, but the compiled kernel has " +
         Twine(inputs.size()) + " and " + Twine(outputParams.size()));
  auto nextInput = inputs.begin();
  auto nextOutput = outputParams.begin() + results;
  for (unsigned argument = 0; argument < function.getNumArguments(); ++argument)
    paramOfArgument.push_back(llvm::is_contained(written, argument) ? *nextOutput++ : *nextInput++);
}

std::vector<TensorRef> Program::functionArguments(llvm::ArrayRef<TensorRef> arguments) const {
  std::vector<TensorRef> result;
  for (unsigned param : paramOfArgument)
    result.push_back(arguments[param]);
  return result;
}

Evaluation Program::evaluate(llvm::ArrayRef<TensorRef> arguments) {
  FailureOr<Evaluation> evaluation = evaluateFunction(function, functionArguments(arguments));
  if (failed(evaluation))
    fail(lastError);
  return std::move(*evaluation);
}

std::optional<Work> Program::countWork(llvm::ArrayRef<TensorRef> arguments) {
  FailureOr<Work> work = reference::countWork(function, functionArguments(arguments));
  if (failed(work))
    return std::nullopt;
  return *work;
}

std::optional<unsigned> Program::paramOf(Value value) {
  while (true) {
    if (auto cast = value.getDefiningOp<memref::CastOp>())
      value = cast.getSource();
    else if (auto cast = value.getDefiningOp<tensor::CastOp>())
      value = cast.getSource();
    else
      break;
  }
  if (auto argument = dyn_cast<BlockArgument>(value); argument && argument.getOwner() == &function.front())
    return paramOfArgument[argument.getArgNumber()];
  return std::nullopt;
}

namespace {

/// B, Hq, Nq, Dk of one attention, each the dimensions that have this size.
struct AttentionSizes {
  std::map<std::string, std::pair<unsigned, unsigned>> first; // size -> (tensor, dimension)
  Sizes &sizes;

  void add(std::optional<unsigned> tensor, ArrayRef<const char *> names, ArrayRef<int64_t> order) {
    if (!tensor || sizes.rank(*tensor) != names.size())
      return;
    for (auto [name, dim] : llvm::zip_equal(names, order)) {
      auto [known, isNew] = first.try_emplace(name, *tensor, unsigned(dim));
      if (!isNew)
        sizes.makeEqual(known->second.first, known->second.second, *tensor, unsigned(dim));
    }
  }
};

} // namespace

void Program::describeSizes(const Kernel &kernel, Sizes &sizes) {
  for (BlockArgument argument : function.getArguments()) {
    auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), "attn.dims");
    unsigned param = paramOfArgument[argument.getArgNumber()];
    if (names && names.size() == sizes.rank(param))
      for (auto [dim, attribute] : llvm::enumerate(names))
        if (auto text = dyn_cast<StringAttr>(attribute))
          sizes.setName(param, unsigned(dim), text.str());
  }
  Operation *terminator = function.front().getTerminator();
  /// add(result, param) for what is returned of the op's results
  auto forReturned = [&](Operation *op, function_ref<void(unsigned, std::optional<unsigned>)> add) {
    for (auto [k, returned] : llvm::enumerate(terminator->getOperands())) {
      while (auto cast = returned.getDefiningOp<tensor::CastOp>())
        returned = cast.getSource();
      if (returned.getDefiningOp() == op)
        add(cast<OpResult>(returned).getResultNumber(), outputParams[k]);
    }
  };
  function.walk([&](AttentionOp op) {
    SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(op.getLayout());
    AttentionSizes parts{{}, sizes};
    auto rotated = [](Value value) { // as large as what is rotated
      auto rope = value.getDefiningOp<RopeOp>();
      return rope ? Value(rope.getInput()) : value;
    };
    parts.add(paramOf(rotated(op.getQuery())), {"B", "Hq", "Nq", "Dk"}, order);
    parts.add(paramOf(rotated(op.getKey())), {"B", "Hkv", "Nk", "Dk"}, order);
    parts.add(paramOf(op.getValue()), {"B", "Hkv", "Nk", "Dv"}, order);
    if (op.getQOffset() && isa<ShapedType>(op.getQOffset().getType()))
      parts.add(paramOf(op.getQOffset()), {"B"}, {0});
    auto addOutput = [&](unsigned part, std::optional<unsigned> param) {
      if (part == 0)
        parts.add(param, {"B", "Hq", "Nq", "Dv"}, order);
      else
        parts.add(param, {"B", "Hq", "Nq"}, {0, 1, 2});
    };
    for (auto [part, out] : llvm::enumerate(op.getOuts()))
      addOutput(unsigned(part), paramOf(out));
    forReturned(op, addOutput);
  });
  function.walk([&](LinearAttentionOp op) {
    SmallVector<int64_t, 4> order = AttentionOp::dimensionOrder(op.getLayout());
    bool isCausal = op.isCausal();
    const char *queries = isCausal ? "N" : "Nq", *keys = isCausal ? "N" : "Nk", *state = "Dv + z";
    AttentionSizes parts{{}, sizes};
    parts.add(paramOf(op.getQuery()), {"B", "Hq", queries, "Dk"}, order);
    parts.add(paramOf(op.getKey()), {"B", "Hkv", keys, "Dk"}, order);
    parts.add(paramOf(op.getValue()), {"B", "Hkv", keys, "Dv"}, order);
    if (op.getDecay()) {
      size_t rank = cast<ShapedType>(op.getDecay().getType()).getRank();
      std::optional<unsigned> decay = paramOf(op.getDecay());
      if (rank == 1)
        parts.add(decay, {"Hkv"}, {0});
      else if (rank == 3)
        parts.add(decay, {"B", "Hkv", keys}, ArrayRef(order).take_front(3));
      else
        parts.add(decay, {"B", "Hkv", keys, "Dk"}, order);
    }
    if (op.getInitialState())
      parts.add(paramOf(op.getInitialState()), {"B", "Hkv", "Dk", state}, {0, 1, 2, 3});
    auto addOutput = [&](unsigned part, std::optional<unsigned> param) {
      if (part == 0)
        parts.add(param, {"B", "Hq", queries, "Dv"}, order);
      else
        parts.add(param, {"B", "Hkv", "Dk", state}, {0, 1, 2, 3});
    };
    for (auto [part, out] : llvm::enumerate(op.getOuts()))
      addOutput(unsigned(part), paramOf(out));
    forReturned(op, addOutput);
  });
}
