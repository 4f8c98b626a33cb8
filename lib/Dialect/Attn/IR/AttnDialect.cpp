// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/IR/Attn.h"

#include "Regions.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fovea::attn;

#include "fovea/Dialect/Attn/IR/AttnDialect.cpp.inc"
#include "fovea/Dialect/Attn/IR/AttnEnums.cpp.inc"

/// `ROWSxCOLUMNSxTYPE`, the way shaped types are written.
static ParseResult parseRows(AsmParser &parser, int64_t &rows, int64_t &columns, Type &elementType) {
  SMLoc location = parser.getCurrentLocation();
  SmallVector<int64_t> shape;
  if (parser.parseDimensionList(shape, /*allowDynamic=*/false) || parser.parseType(elementType))
    return failure();
  if (shape.size() != 2)
    return parser.emitError(location) << "expected ROWSxCOLUMNSxTYPE, for example 128x64xf32";
  rows = shape[0];
  columns = shape[1];
  return success();
}

static void printRows(AsmPrinter &printer, int64_t rows, int64_t columns, Type elementType) {
  printer << rows << 'x' << columns << 'x' << elementType;
}

#define GET_ATTRDEF_CLASSES
#include "fovea/Dialect/Attn/IR/AttnAttributes.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "fovea/Dialect/Attn/IR/AttnTypes.cpp.inc"
#define GET_OP_CLASSES
#include "fovea/Dialect/Attn/IR/AttnOps.cpp.inc"

void AttnDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "fovea/Dialect/Attn/IR/AttnAttributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "fovea/Dialect/Attn/IR/AttnTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "fovea/Dialect/Attn/IR/AttnOps.cpp.inc"
      >();
}

// Tiles fit memory, and the code of a register tile, which is unrolled, fits a file.
static constexpr int64_t kMaxTile = 1 << 16, kMaxLanes = 64, kMaxAccumulators = 256;

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t queryTile, int64_t keyBlock,
                                   int64_t lanes, int64_t panel, int64_t microKeys) {
  if (lanes < 1 || panel < 1 || microKeys < 1 || queryTile < 1 || keyBlock < 1)
    return emitError() << "schedule sizes must be positive";
  if (queryTile > kMaxTile || keyBlock > kMaxTile)
    return emitError() << "query_tile (" << queryTile << ") and key_block (" << keyBlock << ") must be at most "
                       << kMaxTile;
  if (lanes > kMaxLanes)
    return emitError() << "lanes (" << lanes << ") must be at most " << kMaxLanes;
  if (panel % lanes != 0)
    return emitError() << "panel (" << panel << ") must be a multiple of lanes (" << lanes << ")";
  if (queryTile % panel != 0)
    return emitError() << "query_tile (" << queryTile << ") must be a multiple of panel (" << panel << ")";
  if (keyBlock % microKeys != 0)
    return emitError() << "key_block (" << keyBlock << ") must be a multiple of micro_keys (" << microKeys << ")";
  if (panel / lanes * microKeys > kMaxAccumulators)
    return emitError() << "micro_keys * panel / lanes (" << panel / lanes * microKeys << ") must be at most "
                       << kMaxAccumulators;
  return success();
}

static LogicalResult verifyRows(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                Type elementType) {
  if (rows < 1 || columns < 1)
    return emitError() << "rows and columns must be positive, got " << rows << "x" << columns;
  if (rows > kMaxTile || columns > kMaxTile)
    return emitError() << "rows and columns must be at most " << kMaxTile << ", got " << rows << "x" << columns;
  if (!elementType.isF32())
    return emitError() << "element type must be f32, got " << elementType;
  return success();
}

LogicalResult TileType::verify(function_ref<InFlightDiagnostic()> emitError, TileRole, int64_t rows, int64_t columns,
                               Type elementType) {
  return verifyRows(emitError, rows, columns, elementType);
}

LogicalResult LinearStateType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                      Type elementType) {
  return verifyRows(emitError, rows, columns, elementType);
}

LogicalResult StateType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                Type elementType) {
  return verifyRows(emitError, rows, columns, elementType);
}
