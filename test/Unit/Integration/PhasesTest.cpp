// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every phase's dump runs, on both targets, and computes what the module at the top of the ladder means. From phase 4
// on outputs are trailing arguments: the same call fits.
#include "Problems.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace fovea::test;
using fovea::reference::Evaluation;

namespace {

struct PhaseCase {
  const char *problem, *layout;
  Offset offset;
  int64_t keySize, valueSize;
  const char *scale;
};

const PhaseCase kCases[] = {
    {"none", "bhnd", Offset::None, 64, 64, ""},           {"causal", "bnhd", Offset::Scalar, 40, 24, ""},
    {"window", "bhnd", Offset::PerBatch, 16, 16, "-0.3"}, {"padding", "bnhd", Offset::None, 33, 17, ""},
    {"softcap", "bhnd", Offset::Scalar, 24, 8, "1.0"},    {"alibi", "bnhd", Offset::PerBatch, 8, 40, ""},
    {"documents", "bhnd", Offset::Scalar, 64, 32, ""},    {"mask_bias", "bnhd", Offset::Scalar, 16, 24, ""},
};

struct TemporaryDirectory {
  llvm::SmallString<128> path;
  TemporaryDirectory() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("fovea-phases", path)); }
  ~TemporaryDirectory() { llvm::sys::fs::remove_directories(path); }
  std::string read(const std::string &name) const {
    llvm::SmallString<128> file(path);
    llvm::sys::path::append(file, name);
    auto buffer = llvm::MemoryBuffer::getFile(file);
    EXPECT_TRUE(bool(buffer)) << "no dump " << name;
    return buffer ? (*buffer)->getBuffer().str() : "";
  }
};

struct Phases : testing::TestWithParam<std::tuple<size_t, std::string>> {};

TEST_P(Phases, EveryDumpRunsAndEqualsTheReference) {
  const PhaseCase &c = kCases[std::get<0>(GetParam())];
  const std::string &dumpTarget = std::get<1>(GetParam());
  Spec spec;
  spec.layout = c.layout;
  spec.offset = c.offset;
  spec.keySize = c.keySize;
  spec.valueSize = c.valueSize;
  spec.scale = c.scale;
  spec = withProblem(spec, problem(c.problem));
  std::string text = moduleText(spec);
  Random random(std::get<0>(GetParam()));
  std::vector<TensorRef> inputs = inputsOf(spec, problem(c.problem), {2, 4, 2, 140, 150}, random);
  Evaluation expected = Oracle(text).evaluate(inputs);
  TemporaryDirectory dumps;
  Kernel whole(text, {dumpTarget, "", dumps.path.str().str()});
  auto check = [&](const std::string &file, const std::string &phase, const std::string &target) {
    SCOPED_TRACE(file + " for " + target);
    std::string dump = dumps.read(file);
    Kernel kernel(dump, {target, phase, ""});
    if (!kernel)
      return;
    Call call(kernel, inputs, outputShapes(expected));
    expectMatch(call, expected);
  };
  for (const char *target : {"loops", "host"}) {
    check("2-simplify.mlir", "simplify", target);
    check("4-bufferize.mlir", "4", target);
    check("5-schedule.mlir", "schedule", target);
    check("6-tile.mlir", "tile", target);
    check("6-tile.mlir", "", target); // a dump says which phase it is in
  }
  check("7-target.mlir", "target", dumpTarget);
}

INSTANTIATE_TEST_SUITE_P(Ladder, Phases,
                         testing::Combine(testing::Range(size_t(0), std::size(kCases)),
                                          testing::Values(std::string("loops"), std::string("host"))),
                         [](const testing::TestParamInfo<std::tuple<size_t, std::string>> &info) {
                           return std::string(kCases[std::get<0>(info.param)].problem) + "_" + std::get<1>(info.param);
                         });

} // namespace
