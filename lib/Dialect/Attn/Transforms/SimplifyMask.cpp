// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "MaskProver.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"

namespace fovea::attn {
#define GEN_PASS_DEF_SIMPLIFYMASK
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

remark::RemarkOpts named(StringRef name) { return remark::RemarkOpts::name(name).category("attn"); }

/// Comparisons that come out the same everywhere become constants.
void simplifyComparisons(Region &region, MaskProver &prover) {
  SmallVector<arith::CmpIOp> comparisons(region.front().getOps<arith::CmpIOp>());
  for (arith::CmpIOp comparison : comparisons) {
    Truth truth = prover.prove(comparison);
    if (truth == Truth::Unknown)
      continue;
    bool isTrue = truth == Truth::Always;
    remark::passed(comparison.getLoc(), named("ComparisonDropped"))
        << remark::reason("always {0} for these shapes", isTrue ? "true" : "false");
    OpBuilder builder(comparison);
    comparison.replaceAllUsesWith(Value(arith::ConstantIntOp::create(builder, comparison.getLoc(), isTrue, 1)));
    comparison.erase();
  }
}

/// Returns whether the mask is gone.
bool dropMask(AttentionOp op, MaskProver &prover) {
  Truth truth = prover.prove(op.getMask().front().getTerminator()->getOperand(0));
  if (truth == Truth::Never)
    remark::analysis(op.getLoc(), named("MaskHidesAll"))
        << remark::add("no row sees a key: the output is 0, the log-sum-exp -inf");
  if (truth != Truth::Always)
    return false;
  remark::passed(op.getLoc(), named("MaskDropped")) << remark::reason("the mask hides nothing");
  op.getMask().front().erase();
  return true;
}

void reportRows(AttentionOp op, MaskProver &prover) {
  using Witness = MaskProver::Witness;
  constexpr std::pair<Witness, const char *> kWitnesses[] = {{Witness::Own, "the key at its own position"},
                                                             {Witness::First, "the first key"},
                                                             {Witness::Last, "the last key"}};
  std::string condition, key;
  for (auto [witness, name] : kWitnesses) {
    std::optional<std::string> provided = prover.conditionForEveryRow(witness);
    if (provided && provided->empty()) {
      remark::passed(op.getLoc(), named("EveryRowSeesAKey")) << remark::reason("{0}", name);
      return;
    }
    if (condition.empty() && provided) {
      condition = *provided;
      key = name;
    }
  }
  if (!condition.empty()) {
    remark::analysis(op.getLoc(), named("EveryRowSeesAKey")) << remark::add("{0}, if {1}", key, condition);
    return;
  }
  remark::missed(op.getLoc(), named("EveryRowSeesAKey"))
      << remark::reason("not proven; a row that sees none gives 0 and log-sum-exp -inf");
}

void reportIndex(Operation *load, Value source, ValueRange indices, MaskProver &prover) {
  Truth all = Truth::Always;
  for (auto [dim, index] : llvm::enumerate(indices)) {
    Truth truth = prover.proveWithin(index, prover.sizeOf(source, dim));
    if (truth == Truth::Never)
      all = Truth::Never;
    else if (truth == Truth::Unknown && all == Truth::Always)
      all = Truth::Unknown;
  }
  if (all == Truth::Always)
    remark::passed(load->getLoc(), named("IndexInBounds")) << remark::reason("for every sequence, head, row and key");
  else if (all == Truth::Never)
    remark::failed(load->getLoc(), named("IndexInBounds")) << remark::reason("always outside the tensor: it reads 0");
  else
    remark::missed(load->getLoc(), named("IndexInBounds"))
        << remark::reason("not proven; outside the tensor it reads 0");
}

void reportIndices(Region &region, MaskProver &prover) {
  region.walk([&](Operation *op) {
    if (auto load = dyn_cast<memref::LoadOp>(op))
      reportIndex(op, load.getMemRef(), load.getIndices(), prover);
    else if (auto extract = dyn_cast<tensor::ExtractOp>(op))
      reportIndex(op, extract.getTensor(), extract.getIndices(), prover);
  });
}

struct SimplifyMask : fovea::attn::impl::SimplifyMaskBase<SimplifyMask> {
  void runOnOperation() override {
    bool wantsRemarks = getContext().getRemarkEngine() != nullptr;
    getOperation().walk([&](AttentionOp op) {
      OpBuilder builder(op);
      fovea::DeadCodeTrimmer trimmer(builder); // what the prover leaves
      MaskProver prover(op, builder);
      if (wantsRemarks) {
        reportIndices(op.getScore(), prover);
        reportIndices(op.getMask(), prover);
        reportIndices(op.getFar(), prover);
      }
      if (op.hasMask() && !dropMask(op, prover)) {
        simplifyComparisons(op.getMask(), prover);
        if (wantsRemarks)
          reportRows(op, prover);
      }
      if (op.hasFar())
        simplifyComparisons(op.getFar(), prover);
      trimmer.trim();
    });
  }
};

} // namespace
