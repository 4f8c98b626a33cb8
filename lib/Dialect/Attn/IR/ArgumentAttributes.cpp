// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What attn says about arguments and results of functions: attn.name, attn.dims, attn.output, attn.indexes, attn.sorted,
// attn.mask_bias. They reach the module table, where nothing is left that could refuse them.
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;
using namespace fovea::attn;

namespace {

/// The rank of a value that has dimensions to name, or -1.
int64_t rankOf(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped && shaped.hasRank() && !isa<VectorType>(type) ? shaped.getRank() : -1;
}

/// An empty name leaves a dimension unnamed.
LogicalResult verifyDims(Operation *op, Attribute value, Type type) {
  auto names = dyn_cast<ArrayAttr>(value);
  if (!names || !llvm::all_of(names, llvm::IsaPred<StringAttr>))
    return op->emitOpError() << "'attn.dims' must be an array of strings, got " << value;
  if (rankOf(type) < 0)
    return op->emitOpError() << "'attn.dims' names dimensions, but " << type << " has none";
  if (static_cast<int64_t>(names.size()) != rankOf(type))
    return op->emitOpError() << "'attn.dims' names " << names.size() << " dimensions, but " << type << " has "
                             << rankOf(type);
  return success();
}

LogicalResult verifyName(Operation *op, Attribute value) {
  auto name = dyn_cast<StringAttr>(value);
  if (!name || name.getValue().empty() || name.getValue().contains('\0'))
    return op->emitOpError() << "'attn.name' must be a string that is not empty, got " << value;
  return success();
}

/// None of the names before `index` is the same.
LogicalResult verifyUnique(Operation *op, Attribute value, unsigned index, function_ref<Attribute(unsigned)> at) {
  for (unsigned before = 0; before < index; ++before)
    if (at(before) == value)
      return op->emitOpError() << "arguments and results must have different names, but " << value << " is used twice";
  return success();
}

/// Claims about the content of an input.
LogicalResult verifyClaim(Operation *op, StringRef name, Type type) {
  bool hasElements = rankOf(type) > 0;
  Type element = hasElements ? cast<ShapedType>(type).getElementType() : Type();
  if (name == "attn.sorted" && !(hasElements && element.isSignlessIntOrIndex()))
    return op->emitOpError() << "'attn.sorted' is a claim about an array of integers, not about " << type;
  if (name == "attn.mask_bias" && !(hasElements && isa<FloatType>(element)))
    return op->emitOpError() << "'attn.mask_bias' is a claim about an array of floats, not about " << type;
  return success();
}

/// The number of another argument.
LogicalResult verifyIndexes(Operation *op, Attribute value, Type type) {
  auto number = dyn_cast<IntegerAttr>(value);
  ArrayRef<Type> types = cast<FunctionOpInterface>(op).getArgumentTypes();
  if (!number || number.getInt() < 0 || number.getInt() >= int64_t(types.size()) ||
      rankOf(types[number.getInt()]) < 1)
    return op->emitOpError() << "'attn.indexes' must be the number of an argument with dimensions, got " << value;
  if (rankOf(type) < 1 || !cast<ShapedType>(type).getElementType().isSignlessIntOrIndex())
    return op->emitOpError() << "'attn.indexes' is about an array of integers, not about " << type;
  return success();
}

LogicalResult verifyAttribute(Operation *op, NamedAttribute attribute, Type type, bool isArgument) {
  StringRef name = attribute.getName();
  if (name == "attn.dims")
    return verifyDims(op, attribute.getValue(), type);
  if (name == "attn.name")
    return verifyName(op, attribute.getValue());
  if (name == "attn.output" && isa<UnitAttr>(attribute.getValue()))
    return success();
  if (name == "attn.indexes" && isArgument)
    return verifyIndexes(op, attribute.getValue(), type);
  bool isClaim = (name == "attn.sorted" || name == "attn.mask_bias") && isa<UnitAttr>(attribute.getValue());
  if (isClaim && isArgument)
    return verifyClaim(op, name, type);
  if (isClaim)
    return op->emitOpError() << "'" << name << "' is a claim about an input, not about a result";
  return op->emitOpError() << "does not know " << name << " = " << attribute.getValue()
                           << "; arguments take attn.name, attn.dims and the unit attributes attn.output, attn.sorted "
                              "and attn.mask_bias";
}

} // namespace

LogicalResult AttnDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned index, NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitOpError() << attribute.getName() << " belongs on arguments of functions";
  if (failed(verifyAttribute(op, attribute, function.getArgumentTypes()[index], /*isArgument=*/true)))
    return failure();
  if (attribute.getName() != "attn.name")
    return success();
  return verifyUnique(op, attribute.getValue(), index, [&](unsigned i) { return function.getArgAttr(i, "attn.name"); });
}

/// Results become arguments of the kernel: one name space.
LogicalResult AttnDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned index,
                                                       NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  if (!function)
    return op->emitOpError() << attribute.getName() << " belongs on results of functions";
  if (failed(verifyAttribute(op, attribute, function.getResultTypes()[index], /*isArgument=*/false)))
    return failure();
  if (attribute.getName() != "attn.name")
    return success();
  unsigned arguments = function.getNumArguments();
  return verifyUnique(op, attribute.getValue(), arguments + index, [&](unsigned i) {
    return i < arguments ? function.getArgAttr(i, "attn.name") : function.getResultAttr(i - arguments, "attn.name");
  });
}
