// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TOOLS_FOVEARUN_REPORT_H
#define FOVEA_TOOLS_FOVEARUN_REPORT_H

#include "Bench.h"
#include "Inputs.h"

namespace fovea::run {

struct OutputCheck {
  std::string name;
  std::vector<int64_t> worstIndex;
  reference::Comparison comparison;
};

struct Check {
  std::vector<OutputCheck> outputs;
  int64_t rows = 0, evaluatedRows = 0;
  double maxRatio() const;
  /// Where nothing could be compared, nothing was shown to be right.
  bool passed() const { return maxRatio() <= 1 && !isUndecided(); }
  bool isUndecided() const;
};

/// Everything that happened, for both forms of the report.
struct Report {
  const Options &options;
  const Kernel &kernel;
  const Arguments &arguments;
  fovea_plan_stats plan = {};
  size_t workspaceBytes = 0; // of all slots
  const Device *device = nullptr;
  std::optional<Check> check;
  std::optional<Timing> timing;
  std::optional<reference::Work> work;
};

void printText(const Report &report, llvm::raw_ostream &os);
void printJson(const Report &report, llvm::raw_ostream &os);

/// "AMD EPYC 9B45", or LLVM's name of the processor.
std::string cpuName();

} // namespace fovea::run

#endif
