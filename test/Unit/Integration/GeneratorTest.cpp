// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random programs against the reference, and against the promise that no visible key is skipped. FOVEA_SEED and
// FOVEA_CASES repeat and extend a run.
#include "RandomModule.h"
#include "fovea/Dialect/Attn/IR/Attn.h"
#include "fovea/Reference/RegionProgram.h"
#include "llvm/ADT/DenseMap.h"

#include <chrono>
#include <cstdlib>

using namespace fovea::test;
using fovea::attn::AttentionOp;
using fovea::reference::Evaluation;
using fovea::reference::RegionProgram;
using fovea::reference::RuntimeValue;

namespace {

constexpr int64_t kShapesPerModule = 5;

uint64_t environment(const char *name, uint64_t otherwise) {
  const char *text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// Asks the reference's mask which keys rows see.
class Visibility {
public:
  Visibility(Oracle &oracle, llvm::ArrayRef<TensorRef> inputs) {
    auto function = oracle.function();
    for (auto [argument, input] : llvm::zip(function.getArguments(), inputs)) {
      if (!input->shape.empty())
        values[argument] = input;
      else if (isFloat(input->dtype))
        values[argument] = input->floatAt(0);
      else
        values[argument] = input->intAt(0);
    }
    function.walk([&](AttentionOp op) { attention = op; });
    if (mlir::Value offset = attention.getQOffset())
      offsets = values[offset];
    if (attention.hasMask()) {
      auto compiled = RegionProgram::compile(attention.getMask(), [&](mlir::Value value) -> const RuntimeValue * {
        auto found = values.find(value);
        return found == values.end() ? nullptr : &found->second;
      });
      if (succeeded(compiled))
        mask = std::move(*compiled);
    }
  }

  int64_t offset(int64_t b) const {
    if (auto *array = std::get_if<TensorRef>(&offsets))
      return (*array)->intAt(b);
    return std::get<int64_t>(offsets);
  }

  /// seen[j] |= row i of (b, h) sees key j
  void addRow(int64_t b, int64_t h, int64_t i, std::vector<uint8_t> &seen) {
    int64_t keys = int64_t(seen.size());
    for (int64_t j = 0; j < keys; j += RegionProgram::kBlock) {
      int64_t count = std::min<int64_t>(RegionProgram::kBlock, keys - j);
      if (mask && failed(mask->run({b, h, i, j, count})))
        return;
      for (int64_t k = 0; k < count; ++k)
        seen[j + k] |= !mask || mask->ints()[k] != 0;
    }
  }

private:
  llvm::DenseMap<mlir::Value, RuntimeValue> values;
  RuntimeValue offsets = int64_t(0);
  AttentionOp attention;
  std::optional<RegionProgram> mask;
};

struct Totals {
  int64_t cases = 0, modules = 0, tasks = 0, visited = 0, needed = 0, blocks = 0;
};

/// No key that a row of a task sees lies outside of the task's range, and no block with one is left out of its count.
void checkTasks(const Call &call, Visibility &visibility, const RandomModule &module, const Sizes &s, Totals &totals) {
  for (const fovea_task &task : call.tasks()) {
    std::vector<uint8_t> seen(s.keys);
    int64_t first = task.index[2] * module.queryTile(), last = std::min(first + module.queryTile(), s.queries);
    for (int64_t row = first; row < last; ++row)
      visibility.addRow(task.index[0], task.index[1], row + visibility.offset(task.index[0]), seen);
    for (int64_t j = 0; j < s.keys; ++j)
      ASSERT_TRUE(!seen[j] || (task.begin <= j && j < task.end))
          << "unsound: sequence " << task.index[0] << ", head " << task.index[1] << ", rows " << first << " to " << last
          << " see key " << j << ", but visit [" << task.begin << ", " << task.end << ")";
    int64_t needed = 0;
    for (int64_t j = 0; j < s.keys; j += module.keyBlock())
      needed += std::any_of(seen.begin() + j, seen.begin() + std::min(j + module.keyBlock(), s.keys),
                            [](uint8_t x) { return x; });
    EXPECT_GE(task.visited, needed);
    totals.tasks += 1;
    totals.visited += task.visited;
    totals.needed += needed;
    totals.blocks += task.blocks;
  }
}

void runCase(const Kernel &kernel, Oracle &oracle, const RandomModule &module, uint64_t seed, Totals &totals) {
  Random random(seed);
  Sizes s = module.randomSizes(random);
  SCOPED_TRACE("case " + std::to_string(seed) + ", " + describe(s));
  std::vector<TensorRef> inputs = module.inputs(s, random);
  Evaluation expected = oracle.evaluate(inputs);
  Call call(kernel, inputs, outputShapes(expected));
  if (!execute(call, uint32_t(1 + seed % 3)))
    return;
  EXPECT_TRUE(matches(expected, call.outputs()));
  Visibility visibility(oracle, inputs);
  checkTasks(call, visibility, module, s, totals);
  totals.cases += 1;
}

TEST(Generator, RandomProgramsEqualTheReferenceAndSkipNothingVisible) {
  uint64_t seed = environment("FOVEA_SEED", 1), cases = environment("FOVEA_CASES", 1000);
  Totals totals;
  int failures = 0;
  for (uint64_t m = 0; m * kShapesPerModule < cases; ++m) {
    uint64_t moduleSeed = Random(seed * 1000003 + m).bits();
    RandomModule module(moduleSeed);
    std::string text = moduleText(module.spec());
    std::string target = m % 5 == 4 ? "loops" : "host";
    SCOPED_TRACE("FOVEA_SEED=" + std::to_string(seed) + ", module " + std::to_string(m) + ", target " + target + "\n" +
                 text);
    Oracle oracle(text);
    Kernel kernel(text, {target, "", ""});
    if (kernel)
      for (int64_t c = 0; c < kShapesPerModule; ++c)
        runCase(kernel, oracle, module, moduleSeed + uint64_t(c), totals);
    totals.modules += 1;
    if (HasFailure() && ++failures == 3)
      break; // the first ones tell enough
  }
  std::printf(
      "FOVEA_SEED=%llu: %lld cases of %lld modules, %lld tasks, key blocks: %lld visited, %lld needed, %lld in all\n",
      (unsigned long long)seed, (long long)totals.cases, (long long)totals.modules, (long long)totals.tasks,
      (long long)totals.visited, (long long)totals.needed, (long long)totals.blocks);
}

} // namespace
