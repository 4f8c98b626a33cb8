// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Analysis/SummaryRequests.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>

namespace fovea::attn {
#define GEN_PASS_DEF_SUMMARIZELOADS
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

using Dims = SmallVector<int64_t, 2>;
/// Argument, kind, dimensions -> grains; ordered, so that the kernel's table is always the same.
using Summaries = std::map<std::tuple<unsigned, SummaryKind, Dims>, Dims>;

/// Whose content can be known before a task runs: what the kernel only reads.
std::optional<unsigned> inputNumber(Value source, func::FuncOp function) {
  auto argument = dyn_cast<BlockArgument>(source);
  if (!argument || argument.getOwner() != &function.front() ||
      function.getArgAttr(argument.getArgNumber(), "attn.output"))
    return std::nullopt;
  return argument.getArgNumber();
}

void collect(Region &mask, func::FuncOp function, Summaries &summaries) {
  for (SummaryRequest &request : summaryRequests(mask)) {
    std::optional<unsigned> number = inputNumber(request.source, function);
    if (!number)
      continue;
    auto [entry, isNew] = summaries.try_emplace({*number, request.kind, request.dims}, request.grains);
    for (auto [grain, wanted] : llvm::zip_equal(entry->second, request.grains))
      grain = std::min(grain, wanted); // the finer one serves both
  }
}

struct SummarizeLoadsPass : fovea::attn::impl::SummarizeLoadsBase<SummarizeLoadsPass> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    Summaries summaries;
    function.walk([&](TileBoundsOp bounds) { collect(bounds.getMask(), function, summaries); });
    OpBuilder builder = OpBuilder::atBlockBegin(&function.front());
    for (const auto &[key, grains] : summaries) {
      const auto &[number, kind, dims] = key;
      BlockArgument source = function.getArgument(number);
      SummaryOp::create(builder, source.getLoc(), source, kind, dims, grains, /*stored=*/Value());
    }
  }
};

} // namespace
