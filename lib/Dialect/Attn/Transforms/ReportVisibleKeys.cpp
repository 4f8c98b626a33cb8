// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ReportVisibleKeys.h"

#include "PrintExpression.h"
#include "fovea/Analysis/VisibleKeys.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace fovea;
using namespace fovea::attn;

namespace {

/// Code for rows [i0, i1) and keys [0, n), emitted before `bounds` and trimmed by the builder's owner.
struct Question {
  MaskRangeBuilder &b;
  Value batch, head, rowBegin, rowEnd, keyEnd;

  explicit Question(MaskRangeBuilder &b)
      : b(b), batch(opaque()), head(opaque()), rowBegin(opaque()), rowEnd(opaque()), keyEnd(opaque()) {}

  Value opaque() {
    OpBuilder &builder = b.getBuilder();
    return UnrealizedConversionCastOp::create(builder, b.getLoc(), builder.getIndexType(), ValueRange{}).getResult(0);
  }

  std::optional<std::string> nameOf(Value value) const {
    std::pair<Value, const char *> names[] = {
        {batch, "b"}, {head, "h"}, {rowBegin, "i0"}, {rowEnd, "i1"}, {keyEnd, "n"}};
    for (auto [known, name] : names)
      if (value == known)
        return name;
    return std::nullopt;
  }

  /// "[0, i1)", or "..." for an end that is too long to print.
  std::string print(const KeyRange &range) const {
    auto name = [this](Value value) { return nameOf(value); };
    auto end = [&](Value value, const char *unlimited) {
      return value ? printExpression(value, name).value_or("...") : std::string(unlimited);
    };
    std::string text = "[" + end(range.begin, "0") + ", " + end(range.end, "n") + ")";
    if (range.condition)
      text += " if " + printExpression(range.condition, name).value_or("...");
    return text;
  }
};

std::string describe(const KeySet &keys, const Question &question) {
  if (keys.ranges.empty())
    return "no key";
  std::string text;
  for (const KeyRange &range : keys.ranges)
    text += (text.empty() ? "keys " : " and ") + question.print(range);
  return text;
}

remark::RemarkOpts named(StringRef name) { return remark::RemarkOpts::name(name).category("attn"); }

} // namespace

void fovea::attn::reportVisibleKeys(TileBoundsOp bounds) {
  if (!bounds->getContext()->getRemarkEngine())
    return;
  OpBuilder builder(bounds);
  DeadCodeTrimmer trimmer(builder);
  MaskRangeBuilder b(builder, bounds.getLoc());
  Question question(b);
  MaskClassifier classifier(bounds.getMask());
  classifier.emitSymbols(builder, b.getLoc(), question.batch, question.head);
  classifier.emitRows(builder, b.getLoc(), question.rowBegin, question.rowEnd);
  classifier.emitKeys(builder, b.getLoc(), b.constant(0), question.keyEnd);
  SmallVector<Operation *> unsolved;
  KeySet keys = emitVisibleKeys(b, classifier, &unsolved);
  remark::analysis(bounds.getLoc(), named("VisibleKeys"))
      << remark::add("rows [i0, i1) see {0}{1}", describe(keys, question), keys.isExact ? "" : " at most");
  for (Operation *op : unsolved)
    remark::missed(op->getLoc(), named("NotSolvedForKeys"))
        << remark::reason("{0} by the key has no inverse: the steps that are left are tested one by one",
                          op->getName().getStringRef().str());
  for (Operation &op : bounds.getMask().front().without_terminator())
    if (classifier.dependsOnKeys(op.getResult(0)) && !classifier.knows(&op))
      remark::missed(op.getLoc(), named("NotUnderstood"))
          << remark::reason("nothing is known of {0} over a tile: what depends on it is computed for every key",
                            op.getName().getStringRef().str());
  trimmer.trim();
}
