// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a plan finds out about frozen tensors before it asks the compiled code anything.
#ifndef FOVEA_RUNTIME_SUMMARIES_H
#define FOVEA_RUNTIME_SUMMARIES_H

#include "Error.h"

#include <vector>

namespace fovea {

/// Fills `table`, and `value` with what compiled code sees of it; see fovea_summary.
Status makeSummary(const fovea_param &param, const fovea_value &tensor, const fovea_summary &summary,
                   std::vector<int64_t> &table, fovea_value &value);

/// Refuses a tensor that is declared FOVEA_PARAM_SORTED and is not (without naming the argument).
Status checkSorted(const fovea_param &param, const fovea_value &tensor);

/// Refuses a tensor of which not every element lies in [0, size) (without naming the arguments).
Status checkIndices(const fovea_param &param, const fovea_value &tensor, int64_t size);

/// Whether the three above understand the parameter's elements.
bool canSummarize(const fovea_param &param);
bool canBeSorted(const fovea_param &param);

} // namespace fovea

#endif
