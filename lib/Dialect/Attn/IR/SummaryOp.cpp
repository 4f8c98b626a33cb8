// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fovea::attn;

MemRefType SummaryOp::tableType(MemRefType source, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> sizes(source.getRank(), ShapedType::kDynamic), strides = sizes;
  strides[dims.back()] = 1;
  auto layout = StridedLayoutAttr::get(source.getContext(), /*offset=*/0, strides);
  return MemRefType::get(sizes, IndexType::get(source.getContext()), layout);
}

/// One ascending dimension or two, in range.
static bool areDims(ArrayRef<int64_t> dims, SummaryKind kind, int64_t rank) {
  size_t expected = kind == SummaryKind::Range ? 1 : 2;
  return dims.size() == expected && dims.front() >= 0 && dims.back() < rank && dims.front() <= dims.back() &&
         (expected == 1 || dims.front() != dims.back());
}

LogicalResult SummaryOp::inferReturnTypes(MLIRContext *, std::optional<Location> location, Adaptor adaptor,
                                          SmallVectorImpl<Type> &types) {
  auto source = cast<MemRefType>(adaptor.getSource().getType());
  if (!areDims(adaptor.getDims(), adaptor.getKind(), source.getRank()))
    return emitOptionalError(location, "'attn.summary' op ", stringifySummaryKind(adaptor.getKind()), " takes ",
                             adaptor.getKind() == SummaryKind::Range ? "one dimension" : "two ascending dimensions",
                             " of ", source, ", got [", adaptor.getDims(), "]");
  types.push_back(tableType(source, adaptor.getDims()));
  return success();
}

LogicalResult SummaryOp::verify() {
  if (getGrains().size() != getDims().size() ||
      !llvm::all_of(getGrains(), [](int64_t grain) { return grain > 0 && llvm::isPowerOf2_64(grain); }))
    return emitOpError() << "takes a power of two for each of its dimensions as grains, got [" << getGrains() << "]";
  Type element = getSourceType().getElementType();
  bool isInteger = element.isIndex() || (element.isSignlessInteger() && element.getIntOrFloatBitWidth() <= 64);
  if (!isInteger && !isa<Float16Type, BFloat16Type, Float32Type, Float64Type>(element))
    return emitOpError() << "knows f16, bf16, f32, f64, index and signless integers up to i64, not " << element;
  if (getStored() && getStored().getType() != getTable().getType())
    return emitOpError() << "is stored as " << getStored().getType() << ", but is a " << getTable().getType();
  if (!isa<FunctionOpInterface>((*this)->getParentOp()))
    return emitOpError() << "must stand at the top of a function: all of it may ask";
  return success();
}

OpFoldResult SummaryOp::fold(FoldAdaptor) { return getStored(); }
