// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which summaries (attn.summary) would tell the classifier something about a mask's loads.
#ifndef FOVEA_ANALYSIS_SUMMARY_REQUESTS_H
#define FOVEA_ANALYSIS_SUMMARY_REQUESTS_H

#include "fovea/Dialect/Attn/IR/Attn.h"
#include "mlir/IR/Region.h"

namespace fovea {

struct SummaryRequest {
  mlir::Value source;
  attn::SummaryKind kind;
  llvm::SmallVector<int64_t, 2> dims;   // the dimensions whose index depends on i or j, ascending
  llvm::SmallVector<int64_t, 2> grains; // of each
};

/// One request per load that varies in one dimension or in two and that is used in a way that a summary answers, in the
/// order of the mask's code.
llvm::SmallVector<SummaryRequest> summaryRequests(mlir::Region &mask);

/// Whether the value of a load, seen through conversions that widen it, is compared as `compareSet` and `compareFloats`
/// understand: asked if it is set.
bool isAskedIfSet(mlir::Value loaded);

} // namespace fovea

#endif
