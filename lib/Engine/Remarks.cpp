// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Remarks.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;
using namespace fovea;

std::string fovea::formatLocation(Location location) {
  auto place = location->findInstanceOf<FileLineColLoc>();
  if (!place)
    return "";
  return (place.getFilename().getValue() + ":" + Twine(place.getLine()) + ":" + Twine(place.getColumn())).str();
}

namespace {

class Forwarder : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit Forwarder(std::function<void(const fovea_remark &)> sink) : sink(std::move(sink)) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    std::string text;
    for (const remark::detail::Remark::Arg &arg : remark.getArgs()) {
      bool isSentence = arg.key == "Reason" || arg.key == "Remark";
      text += (text.empty() ? "" : ", ") + (isSentence ? arg.val : arg.key + " " + arg.val);
    }
    std::string kind = remark.getRemarkTypeString().lower(), name = remark.getRemarkName().str();
    std::string location = formatLocation(remark.getLocation());
    fovea_remark forwarded{kind.c_str(), name.c_str(), text.c_str(), location.c_str()};
    sink(forwarded);
  }

private:
  std::function<void(const fovea_remark &)> sink;
};

} // namespace

void fovea::forwardRemarks(MLIRContext &context, std::function<void(const fovea_remark &)> sink) {
  const std::string ours = "attn";
  remark::RemarkCategories categories{ours, ours, ours, ours, ours}; // a kind without its own filter is dropped
  (void)remark::enableOptimizationRemarks(context, std::make_unique<Forwarder>(std::move(sink)),
                                          std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}
