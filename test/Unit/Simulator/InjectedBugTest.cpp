// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A simulator that finds nothing proves nothing: each test breaks a right kernel of the mma.sync family in one place.
#include "BrokenKernel.h"

using namespace fovea::test;

namespace {

/// Two heads of 200 rows, or keys: tiles and key blocks that are full, and ones that are cut short.
Case plain(int64_t keys = 200) {
  Case c;
  c.queries = 200;
  c.keys = keys;
  return c;
}

constexpr const char *kWait = "nvvm.cp.async.wait.group 0\n", *kBarrier = "nvvm.barrier0\n",
                     *kCommit = "nvvm.cp.async.commit.group\n", *kCopy = "nvvm.cp.async.shared.global",
                     *kLdMatrix = "nvvm.ldmatrix", *kShuffle = "nvvm.shfl.sync", *kLoop = "scf.while",
                     *kTransposed = "layout = #nvvm.mma_layout<col>";

//===- Waits, barriers, groups --------------------------------------------===//

TEST(InjectedBug, LoopWaitsForTheGroupBefore) {
  expectFound(BrokenKernel(plain()).behind(kLoop).replace(kWait, "nvvm.cp.async.wait.group 1\n"),
              "has not been waited for");
}

TEST(InjectedBug, LoopDoesNotWait) {
  expectFound(BrokenKernel(plain()).behind(kLoop).replace(kWait, ""), "has not been waited for");
}

TEST(InjectedBug, NoWaitForQueries) {
  expectFound(BrokenKernel(plain()).replace(kWait, "nvvm.cp.async.wait.group 1\n"), "has not been waited for");
}

/// The stage is overwritten while other warps read it.
TEST(InjectedBug, NoBarrierInTheLoop) {
  expectFound(BrokenKernel(plain()).behind(kLoop).replace(kBarrier, ""), "race: ");
}

/// What is reported depends on who comes first: not yet written, or written without a barrier since.
TEST(InjectedBug, NoBarrierBeforeTheLoop) {
  expectFound(BrokenKernel(plain()).replace(kBarrier, ""), "(nvvm.ldmatrix)");
}

TEST(InjectedBug, CopiesWithoutAGroup) {
  expectFound(BrokenKernel(plain()).replace(kCommit, ""), "has not been waited for");
}

TEST(InjectedBug, BarrierBeforeTheWait) {
  expectFound(BrokenKernel(plain()).behind(kLoop).moveBehind(kWait, kBarrier), "race: ");
}

/// Half of a warp waits at a barrier of its own, the other half at the next.
TEST(InjectedBug, BarrierForHalfAWarp) {
  std::string half = "%bug_id = nvvm.read.ptx.sreg.tid.x : i32\n %bug_16 = arith.constant 16 : i32\n"
                     "%bug = arith.cmpi ult, %bug_id, %bug_16 : i32\n scf.if %bug {\n nvvm.barrier0\n }\n";
  expectFound(BrokenKernel(plain()).replace(kBarrier, half + kBarrier), " at another (");
}

/// The first warp leaves the loop's barrier out.
TEST(InjectedBug, BarrierWithoutAWarp) {
  std::string others = "%bug_id = nvvm.read.ptx.sreg.tid.x : i32\n %bug_32 = arith.constant 32 : i32\n"
                       "%bug = arith.cmpi uge, %bug_id, %bug_32 : i32\n";
  expectFound(BrokenKernel(plain()).behind(kLoop).guard(kBarrier, others), "case.mlir");
}

//===- Addresses ----------------------------------------------------------===//

TEST(InjectedBug, TooLittleSharedMemory) {
  BrokenKernel kernel(plain());
  kernel.text.replace(kernel.text.find("shared_bytes = 40960"), 20, "shared_bytes = 20480");
  expectFound(kernel, "of shared memory, of which there are 20480");
}

TEST(InjectedBug, ReadOutsideSharedMemory) {
  expectFound(BrokenKernel(plain()).movePointer(kLdMatrix, 0, 3, 40960, -1), "of shared memory, of which there are");
}

TEST(InjectedBug, RowThatIsNotAligned) {
  expectFound(BrokenKernel(plain()).movePointer(kLdMatrix, 0, 3, 8), "is not a multiple of 16");
}

TEST(InjectedBug, CopyToAnAddressThatIsNotAligned) {
  expectFound(BrokenKernel(plain()).movePointer(kCopy, 0, 3, 4), "is not a multiple of 16");
}

TEST(InjectedBug, CopyFromAnAddressThatIsNotAligned) {
  expectFound(BrokenKernel(plain()).movePointer(kCopy, 1, 1, 2), "global memory is not a multiple of 16");
}

/// The stage of the block that is computed on takes the next one, too.
TEST(InjectedBug, NextBlockToTheSameStage) {
  expectFound(BrokenKernel(plain()).behind(kLoop).behind(kWait).replace("arith.remui", "arith.divui"), "race: ");
}

TEST(InjectedBug, QueriesFromBeforeTheTensor) {
  expectFound(BrokenKernel(plain()).movePointer(kCopy, 1, 1, -256), "reads 16 bytes at byte -");
}

/// All 16 bytes of rows that do not exist.
TEST(InjectedBug, CopyOfRowsBehindTheTensor) {
  BrokenKernel kernel(plain());
  std::string valid = kernel.operandOf(kCopy, 2, 3);
  expectFound(kernel.replace(", " + valid + " : !llvm.ptr<3>", ", %c16_i32 : !llvm.ptr<3>"), ", which has ");
}

TEST(InjectedBug, OutputBehindTheTensor) {
  BrokenKernel kernel(plain());
  expectFound(kernel.movePointer("llvm.store", 1, 1, 1 << 24, -1), "writes 4 bytes");
}

/// Rows that do not exist are left as they are instead of zeros. The first copies of keys are behind four of queries;
/// the third one has rows 32 to 47.
TEST(InjectedBug, NoZerosBehindTheTail) {
  BrokenKernel kernel(plain(40));
  std::string valid = kernel.operandOf(kCopy, 2, 6);
  expectFound(
      kernel.guard(kCopy, "%bug_0 = arith.constant 0 : i32\n%bug = arith.cmpi ne, " + valid + ", %bug_0 : i32", 6),
      "nothing has written it");
}

//===- What a warp does together ------------------------------------------===//

TEST(InjectedBug, ShuffleAmongHalfAWarp) {
  expectFound(BrokenKernel(plain()).replace("bfly %c-1_i32", "bfly %c16_i32"), "a shuffle among some lanes");
}

TEST(InjectedBug, ShuffleByOneLaneOfEachWarp) {
  std::string first = "%bug_id = nvvm.read.ptx.sreg.tid.x : i32\n %bug_1 = arith.constant 1 : i32\n"
                      "%bug = arith.cmpi ult, %bug_id, %bug_1 : i32\n scf.if %bug {\n"
                      "%bug_x = nvvm.shfl.sync bfly %c-1_i32, %cst, %c1_i32, %c31_i32 : f32 -> f32\n}\n";
  expectFound(BrokenKernel(plain()).replace(kBarrier, first + kBarrier),
              "waits forever for the rest of its warp at this operation");
}

//===- Wrong numbers, which only the reference can tell -------------------===//

TEST(InjectedBug, ValuesNotTransposed) {
  expectWrong(BrokenKernel(plain()).replace(kTransposed, "layout = #nvvm.mma_layout<row>", -1));
}

/// Copies swizzle, the read of queries does not.
TEST(InjectedBug, QueriesReadWithoutTheirSwizzle) {
  expectWrong(BrokenKernel(plain()).behind(kBarrier).replace("arith.xori", "arith.andi"));
}

TEST(InjectedBug, SumsOverTheWrongLanes) {
  BrokenKernel kernel(plain());
  expectWrong(kernel.replace(kernel.operandOf(kShuffle, 2, -1) + ", %c31_i32", "%c4_i32, %c31_i32", -1));
}

TEST(InjectedBug, MaximumOverTheWrongLanes) {
  BrokenKernel kernel(plain());
  expectWrong(kernel.replace(kernel.operandOf(kShuffle, 2) + ", %c31_i32", "%c16_i32, %c31_i32"));
}

} // namespace
