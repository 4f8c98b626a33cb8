// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Dialect/Attn/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"

namespace fovea::attn {
#define GEN_PASS_DEF_CHOOSELINEARFORM
#include "fovea/Dialect/Attn/Transforms/Passes.h.inc"
} // namespace fovea::attn

using namespace mlir;
using namespace fovea::attn;

namespace {

constexpr int64_t kRecurrentTokens = 4; // a register tile of a chunk has more rows than that
constexpr int64_t kChunk = 32;

struct Choice {
  LinearForm form;
  StringRef reason;
};

Choice chooseForm(LinearAttentionOp op) {
  if (!op.isCausal())
    return {LinearForm::Chunked, "every query reads the state of all keys"};
  int64_t tokens = op.getKeyType().getDimSize(AttentionOp::dimensionOrder(op.getLayout())[2]);
  if (ShapedType::isDynamic(tokens))
    return {LinearForm::Chunked, "the number of tokens is dynamic"};
  if (tokens == 0)
    return {LinearForm::Chunked, "there are no tokens"};
  // Multiply-adds of a token, halved: pairs up to the diagonal, against a chunk's pairs and two products with the
  // state.
  int64_t sizes = op.getKeyHeadSize() + op.getValueHeadSize();
  bool pairsCostLess = tokens * sizes <= 4 * op.getKeyHeadSize() * op.getValueHeadSize() + kChunk * sizes;
  if (!op.hasInitialState() && !op.hasFinalState() && tokens <= kMaxParallelTokens && pairsCostLess)
    return {LinearForm::Parallel, "there is no state before or after, and all pairs of tokens cost less than one"};
  if (tokens <= kRecurrentTokens)
    return {LinearForm::Recurrent, "a chunk of so few tokens would be mostly padding"};
  return {LinearForm::Chunked, "products of chunks read the state once for many tokens"};
}

struct ChooseLinearFormPass : fovea::attn::impl::ChooseLinearFormBase<ChooseLinearFormPass> {
  void runOnOperation() override {
    getOperation().walk([&](LinearAttentionOp op) {
      if (op.getForm())
        return;
      Choice choice = chooseForm(op);
      op.setForm(choice.form);
      remark::passed(op.getLoc(), remark::RemarkOpts::name("ChooseLinearForm").category("attn"))
          << remark::reason("form {0}: {1}", stringifyLinearForm(choice.form), choice.reason);
    });
  }
};

} // namespace
