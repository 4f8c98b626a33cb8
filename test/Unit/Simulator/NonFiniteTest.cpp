// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// NaN and Inf on a GPU: a tensor core multiplies hidden values too, with a weight of 0. An output must be NaN or Inf
// exactly where the reference says so.
#include "BrokenKernel.h"

#include <cstring>

using namespace fovea::test;
using fovea::reference::HostTensor;
using fovea::reference::TensorRef;

namespace {

/// Bits of bf16 and f16: NaN of either sign, with payloads at both ends, and infinities.
constexpr uint16_t kPoisons[2][6] = {{0x7FC0, 0x7F81, 0xFFFF, 0xFF81, 0x7F80, 0xFF80},
                                     {0x7E00, 0x7C01, 0xFFFF, 0xFC01, 0x7C00, 0xFC00}};

void setBits(HostTensor &tensor, int64_t position, uint16_t bits) {
  std::memcpy(tensor.bytes.data() + 2 * position, &bits, sizeof bits);
}

/// Sets elements of operand 0, 1 or 2 (query, key, value) at these positions, one column each.
void spoilWith(Case &c, int operand, std::vector<int64_t> positions, std::vector<uint16_t> bits) {
  c.spoil = [=](std::vector<TensorRef> &inputs) {
    HostTensor &tensor = *inputs[size_t(operand)];
    for (size_t k = 0; k < positions.size(); ++k)
      if (positions[k] < tensor.shape[2])
        setBits(tensor, positions[k] * tensor.shape[3] + positions[k] * 7 % tensor.shape[3], bits[k % bits.size()]);
  };
}

struct Mask {
  const char *name, *mask;
};
const char *const kEveryThird = R"(
    %three = arith.constant 3 : index
    %zero = arith.constant 0 : index
    %age = arith.subi %i, %j : index
    %phase = arith.remsi %age, %three : index
    %keep = arith.cmpi eq, %phase, %zero : index
    attn.yield %keep : i1
)";
const Mask kMasks[] = {{"full", ""}, {"causal", kCausal}, {"window", kWindow}, {"everyThird", kEveryThird}};

const char *const kTargets[] = {"sim:sm_80", "sim:sm_90a"}; // every family of kernels

using Parameter = std::tuple<size_t, std::string, int, std::string>; // mask, element, operand, target
struct NonFinite : testing::TestWithParam<Parameter> {};

/// In FULL, PARTIAL and skipped blocks, at both ends of them.
TEST_P(NonFinite, ReachesTheOutputExactlyWhereItIsVisible) {
  auto [mask, element, operand, target] = GetParam();
  Case c;
  c.mask = kMasks[mask].mask;
  c.element = c.output = element;
  bool isWide = target == "sim:sm_90a"; // blocks of 128 rows and keys
  c.queries = isWide ? 200 : 90;
  c.keys = isWide ? 330 : 150;
  for (uint16_t bits : kPoisons[element == "f16"]) {
    SCOPED_TRACE(bits);
    spoilWith(c, operand, {5, 37, 63, 64, 88, 127, 128, 149, 199, 260}, {bits});
    expectRight(c, {target});
  }
}

std::string nameOf(const testing::TestParamInfo<Parameter> &info) {
  const char *operands[] = {"query", "key", "value"};
  return std::string(kMasks[std::get<0>(info.param)].name) + "_" + std::get<1>(info.param) + "_" +
         operands[std::get<2>(info.param)] + "_" + std::get<3>(info.param).substr(4);
}

INSTANTIATE_TEST_SUITE_P(Masks, NonFinite,
                         testing::Combine(testing::Range(size_t(0), std::size(kMasks)),
                                          testing::Values(std::string("bf16"), std::string("f16")),
                                          testing::Values(0, 1, 2),
                                          testing::Values(std::string(kTargets[0]), std::string(kTargets[1]))),
                         nameOf);

/// Both infinities in one column: NaN for rows that see both.
TEST(NonFiniteValues, OfBothSigns) {
  Case c;
  c.mask = kCausal;
  c.queries = c.keys = 130;
  c.spoil = [](std::vector<TensorRef> &inputs) {
    for (auto [key, bits] : {std::pair<int64_t, uint16_t>{10, 0x7F80}, {20, 0xFF80}, {70, 0x7F80}, {100, 0x7F80}})
      setBits(*inputs[2], key * 64 + 3, bits);
  };
  for (const char *target : kTargets)
    expectRight(c, {target});
}

/// Head sizes with rows that no pass of copies divides, and with many columns.
TEST(NonFiniteValues, EveryHeadSize) {
  for (int64_t size : {16, 48, 80, 128, 256}) {
    SCOPED_TRACE(size);
    Case c;
    c.mask = kWindow;
    c.keySize = 64;
    c.valueSize = size;
    c.queries = c.keys = 100;
    spoilWith(c, 2, {0, 31, 32, 64, 99}, {0x7FC0, 0xFF80});
    expectRight(c);
  }
}

/// Both panels of columns, in every stage of the pipeline, and the one warpgroup of a block that has no more.
TEST(NonFiniteValues, OfWarpgroups) {
  for (const char *schedule : {"", "query_tile = 64, key_block = 48, lanes = 1, panel = 64, micro_keys = 4"})
    for (int64_t size : {64, 128}) {
      SCOPED_TRACE(std::string(schedule) + ", head size " + std::to_string(size));
      Case c;
      c.schedule = schedule;
      c.mask = kEveryThird;
      c.heads = 1;
      c.keySize = c.valueSize = size;
      c.queries = 70;
      c.keys = 600;
      c.offset = 550;
      spoilWith(c, 2, {0, 1, 47, 48, 127, 128, 130, 300, 471, 551, 599}, {0x7FC0, 0xFF80, 0x7F80});
      expectRight(c, {"sim:sm_90a"});
    }
}

TEST(NonFiniteValues, InPiecesOfADecode) {
  Case c;
  c.mask = kWindow;
  c.heads = 4;
  c.queries = 3;
  c.keys = 1100;
  c.offset = 1050;
  spoilWith(c, 2, {1009, 1011, 1013, 1023, 1024, 1050, 1051, 1052, 1053, 1099}, {0x7FC0, 0x7F80});
  expectRight(c);
}

/// What no row sees may hold anything: the same bits as with zeros there.
TEST(HiddenKeys, HoldingNanChangeNoBit) {
  Case c;
  c.mask = "%c70 = arith.constant 70 : index\n %keep = arith.cmpi slt, %j, %c70 : index\n attn.yield %keep : i1\n";
  c.queries = 20;
  c.keys = 150;
  for (const char *target : kTargets) {
    std::vector<Outcome> runs;
    for (uint16_t bits : {0x0000, 0x7FC0, 0x7F80}) {
      c.spoil = [=](std::vector<TensorRef> &inputs) {
        for (int operand : {1, 2})
          for (int64_t at = 70 * 64; at < 150 * 64; ++at)
            setBits(*inputs[size_t(operand)], at, bits);
      };
      runs.push_back(simulate(c, c.text(), {target}));
      ASSERT_EQ(runs.back().reports + runs.back().error, "");
      for (size_t k = 0; k < runs[0].outputs.size(); ++k)
        EXPECT_TRUE(runs.back().outputs[k].bytes == runs[0].outputs[k].bytes);
    }
  }
}

//===- Bugs ---------------------------------------------------------------===//

Case spoiled() {
  Case c;
  c.mask = kCausal;
  c.queries = c.keys = 130;
  spoilWith(c, 2, {5, 70, 100}, {0x7F80});
  return c;
}

/// The barriers of the slow path follow the loop's, which is a reduction.
constexpr const char *kBarrier = "nvvm.barrier0\n", *kReduction = "#nvvm.reduction<or>";

TEST(InjectedBug, ValuesBecomeZeroWhileOthersReadThem) {
  expectFound(BrokenKernel(spoiled()).behind(kReduction).replace(kBarrier, ""), "race: ");
}

TEST(InjectedBug, ValuesAreReadWhileTheyBecomeZero) {
  expectFound(BrokenKernel(spoiled()).behind(kReduction).replace(kBarrier, "", 1), "race: ");
}

/// Each thread knows only of what it has copied itself, and goes its own way.
TEST(InjectedBug, SearchWithoutABarrier) {
  BrokenKernel kernel(spoiled());
  std::string found = kernel.operandOf("nvvm.barrier #nvvm.reduction<or>", 0);
  expectFound(kernel.replace("nvvm.barrier #nvvm.reduction<or> " + found + " -> i32",
                             "arith.ori " + found + ", " + found + " : i32"),
              "case.mlir");
}

/// Of warpgroups, the consumers have a barrier of their own, and products read through the async proxy.
constexpr const char *kWarpgroups = "sim:sm_90a",
                     *kConsumers = "nvvm.barrier id = %c1_i32 number_of_threads = %c256_i32",
                     *kSearch = "llvm.call_intrinsic \"llvm.nvvm.barrier.cta.red.or.aligned.count\"";

TEST(InjectedBug, WarpgroupsReadWhatBecomesZero) {
  const std::string barrier = std::string(kConsumers) + "\n";
  expectFound(BrokenKernel(spoiled(), kWarpgroups).replace(barrier, ""), "race: ");
  expectFound(BrokenKernel(spoiled(), kWarpgroups).replace(barrier, "", 1), "race: ");
}

TEST(InjectedBug, WarpgroupsMultiplyWhatTheirProxyDoesNotSee) {
  expectFound(BrokenKernel(spoiled(), kWarpgroups).replace("nvvm.fence.proxy", "// nvvm.fence.proxy"),
              "without a fence.proxy.async behind it");
}

TEST(InjectedBug, BarrierOfTooManyThreads) {
  expectFound(BrokenKernel(spoiled(), kWarpgroups)
                  .replace("increase 232", "increase 232\n%bug = arith.constant 384 : i32")
                  .replace(kSearch + std::string("(%c1_i32, %c256_i32"), kSearch + std::string("(%c1_i32, %bug")),
              "waits forever for the others at this barrier");
}

TEST(InjectedBug, NoSearchByWarpgroups) {
  BrokenKernel kernel(spoiled(), kWarpgroups);
  std::string operands = "(%c1_i32, %c256_i32, ", found = kernel.operandOf(kSearch, 2);
  expectWrong(kernel.replace(kSearch + operands + found, kSearch + operands + "%false"));
}

TEST(InjectedBug, NoSearchForValuesThatAreNotFinite) {
  BrokenKernel kernel(spoiled());
  std::string found = kernel.operandOf("nvvm.barrier #nvvm.reduction<or>", 0);
  expectWrong(kernel.replace("#nvvm.reduction<or> " + found, "#nvvm.reduction<or> %c0_i32"));
}

} // namespace
