// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Report.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>

using namespace llvm;
using namespace fovea::reference;
using namespace fovea::run;

namespace {

/// JSON has no Inf and NaN: null.
json::Value number(std::optional<double> value) {
  return value && std::isfinite(*value) ? json::Value(*value) : json::Value(nullptr);
}

json::Object compileTimes(const fovea_compile_times &times) {
  return json::Object{{"context", times.context},     {"parse", times.parse},       {"passes", times.passes},
                      {"translate", times.translate}, {"optimize", times.optimize}, {"codegen", times.codegen},
                      {"link", times.link},           {"total", times.total}};
}

json::Array arguments(const Report &report) {
  json::Array result;
  for (size_t k = 0; k < report.kernel.numParams(); ++k) {
    const fovea_param &param = report.kernel.param(k);
    const HostTensor &value = *report.arguments.values[k];
    json::Object entry{{"name", param.name}, {"output", isOutput(param)}};
    if (param.kind == FOVEA_PARAM_TENSOR) {
      entry["dtype"] = name(value.dtype);
      entry["shape"] = json::Array(value.shape);
    } else {
      entry["value"] = param.kind == FOVEA_PARAM_INT ? json::Value(value.intAt(0)) : number(value.floatAt(0));
    }
    if (!isOutput(param))
      entry["from"] = report.arguments.origins[k];
    result.push_back(std::move(entry));
  }
  return result;
}

json::Object checkOf(const Check &check) {
  json::Array outputs;
  for (const OutputCheck &output : check.outputs) {
    const Comparison &c = output.comparison;
    outputs.push_back(json::Object{{"name", output.name},
                                   {"max_error_ratio", number(c.maxRatio)},
                                   {"worst_index", json::Array(output.worstIndex)},
                                   {"got", number(c.got)},
                                   {"reference", number(c.want)},
                                   {"bound", number(c.bound)},
                                   {"relative_rms_error", number(c.relativeRms)},
                                   {"compared", c.compared},
                                   {"unbounded", c.unbounded}});
  }
  return json::Object{{"passed", check.passed()},
                      {"rows", check.rows},
                      {"evaluated_rows", check.evaluatedRows},
                      {"outputs", std::move(outputs)}};
}

} // namespace

void fovea::run::printJson(const Report &report, raw_ostream &os) {
  const std::optional<Timing> &t = report.timing;
  json::Object sizes;
  for (const auto &[name, size] : report.arguments.sizes)
    sizes[name] = size;
  json::Object result{{"function", report.kernel.name()},
                      {"target", report.options.target},
                      {"threads", int64_t(report.plan.slots)},
                      {"cpu", cpuName()},
                      {"device", report.device ? json::Value(report.device->name()) : json::Value(nullptr)},
                      {"fallback_runs", report.plan.fallback_runs},
                      {"dims", std::move(sizes)},
                      {"arguments", arguments(report)},
                      {"compile_ms", compileTimes(report.kernel.times)},
                      {"tasks", report.plan.tasks},
                      {"tiles_visited", report.plan.visited},
                      {"tiles_total", report.plan.blocks},
                      {"workspace_bytes", int64_t(report.workspaceBytes)},
                      {"max_error_ratio", report.check ? number(report.check->maxRatio()) : json::Value(nullptr)},
                      {"check", report.check ? json::Value(checkOf(*report.check)) : json::Value(nullptr)},
                      {"median_ms", t ? json::Value(t->medianMs) : json::Value(nullptr)},
                      {"gflops", number(t ? t->gflops : std::nullopt)},
                      {"peak_gflops", number(t ? t->peakGflops : std::nullopt)},
                      {"share_of_peak", number(t ? t->shareOfPeak : std::nullopt)}};
  if (t) {
    result["runs"] = t->runs;
    result["minimum_ms"] = t->minimumMs;
    result["maximum_ms"] = t->maximumMs;
  }
  if (report.work) {
    result["visible_pairs"] = report.work->pairs;
    result["visible_pairs_exact"] = report.work->exact;
    result["state_steps"] = report.work->stateSteps;
    result["flops"] = report.work->flops;
  }
  if (report.options.explain) {
    json::Array remarks;
    for (const Remark &remark : report.kernel.remarks)
      remarks.push_back(json::Object{
          {"kind", remark.kind}, {"name", remark.name}, {"text", remark.text}, {"location", remark.location}});
    result["remarks"] = std::move(remarks);
  }
  os << formatv("{0:2}", json::Value(std::move(result))) << '\n';
}
