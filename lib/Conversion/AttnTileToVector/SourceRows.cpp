// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "SourceRows.h"

using namespace mlir;
using namespace fovea;

Value SourceRows::at(Value r) {
  auto [head, row] = op.rowOf(b, r);
  if (!op.getHeadsOf())
    return rows.denseRow(b, row, op.getSourceColumns());
  return StridedRows(b, op.getSource(), op.getBatch(), head).denseRow(b, row, op.getSourceColumns());
}
