// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Regions.h"

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace fovea::attn {

namespace {

enum class Kind { Score, Mask, Far, Feature };

StringRef keywordOf(Kind kind) {
  constexpr StringLiteral kKeywords[] = {"score", "mask", "far", "feature"};
  return kKeywords[static_cast<unsigned>(kind)];
}

bool isCondition(Kind kind) { return kind == Kind::Mask || kind == Kind::Far; }

/// Position arguments are indices; a score region starts with the f32 score, a feature is of a number alone.
SmallVector<Type> argumentTypes(MLIRContext *context, Kind kind) {
  SmallVector<Type> types(kind == Kind::Feature ? 0 : 4, IndexType::get(context));
  if (!isCondition(kind))
    types.insert(types.begin(), Float32Type::get(context));
  return types;
}

ParseResult parseRegionWithArguments(OpAsmParser &parser, Region &region, Kind kind) {
  SmallVector<OpAsmParser::Argument> arguments;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren))
    return failure();
  SmallVector<Type> types = argumentTypes(parser.getContext(), kind);
  if (arguments.size() != types.size())
    return parser.emitError(location) << (kind == Kind::Score  ? "a score region takes (score, b, h, i, j)"
                                          : kind == Kind::Mask ? "a mask region takes (b, h, i, j)"
                                                               : "a feature region takes (x)")
                                      << ", but " << arguments.size() << " arguments are named";
  for (auto [argument, type] : llvm::zip_equal(arguments, types))
    argument.type = type;
  return parser.parseRegion(region, arguments);
}

void printRegionWithArguments(OpAsmPrinter &printer, Region &region) {
  printer << '(';
  llvm::interleaveComma(region.getArguments(), printer,
                        [&](BlockArgument argument) { printer.printOperand(argument); });
  printer << ") ";
  printer.printRegion(region, /*printEntryBlockArgs=*/false);
}

bool isRegionScalar(Type type) { return type.isSignlessIntOrIndexOrFloat(); }

/// The ops that every target evaluates per element: whatever is elementwise on scalars, constants and element reads.
LogicalResult verifyRegionOp(Operation &op, StringRef keyword) {
  if (isa<YieldOp>(op))
    return success();
  if (isa<tensor::ExtractOp, memref::LoadOp>(op)) {
    if (isRegionScalar(op.getResult(0).getType()))
      return success();
    return op.emitOpError() << "reads " << op.getResult(0).getType() << ", but a " << keyword
                            << " region is scalar code";
  }
  // LLVM has neither for vectors: powi takes one exponent for all lanes, and carries come with integers of fixed width
  // only.
  if (isa<math::FPowIOp>(op))
    return op.emitOpError() << "may not stand in a " << keyword << " region; use math.powf";
  if (op.getNumResults() > 1 && llvm::is_contained(op.getOperandTypes(), IndexType::get(op.getContext())))
    return op.emitOpError() << "on index may not stand in a " << keyword << " region; cast to i64 first";
  bool isElementwise =
      op.hasTrait<OpTrait::Elementwise>() && op.hasTrait<OpTrait::Vectorizable>() && op.getNumRegions() == 0;
  if (!isElementwise && !op.hasTrait<OpTrait::ConstantLike>())
    return op.emitOpError() << "cannot be evaluated for many (i, j) at once, so it may not stand in a " << keyword
                            << " region; use elementwise arith and math ops, constants, tensor.extract or memref.load";
  for (Type type : llvm::concat<const Type>(op.getOperandTypes(), op.getResultTypes()))
    if (!isRegionScalar(type))
      return op.emitOpError() << "works on " << type << ", but a " << keyword << " region is scalar code";
  return success();
}

LogicalResult verifyRegion(Operation *op, Region &region, Kind kind) {
  StringRef keyword = keywordOf(kind);
  if (!region.hasOneBlock())
    return op->emitOpError() << keyword << " region must be one block without control flow; use arith.select";
  Block &block = region.front();
  SmallVector<Type> types = argumentTypes(op->getContext(), kind);
  if (!llvm::equal(block.getArgumentTypes(), types))
    return op->emitOpError() << keyword << " region must take (" << types << "), got (" << block.getArgumentTypes()
                             << ")";
  for (Operation &inner : block)
    if (failed(verifyRegionOp(inner, keyword)))
      return failure();
  auto yield = dyn_cast<YieldOp>(block.back());
  Type result =
      isCondition(kind) ? Type(IntegerType::get(op->getContext(), 1)) : Type(Float32Type::get(op->getContext()));
  if (!yield || yield.getNumOperands() != 1 || yield.getOperand(0).getType() != result)
    return op->emitOpError() << keyword << " region must end with attn.yield of one " << result
                             << (kind == Kind::Score  ? ", the new score"
                                 : kind == Kind::Mask ? ", true where the key is visible"
                                 : kind == Kind::Far  ? ", true for a pair of the other rotation"
                                                      : ", the feature of x");
  return success();
}

} // namespace

ParseResult parseScoreRegion(OpAsmParser &parser, Region &score) {
  return parseRegionWithArguments(parser, score, Kind::Score);
}

void printScoreRegion(OpAsmPrinter &printer, Operation *, Region &score) { printRegionWithArguments(printer, score); }

ParseResult parseMaskRegion(OpAsmParser &parser, Region &mask) {
  return parseRegionWithArguments(parser, mask, Kind::Mask);
}

void printMaskRegion(OpAsmPrinter &printer, Operation *, Region &mask) { printRegionWithArguments(printer, mask); }

ParseResult parseFeatureRegion(OpAsmParser &parser, Region &feature) {
  return parseRegionWithArguments(parser, feature, Kind::Feature);
}

void printFeatureRegion(OpAsmPrinter &printer, Operation *, Region &feature) {
  printRegionWithArguments(printer, feature);
}

LogicalResult verifyFeatureRegion(Operation *op, Region &feature) {
  return feature.empty() ? success() : verifyRegion(op, feature, Kind::Feature);
}

LogicalResult verifyScoreRegion(Operation *op, Region &score) {
  return score.empty() ? success() : verifyRegion(op, score, Kind::Score);
}

LogicalResult verifyMaskRegion(Operation *op, Region &mask) {
  return mask.empty() ? success() : verifyRegion(op, mask, Kind::Mask);
}

LogicalResult verifyFarRegion(Operation *op, Region &far) {
  return far.empty() ? success() : verifyRegion(op, far, Kind::Far);
}

LogicalResult verifyScale(Operation *op, const llvm::APFloat &scale) {
  llvm::APFloat rounded = scale;
  bool losesInfo;
  rounded.convert(llvm::APFloat::IEEEsingle(), llvm::APFloat::rmNearestTiesToEven, &losesInfo);
  if (!rounded.isFinite())
    return op->emitOpError() << "scale must be finite in f32, at most 3.4e38";
  return success();
}

} // namespace fovea::attn
