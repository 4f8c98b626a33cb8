// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Report.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace fovea::reference;
using namespace fovea::run;

namespace {

raw_ostream &label(raw_ostream &os, StringRef text) { return os << left_justify(text, 9) << ' '; }

std::string typeOf(const fovea_param &param, const HostTensor &value) {
  if (param.kind == FOVEA_PARAM_TENSOR)
    return (name(value.dtype) + formatShape(value.shape)).str();
  return param.kind == FOVEA_PARAM_INT ? std::to_string(value.intAt(0)) : std::to_string(value.floatAt(0));
}

/// Mean and extremes; NaN counts apart.
void printSummary(const HostTensor &value, raw_ostream &os) {
  double sum = 0, low = INFINITY, high = -INFINITY;
  int64_t nans = 0, size = value.size();
  for (int64_t k = 0; k < size; ++k) {
    double x = value.floatAt(k);
    if (std::isnan(x)) {
      ++nans;
      continue;
    }
    sum += x;
    low = std::min(low, x);
    high = std::max(high, x);
  }
  if (size > nans)
    os << format("  mean %.4g, from %.4g to %.4g", sum / double(size - nans), low, high);
  if (nans)
    os << ", " << nans << " NaN";
}

void printArguments(const Report &report, raw_ostream &os) {
  for (size_t k = 0; k < report.kernel.numParams(); ++k) {
    const fovea_param &param = report.kernel.param(k);
    const HostTensor &value = *report.arguments.values[k];
    label(os, isOutput(param) ? "output" : "input") << param.name << ": " << typeOf(param, value);
    if (isOutput(param))
      printSummary(value, os);
    else if (param.kind == FOVEA_PARAM_TENSOR)
      os << "  from " << report.arguments.origins[k];
    os << '\n';
  }
}

void printCheck(const Check &check, raw_ostream &os) {
  label(os, "check");
  if (check.evaluatedRows < check.rows)
    os << "on " << check.evaluatedRows << " of " << check.rows << " query rows (evenly spaced): ";
  os << (check.passed()        ? "right"
         : check.isUndecided() ? "UNDECIDED"
                               : "WRONG")
     << format(", worst error %.3g of its bound\n", check.maxRatio());
  for (const OutputCheck &output : check.outputs) {
    const Comparison &c = output.comparison;
    label(os, "") << output.name << ": ";
    if (c.unbounded != 0)
      os << c.unbounded << " elements not compared: their scores or sums leave the range of f32; ";
    if (c.compared == 0)
      os << (c.unbounded == 0 ? "empty\n" : "none compared\n");
    else
      os << format("%.3g of the bound at ", c.maxRatio) << formatShape(output.worstIndex)
         << format(" (got %.9g, reference %.9g, bound %.2g); RMS error %.2g of the RMS value\n", c.got, c.want, c.bound,
                   c.relativeRms);
  }
}

void printTiming(const Report &report, raw_ostream &os) {
  const Timing &t = *report.timing;
  label(os, "time") << format("%.4g ms median of %d runs (%.4g to %.4g), ", t.medianMs, int(t.runs), t.minimumMs,
                              t.maximumMs);
  if (report.device)
    os << "between events on the device\n";
  else
    os << report.plan.slots << (report.plan.slots == 1 ? " thread\n" : " threads\n");
  if (t.gflops) {
    label(os, "speed") << (report.device ? format("%.2f TFLOP/s", *t.gflops * 1e-3) : format("%.1f GFLOP/s", *t.gflops))
                       << (report.work->stateSteps ? "" : " on visible pairs");
    if (t.shareOfPeak)
      os << format(", %.1f %% of the measured peak (%.1f GFLOP/s fp32 FMA)", *t.shareOfPeak * 100, *t.peakGflops);
    os << '\n';
    if (report.work->stateSteps)
      label(os, "work") << format(
          "%.4g FLOP = 2 Dk Dv for each token that enters a state and each query that reads one\n", report.work->flops);
    else
      label(os, "work") << format("%.4g visible pairs (%s), %.4g FLOP = 2 pairs (%s + Dv)\n", report.work->pairs,
                                  report.work->exact ? "counted exactly" : "counted on evenly spaced rows",
                                  report.work->flops, report.work->additive ? "4 Dk" : "Dk");
  }
  if (!report.device)
    label(os, "cpu") << cpuName() << '\n';
}

} // namespace

void fovea::run::printText(const Report &report, raw_ostream &os) {
  const fovea_compile_times &times = report.kernel.times;
  label(os, "kernel") << report.kernel.name() << ", target " << report.options.target << ", compiled in "
                      << format("%.1f ms (parse %.1f, passes %.1f, LLVM %.1f)\n", times.total,
                                times.context + times.parse, times.passes,
                                times.translate + times.optimize + times.codegen + times.link);
  printArguments(report, os);
  const fovea_plan_stats &plan = report.plan;
  double skipped = plan.blocks ? 100.0 * double(plan.blocks - plan.visited) / double(plan.blocks) : 0;
  label(os, "plan") << plan.tasks << " tasks, " << plan.visited << " of " << plan.blocks << " tiles visited"
                    << format(" (%.0f %% skipped)", skipped);
  if (report.device)
    os << ", one launch\n";
  else
    os << format(", workspace %.0f KiB per thread\n", double(report.workspaceBytes) / plan.slots / 1024);
  if (report.device)
    label(os, "gpu") << report.device->describe() << '\n';
  if (plan.fallback_runs)
    label(os, "remark") << "TMA cannot describe an argument: " << plan.fallback_runs
                        << " runs were of the kernel without it\n";
  if (report.check)
    printCheck(*report.check, os);
  if (report.timing)
    printTiming(report, os);
}
