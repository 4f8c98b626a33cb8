// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_ANALYSIS_MASK_RANGE_OP_INTERFACE_TD
#define FOVEA_ANALYSIS_MASK_RANGE_OP_INTERFACE_TD

include "mlir/IR/Interfaces.td"

def MaskRangeOpInterface : OpInterface<"MaskRangeOpInterface"> {
  let cppNamespace = "::fovea";
  let description = "How an op of a mask region maps ranges of its operands to a range of its result; see MaskRange.h.";
  let methods = [
    InterfaceMethod<[{
      Emits the range of the only result, given the operands' ranges. Booleans are never unknown, integers may be. A result whose
      bounds leave its type is checked by the caller.
    }], "::fovea::MaskRange", "emitRange", (ins "::fovea::MaskRangeBuilder &":$builder,
                                                "::llvm::ArrayRef<::fovea::MaskRange>":$operands)>,
  ];
}

#endif
