// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Bench.h"

#include "Peak.h"

#include <algorithm>
#include <chrono>

using namespace fovea::run;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

} // namespace

static Timing summarize(const std::vector<double> &seconds, std::optional<double> flops) {
  Timing timing;
  timing.runs = int64_t(seconds.size());
  timing.medianMs = median(seconds) * 1e3;
  timing.minimumMs = *std::min_element(seconds.begin(), seconds.end()) * 1e3;
  timing.maximumMs = *std::max_element(seconds.begin(), seconds.end()) * 1e3;
  if (flops)
    timing.gflops = *flops / timing.medianMs * 1e-6;
  return timing;
}

Timing fovea::run::benchmarkOnDevice(Execution &execution, std::optional<double> flops) {
  constexpr int kWarmUp = 3;
  constexpr size_t kMinRuns = 20, kMaxRuns = 1000;
  constexpr double kMinSeconds = 0.5, kMaxSeconds = 30;
  for (int n = 0; n < kWarmUp; ++n)
    execution.run();
  execution.on()->synchronize();
  std::vector<double> seconds;
  const double begin = now();
  auto isEnough = [&](double elapsed) {
    return elapsed >= kMaxSeconds || seconds.size() >= kMaxRuns ||
           (seconds.size() >= kMinRuns && elapsed >= kMinSeconds);
  };
  while (seconds.empty() || !isEnough(now() - begin))
    seconds.push_back(execution.on()->time([&] { execution.run(); }) * 1e-3);
  return summarize(seconds, flops);
}

Timing fovea::run::benchmark(Execution &execution, unsigned threads, std::optional<double> flops) {
  constexpr size_t kMinRuns = 9;
  constexpr double kMinSeconds = 1.5, kMaxSeconds = 30;        // long runs are repeated less often
  constexpr double kShortestPeak = 2e-3, kLongestPeak = 50e-3; // seconds
  execution.run();                                             // first touch of outputs and workspace
  double begin = now();
  execution.run();
  double peakSeconds = std::clamp(now() - begin, kShortestPeak, kLongestPeak);

  std::vector<double> seconds, peaks, shares;
  begin = now();
  auto isEnough = [&](double elapsed) {
    return elapsed >= kMaxSeconds || (seconds.size() >= kMinRuns && elapsed >= kMinSeconds);
  };
  while (seconds.empty() || !isEnough(now() - begin)) {
    std::optional<double> before = measurePeak(threads, peakSeconds);
    double start = now();
    execution.run();
    seconds.push_back(now() - start);
    std::optional<double> after = measurePeak(threads, peakSeconds);
    if (!before || !after)
      continue;
    peaks.push_back((*before + *after) / 2);
    if (flops)
      shares.push_back(*flops / seconds.back() * 1e-9 / peaks.back());
  }
  Timing timing = summarize(seconds, flops);
  if (!peaks.empty())
    timing.peakGflops = median(peaks);
  if (!shares.empty())
    timing.shareOfPeak = median(shares);
  return timing;
}
