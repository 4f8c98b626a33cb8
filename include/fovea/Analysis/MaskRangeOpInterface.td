// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_ANALYSIS_MASK_RANGE_OP_INTERFACE_TD
#define FOVEA_ANALYSIS_MASK_RANGE_OP_INTERFACE_TD

include "mlir/IR/Interfaces.td"

def MaskRangeOpInterface : OpInterface<"MaskRangeOpInterface"> {
  let cppNamespace = "::fovea";
  let description = "How an op of a mask region maps ranges of its operands to a range of its result; see MaskRange.h.";
  let methods = [
    InterfaceMethod<"Emits the range of the only result, given the operands' ranges.", "::fovea::MaskRange", "emitRange",
                    (ins "::mlir::OpBuilder &":$builder, "::llvm::ArrayRef<::fovea::MaskRange>":$operands)>,
  ];
}

#endif
