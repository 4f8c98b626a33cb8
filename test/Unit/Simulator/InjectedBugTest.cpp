// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A simulator that finds nothing proves nothing: each test breaks a right kernel in one place.
#include "Fixture.h"

#include "fovea/Engine/Engine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace fovea::test;

namespace {

struct InjectedBug : testing::Test {
  Case c;
  static std::string kernel; // after phase 7: what both the simulator and PTX are made of

  InjectedBug() {
    c.mask = kCausal;
    c.queries = c.keys = 200;
  }

  void SetUp() override {
    if (!kernel.empty())
      return;
    llvm::SmallString<128> directory;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("fovea-injected", directory));
    fovea::CompileOptions options;
    options.target = "sim:sm_80";
    options.dumpDirectory = directory.str().str();
    fovea_compile_times times;
    fovea::CompileError error;
    fovea_module *module = fovea::compile(c.text(), options, times, error);
    ASSERT_TRUE(module) << error.message;
    fovea_module_release(module);
    llvm::SmallString<128> path(directory);
    llvm::sys::path::append(path, "7-target.mlir");
    auto file = llvm::MemoryBuffer::getFile(path);
    ASSERT_TRUE(bool(file));
    kernel = (*file)->getBuffer().str();
    llvm::sys::fs::remove_directories(directory);
    Outcome run = simulate(c, kernel, "sim:sm_80", "target");
    ASSERT_EQ(run.reports + run.error, "") << "it is right as it is";
  }

  /// Replaces the `which`-th occurrence, from 0; -1 is the last one.
  std::string replaced(const std::string &what, const std::string &with, int which) {
    std::vector<size_t> places;
    for (size_t at = kernel.find(what); at != std::string::npos; at = kernel.find(what, at + 1))
      places.push_back(at);
    EXPECT_GT(int(places.size()), which) << what;
    size_t at = which < 0 ? places.back() : places[size_t(which)];
    std::string text = kernel;
    return text.replace(at, what.size(), with);
  }

  /// Under every order of warps.
  void expectFound(const std::string &broken, const std::string &report) {
    for (int seed = 0; seed < 4; ++seed) {
      Outcome run = simulate(c, broken, "sim:sm_80+seed=" + std::to_string(seed), "target");
      EXPECT_NE(run.reports.find(report), std::string::npos) << "seed " << seed << ": " << run.reports;
      EXPECT_NE(run.reports.find("case.mlir:"), std::string::npos) << "no place: " << run.reports;
      EXPECT_EQ(run.error, "a task of kernel 'main' returned 1");
    }
  }
};

std::string InjectedBug::kernel;

constexpr const char *kWait = "nvvm.cp.async.wait.group 0\n", *kBarrier = "nvvm.barrier0\n",
                     *kCommit = "nvvm.cp.async.commit.group\n";

TEST_F(InjectedBug, LoopWaitsForTheGroupBefore) {
  expectFound(replaced(kWait, "nvvm.cp.async.wait.group 1\n", -1), "has not been waited for");
}

TEST_F(InjectedBug, NoWaitForQueries) {
  expectFound(replaced(kWait, "nvvm.cp.async.wait.group 1\n", 0), "has not been waited for");
}

TEST_F(InjectedBug, NoBarrierInTheLoop) { expectFound(replaced(kBarrier, "", -1), "race: "); }

/// What is reported depends on who comes first: not yet written, or written without a barrier since.
TEST_F(InjectedBug, NoBarrierBeforeTheLoop) { expectFound(replaced(kBarrier, "", 0), "(nvvm.ldmatrix)"); }

TEST_F(InjectedBug, CopiesWithoutAGroup) { expectFound(replaced(kCommit, "", 0), "has not been waited for"); }

TEST_F(InjectedBug, TooLittleSharedMemory) {
  expectFound(replaced("shared_bytes = 40960", "shared_bytes = 20480", 0),
              "of shared memory, of which there are 20480");
}

/// Half of a warp waits at a barrier of its own, the other half at the next.
TEST_F(InjectedBug, BarrierForHalfAWarp) {
  std::string broken = replaced(kBarrier,
                                "%bug_id = nvvm.read.ptx.sreg.tid.x : i32\n %bug_16 = arith.constant 16 : i32\n"
                                "%bug = arith.cmpi ult, %bug_id, %bug_16 : i32\n scf.if %bug {\n nvvm.barrier0\n }\n"
                                "nvvm.barrier0\n",
                                0);
  expectFound(broken, " at another (");
}

/// Nothing about races: keys are read in the wrong order, which only the reference can tell.
TEST_F(InjectedBug, ValuesNotTransposed) {
  std::string broken = replaced("layout = #nvvm.mma_layout<col>", "layout = #nvvm.mma_layout<row>", -1);
  Outcome run = simulate(c, broken, "sim:sm_80", "target");
  ASSERT_EQ(run.reports + run.error, "");
  EXPECT_GT(worstRatio(evaluate(c), run), 1);
}

} // namespace
