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

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t queryTile, int64_t keyBlock,
                                   int64_t lanes, int64_t panel, int64_t microKeys) {
  if (lanes < 1 || panel < 1 || microKeys < 1 || queryTile < 1 || keyBlock < 1)
    return emitError() << "schedule sizes must be positive";
  if (panel % lanes != 0)
    return emitError() << "panel (" << panel << ") must be a multiple of lanes (" << lanes << ")";
  if (queryTile % panel != 0)
    return emitError() << "query_tile (" << queryTile << ") must be a multiple of panel (" << panel << ")";
  if (keyBlock % microKeys != 0)
    return emitError() << "key_block (" << keyBlock << ") must be a multiple of micro_keys (" << microKeys << ")";
  return success();
}

/// Tiles and states: `<ROWSxCOLUMNSxTYPE>`.
template <typename RowsType>
static Type parseRowsType(AsmParser &parser) {
  SMLoc location = parser.getCurrentLocation();
  SmallVector<int64_t> shape;
  Type elementType;
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/false) || parser.parseType(elementType) ||
      parser.parseGreater())
    return {};
  if (shape.size() != 2) {
    parser.emitError(location) << "expected <ROWSxCOLUMNSxTYPE>, for example <128x64xf32>";
    return {};
  }
  return RowsType::getChecked([&] { return parser.emitError(location); }, parser.getContext(), shape[0], shape[1], elementType);
}

static LogicalResult verifyRowsType(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns,
                                    Type elementType) {
  if (rows < 1 || columns < 1)
    return emitError() << "rows and columns must be positive, got " << rows << "x" << columns;
  if (!elementType.isF32())
    return emitError() << "element type must be f32, got " << elementType;
  return success();
}

Type TileType::parse(AsmParser &parser) { return parseRowsType<TileType>(parser); }
void TileType::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getColumns() << 'x' << getElementType() << '>';
}
LogicalResult TileType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns, Type elementType) {
  return verifyRowsType(emitError, rows, columns, elementType);
}

Type StateType::parse(AsmParser &parser) { return parseRowsType<StateType>(parser); }
void StateType::print(AsmPrinter &printer) const {
  printer << '<' << getRows() << 'x' << getColumns() << 'x' << getElementType() << '>';
}
LogicalResult StateType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t rows, int64_t columns, Type elementType) {
  return verifyRowsType(emitError, rows, columns, elementType);
}
