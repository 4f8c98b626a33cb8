// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bugs of warp-specialised kernels, each put into a right one.
#include "BrokenKernel.h"

#include <regex>

using namespace fovea::test;

namespace {

constexpr const char *kTarget = "sim:sm_90a";

struct HopperBug : testing::Test {
  Case c;
  static std::string kernel;

  HopperBug() {
    c.element = c.output = "f16";
    c.heads = 1;
    c.queries = 128;
    c.keys = 512; // four blocks: twice round the pipeline
  }

  void SetUp() override {
    if (!kernel.empty())
      return;
    kernel = kernelText(c, kTarget);
    Outcome run = simulate(c, kernel, {kTarget, "target"});
    ASSERT_EQ(run.reports + run.error, "") << "it is right as it is";
    ASSERT_LE(worstRatio(evaluate(c), run), 1);
  }

  /// The `which`-th occurrence, from 0.
  static std::string replaced(const std::string &what, const std::string &with, int which) {
    size_t at = kernel.find(what);
    for (int k = 0; k < which && at != std::string::npos; ++k)
      at = kernel.find(what, at + 1);
    EXPECT_NE(at, std::string::npos) << what;
    return at == std::string::npos ? kernel : std::string(kernel).replace(at, what.size(), with);
  }
  std::string without(const std::string &op, int which) { return replaced(op, "// " + op, which); }
  /// Operand `operand`, from 0, of the `which`-th `op` is a constant instead.
  std::string withOperand(const std::string &op, int which, int operand, int value) {
    size_t at = 0;
    for (int k = 0; k <= which; ++k)
      at = kernel.find(op, k ? at + 1 : 0);
    EXPECT_NE(at, std::string::npos) << op;
    std::string before = kernel.substr(0, at), after = kernel.substr(at + op.size());
    std::regex nth("^((?: *%\\w+,){" + std::to_string(operand) + "} *)%\\w+");
    std::string name = "%bug";
    EXPECT_TRUE(std::regex_search(after, nth, std::regex_constants::match_continuous));
    after = std::regex_replace(after, nth, "$1" + name, std::regex_constants::format_first_only);
    return before + name + " = arith.constant " + std::to_string(value) + " : i32\n" + op + after;
  }

  /// Under every order of warps and copies.
  void expectFound(const std::string &broken, const std::string &report) {
    for (int seed = 0; seed < 3; ++seed) {
      Outcome run = simulate(c, broken, {kTarget + ("+seed=" + std::to_string(seed)), "target"});
      EXPECT_NE(run.reports.find(report), std::string::npos) << "seed " << seed << ": " << run.reports << run.error;
      EXPECT_NE(run.reports.find("case.mlir:"), std::string::npos) << "no place: " << run.reports;
      EXPECT_EQ(run.error, "a task of kernel 'main' returned 1");
    }
  }
  /// Nothing that the simulator could know, but the reference does.
  void expectWrong(const std::string &broken) {
    Outcome run = simulate(c, broken, {kTarget, "target"});
    ASSERT_EQ(run.reports + run.error, "");
    EXPECT_FALSE(worstRatio(evaluate(c), run) <= 1);
  }
};

std::string HopperBug::kernel;

/// In the order of the code.
enum Wait { kRoomForKeys, kRoomForValues, kQueries, kFirstKeys, kKeys, kValues, kLastValues };
constexpr const char *kWait = "nvvm.mbarrier.try_wait.parity", *kArrive = "nvvm.mbarrier.arrive ",
                     *kExpect = "nvvm.mbarrier.arrive.expect_tx", *kCopy = "nvvm.cp.async.bulk.tensor";

TEST_F(HopperBug, NoWaitForQueries) { expectFound(without(kWait, kQueries), "has not waited for its mbarrier"); }
TEST_F(HopperBug, NoWaitForKeys) { expectFound(without(kWait, kKeys), "has not waited for its mbarrier"); }
TEST_F(HopperBug, NoWaitForValues) { expectFound(without(kWait, kValues), "has not waited for its mbarrier"); }

TEST_F(HopperBug, ProducerDoesNotWaitForRoom) {
  // The next keys of a stage are announced before the last ones are there.
  expectFound(without(kWait, kRoomForKeys), "arrives too often");
  expectFound(without(kWait, kRoomForValues), "race: warp 0 overwrites what ");
}

TEST_F(HopperBug, WrongParity) {
  // Either it is too early, or it waits for a phase that never comes: that depends on when the keys land.
  expectFound(withOperand(kWait, kFirstKeys, 1, 1), "mbarrier");
  expectFound(withOperand(kWait, kRoomForKeys, 1, 0), "waits forever for the mbarrier at byte");
}

/// 16 KiB of keys; half of that, and 64 bytes more.
TEST_F(HopperBug, WrongNumberOfBytes) {
  expectFound(withOperand(kExpect, 1, 1, 8192), "waits forever for the mbarrier at byte");
  expectFound(withOperand(kExpect, 1, 1, 16448), "64 bytes are missing)");
}

TEST_F(HopperBug, NoCopyOfValues) { expectFound(without(kCopy, 2), "16384 bytes are missing)"); }

TEST_F(HopperBug, CoordinatesInAnotherOrder) {
  std::regex box("box\\[(%\\w+), (%\\w+), (%\\w+), (%\\w+)\\]");
  expectWrong(std::regex_replace(kernel, box, "box[$1, $3, $2, $4]"));
}

/// Keys lie as they come, and the descriptor says that they are swizzled.
TEST_F(HopperBug, NoSwizzleOfKeys) { expectWrong(replaced("swizzle = 128", "swizzle = 0", 1)); }

TEST_F(HopperBug, SwizzleTooNarrowForTheBox) {
  Outcome run = simulate(c, replaced("swizzle = 128", "swizzle = 64", 1), {kTarget, "target"});
  EXPECT_NE(run.reports.find("tensor map 1 cannot be made: its box has rows of 128 bytes, and a swizzle of 64"),
            std::string::npos)
      << run.reports;
}

TEST_F(HopperBug, ScoresAreReadBeforeTheyAreThere) {
  // A fence passes accumulators through, too, and waits for nothing.
  expectFound(replaced("wgmma.wait_group.sync.aligned 1;", "wgmma.fence.sync.aligned;", 0),
              "that no wgmma.wait_group has waited for");
}

TEST_F(HopperBug, WaitForTooFewProducts) {
  expectFound(replaced("wgmma.wait_group.sync.aligned 1;", "wgmma.wait_group.sync.aligned 2;", 0),
              "waits for too little");
}

TEST_F(HopperBug, NoFenceOfRegisters) {
  expectFound(without("nvvm.wgmma.fence.aligned", 0), "since its last wgmma.fence");
  // A wait that waits for nothing passes them through as well.
  expectFound(replaced("wgmma.fence.sync.aligned;", "wgmma.wait_group.sync.aligned 7;", 0),
              "since its last wgmma.fence");
}

/// The values of a stage are released when their product has only begun.
TEST_F(HopperBug, EarlyRelease) {
  const std::string wait = "wgmma.wait_group.sync.aligned ";
  size_t inLoop = kernel.find(wait + "0;", kernel.find(wait + "1;")), arrival = kernel.find(kArrive, inLoop);
  ASSERT_NE(arrival, std::string::npos);
  size_t begin = kernel.rfind('\n', kernel.rfind("scf.if", arrival)), end = kernel.find('}', arrival) + 1;
  std::string broken = kernel, release = kernel.substr(begin, end - begin);
  broken.erase(begin, release.size());
  broken.insert(broken.rfind('\n', inLoop), release);
  expectFound(broken, "race: warp 0 overwrites what warp ");
}

/// Of the one arrival that a full buffer's mbarrier counts; the bytes are still missing then.
TEST_F(HopperBug, ArrivalsTooOften) {
  size_t at = kernel.find(kExpect), end = kernel.find('\n', at) + 1;
  expectFound(std::string(kernel).insert(at, kernel.substr(at, end - at)), "arrives too often");
}

TEST_F(HopperBug, MbarriersAreNotFenced) {
  expectFound(without("nvvm.fence.mbarrier.init", 0), "fence.mbarrier_init is missing");
}

TEST_F(HopperBug, NoBarrierBehindTheInitialisation) { expectFound(without("nvvm.barrier0", 0), "initialis"); }

/// One thread stores to the queries, which its warpgroup's products read through the async proxy.
TEST_F(HopperBug, StoresWithoutAProxyFence) {
  std::smatch shared;
  ASSERT_TRUE(std::regex_search(kernel, shared, std::regex("(%\\w+) = llvm\\.mlir\\.addressof @fovea_shared")));
  std::string store = "%bug_id = nvvm.read.ptx.sreg.tid.x : i32\n %bug_128 = arith.constant 128 : i32\n"
                      "%bug = arith.cmpi eq, %bug_id, %bug_128 : i32\n scf.if %bug {\n"
                      "llvm.store %bug_128, " +
                      shared.str(1) + " : i32, !llvm.ptr<3>\n }\n";
  expectFound(replaced("nvvm.wgmma.fence.aligned", store + "nvvm.wgmma.fence.aligned", 0),
              "without a fence.proxy.async behind it");
}

TEST_F(HopperBug, MoreRegistersThanThereAre) {
  std::string broken = replaced("increase 232", "increase 240", 0);
  Outcome run = simulate(c, broken, {kTarget, "target"});
  EXPECT_NE(run.reports.find("ask for 66560 registers, and there are 65536"), std::string::npos) << run.reports;
}

TEST_F(HopperBug, TooLittleSharedMemory) {
  expectFound(replaced("shared_bytes = 81992", "shared_bytes = 65536", 0),
              "of shared memory, of which there are 65536");
}

} // namespace
