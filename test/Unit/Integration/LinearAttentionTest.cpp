// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// attn.linear_attention against the recurrence: every kind of it, any number of tokens, states passed on.
#include "LinearKinds.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <cmath>

using namespace fovea::test;
using fovea::reference::Evaluation;

namespace {

struct LinearKinds : testing::TestWithParam<size_t> {};
/// Those in which no query reads all keys.
struct CausalKinds : testing::TestWithParam<size_t> {};

TEST_P(LinearKinds, EqualTheReferenceForAnyNumberOfTokens) {
  LinearSpec spec = kinds()[GetParam()].spec;
  for (int64_t tokens : {1, 2, 17, 32, 36, 37, 100}) {
    Sizes sizes{2, 4, 2, tokens, tokens};
    SCOPED_TRACE(describe(sizes));
    Random random(tokens);
    expectLinearRight(spec, linearInputs(spec, sizes, random));
  }
}

TEST_P(LinearKinds, EqualTheReferenceForAnyHeadSizeAndLayout) {
  LinearSpec spec = kinds()[GetParam()].spec;
  spec.layout = "bnhd";
  for (auto [keySize, valueSize] : {std::pair<int64_t, int64_t>{1, 1}, {3, 40}, {33, 17}}) {
    spec.keySize = keySize;
    spec.valueSize = valueSize;
    Sizes sizes{1, 3, 1, 50, 50};
    SCOPED_TRACE("Dk=" + std::to_string(keySize) + " Dv=" + std::to_string(valueSize));
    Random random(keySize);
    expectLinearRight(spec, linearInputs(spec, sizes, random));
  }
}

/// Tokens [0, n), then [n, N) from the state that the first left: each part is right by the reference of the whole.
TEST_P(CausalKinds, AStateContinuesASequenceCutAnywhere) {
  LinearSpec spec = kinds()[GetParam()].spec;
  for (int64_t cut : {0, 1, 18, 31, 36, 40, 74, 75}) {
    SCOPED_TRACE(cut);
    expectRightInParts(spec, 75, {{cut, ""}, {75, ""}});
  }
}

/// A NaN or Inf in a token reaches that token and later ones, as the reference says, and no bit of earlier ones.
TEST_P(CausalKinds, NothingOfATokenReachesEarlierOnes) {
  LinearSpec spec = kinds()[GetParam()].spec;
  constexpr int64_t kTokens = 70, kPoisoned = 37;
  Random random(6);
  std::vector<TensorRef> inputs = linearInputs(spec, {1, 1, 1, kTokens, kTokens}, random);
  for (const Variant &variant : linearVariants()) {
    SCOPED_TRACE(variant.name);
    LinearSpec scheduled = spec;
    scheduled.schedule = variant.schedule;
    const Kernel &kernel = compiled(linearText(scheduled), variant.target);
    Shape out = {1, 1, kTokens, spec.valueSize}, state = {1, 1, spec.keySize, spec.stateColumns()};
    Call clean(kernel, inputs, {out, state});
    ASSERT_TRUE(execute(clean));
    for (size_t input : {1, 2})
      for (float poison : {NAN, INFINITY}) {
        std::vector<TensorRef> poisoned = inputs;
        poisoned[input] = std::make_shared<HostTensor>(*inputs[input]);
        int64_t columns = poisoned[input]->shape[3];
        poisoned[input]->data<float>()[kPoisoned * columns + columns / 2] = poison;
        Call call(kernel, poisoned, {out, state});
        ASSERT_TRUE(execute(call));
        EXPECT_TRUE(
            sameBits(*slice(clean.output(0), "bhnd", 0, kPoisoned), *slice(call.output(0), "bhnd", 0, kPoisoned)));
        EXPECT_FALSE(std::isfinite(call.output(0).floatAt(kPoisoned * spec.valueSize + spec.valueSize / 2)));
      }
  }
}

TEST_P(LinearKinds, NoTokensLeaveTheStateAsItWas) {
  LinearSpec spec = kinds()[GetParam()].spec;
  Random random(7);
  for (Sizes sizes : {Sizes{2, 4, 2, 0, 0}, {0, 4, 2, 9, 9}, {2, 0, 0, 9, 9}, {2, 0, 2, 9, 9}}) {
    SCOPED_TRACE(describe(sizes));
    expectLinearRight(spec, linearInputs(spec, sizes, random));
  }
}

std::string nameOf(const testing::TestParamInfo<size_t> &info) { return kinds()[info.param].name; }
INSTANTIATE_TEST_SUITE_P(Kinds, LinearKinds, testing::Range(size_t(0), kinds().size()), nameOf);
INSTANTIATE_TEST_SUITE_P(Kinds, CausalKinds, testing::Range(size_t(0), kCausalKinds), nameOf);

TEST(LinearAttention, QueriesAndKeysDifferInNumberInDirectionFull) {
  LinearSpec spec = makeSpec(Gate::None, kElu1, "qz", true);
  for (auto [queries, keys] : {std::pair<int64_t, int64_t>{1, 90}, {90, 1}, {45, 70}, {5, 0}, {0, 5}}) {
    Sizes sizes{2, 4, 2, queries, keys};
    SCOPED_TRACE(describe(sizes));
    Random random(8);
    expectLinearRight(spec, linearInputs(spec, sizes, random));
  }
}

/// Padding does not enter the state, whatever it holds, and comes out as 0.
TEST(LinearAttention, LengthsCutSequences) {
  for (size_t kind : {1, 6, 9, 13, 17}) {
    LinearSpec spec = kinds()[kind].spec;
    SCOPED_TRACE(kinds()[kind].name);
    spec.hasLengths = true;
    for (int64_t tokens : {1, 36, 75}) {
      Random random(tokens);
      std::vector<TensorRef> inputs = linearInputs(spec, {5, 2, 1, tokens, tokens}, random);
      expectLinearRight(spec, inputs);
      if (spec.isFull)
        continue;
      Kernel kernel(linearText(spec), {"host", "", ""});
      Call call(kernel, inputs, {{5, 2, tokens, spec.valueSize}, {5, 1, spec.keySize, spec.stateColumns()}});
      for (size_t input : {0, 1, 2}) // from the middle of sequence 0 on
        for (int64_t k = tokens / 2 * inputs[input]->shape[3]; k < tokens * inputs[input]->shape[3]; ++k)
          inputs[input]->data<float>()[k] = NAN;
      Call poisoned(kernel, inputs, {{5, 2, tokens, spec.valueSize}, {5, 1, spec.keySize, spec.stateColumns()}});
      ASSERT_TRUE(execute(call));
      ASSERT_TRUE(execute(poisoned));
      EXPECT_TRUE(sameBits(call.output(0), poisoned.output(0)));
      EXPECT_TRUE(sameBits(call.output(1), poisoned.output(1)));
    }
  }
}

TEST(LinearAttention, RandomSizes) {
  Random random(9);
  for (int n = 0; n < 20; ++n) {
    LinearSpec spec = random.pick(kinds()).spec;
    spec.layout = random.chance(50) ? "bhnd" : "bnhd";
    spec.keySize = random.between(1, 70);
    spec.valueSize = random.between(1, 70);
    int64_t kvHeads = random.between(1, 3), tokens = random.between(1, 150);
    Sizes sizes{random.between(1, 2), kvHeads * random.between(1, 3), kvHeads, tokens, tokens};
    SCOPED_TRACE(linearText(spec) + describe(sizes));
    std::vector<TensorRef> inputs = linearInputs(spec, sizes, random);
    Evaluation expected = Oracle(linearText(spec)).evaluate(inputs);
    for (const char *target : {"loops", "host"}) {
      Call call(compiled(linearText(spec), target), inputs, outputShapes(expected));
      expectMatch(call, expected);
    }
  }
}

/// e^{-G} would overflow, sums of g would round away what lies between two tokens.
TEST(LinearAttention, StrongDecaysAndOnesThatForget) {
  for (auto [gate, isDelta] : {std::pair(Gate::PerHead, false),
                               {Gate::PerToken, false},
                               {Gate::PerChannel, false},
                               {Gate::PerToken, true},
                               {Gate::PerChannel, true}})
    for (float strength : {5.0f, 80.0f, 1e4f, INFINITY}) {
      LinearSpec spec = isDelta ? makeDelta(gate, "", true) : makeSpec(gate, "", "", false, true);
      SCOPED_TRACE(strength);
      Random random(10);
      std::vector<TensorRef> inputs = linearInputs(spec, {1, 2, 2, 90, 90}, random);
      HostTensor &decay = *inputs[3];
      for (int64_t k = 0; k < decay.size(); ++k)
        if (gate == Gate::PerHead || random.chance(20))
          decay.data<float>()[k] = -strength;
      expectLinearRight(spec, inputs);
    }
}

TEST(LinearAttention, LongSequencesDoNotDrift) {
  for (const LinearKind &kind : {kinds()[1], kinds()[4], kinds()[13]}) {
    SCOPED_TRACE(kind.name);
    constexpr int64_t kTokens = 16 << 10;
    Random random(11);
    std::vector<TensorRef> inputs = linearInputs(kind.spec, {1, 1, 1, kTokens, kTokens}, random);
    Evaluation expected = Oracle(linearText(kind.spec)).evaluate(inputs);
    Call call(compiled(linearText(kind.spec)), inputs, outputShapes(expected));
    expectMatch(call, expected);
    double rms = compare(expected.outputs[0], call.output(0)).relativeRms;
    EXPECT_LT(rms, 1e-6);
    testing::Test::RecordProperty("rms_" + kind.name, std::to_string(rms));
  }
}

TEST(LinearAttention, BitsDependNeitherOnThreadsNorOnTheBatch) {
  for (const LinearKind &kind : kinds()) {
    SCOPED_TRACE(kind.name);
    const LinearSpec &spec = kind.spec;
    Random random(12);
    std::vector<TensorRef> inputs = linearInputs(spec, {3, 4, 2, 70, 70}, random), alone;
    const Kernel &kernel = compiled(linearText(spec));
    Shape out = {3, 4, 70, spec.valueSize}, state = {3, 2, spec.keySize, spec.stateColumns()};
    Call one(kernel, inputs, {out, state}), many(kernel, inputs, {out, state});
    ASSERT_TRUE(execute(one));
    ASSERT_EQ(many.plan(4), FOVEA_OK) << many.message;
    ASSERT_EQ(many.runSlots(), FOVEA_OK);
    EXPECT_TRUE(sameBits(one.output(0), many.output(0)));
    EXPECT_TRUE(sameBits(one.output(1), many.output(1)));
    for (const TensorRef &input : inputs) { // the last sequence of the batch
      if (input->shape.size() < 3) {
        alone.push_back(input);
        continue;
      }
      Shape shape = input->shape;
      shape[0] = 1;
      alone.push_back(std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, shape)));
      std::copy_n(input->data<float>() + 2 * alone.back()->size(), alone.back()->size(), alone.back()->data<float>());
    }
    out[0] = state[0] = 1;
    Call last(kernel, alone, {out, state});
    ASSERT_TRUE(execute(last));
    HostTensor all = one.output(0), expected = HostTensor::zeros(DType::F32, out);
    std::copy_n(all.data<float>() + 2 * expected.size(), expected.size(), expected.data<float>());
    EXPECT_TRUE(sameBits(expected, last.output(0)));
  }
}

TEST(LinearAttention, APlanSaysWhichSizesDisagree) {
  LinearSpec spec = makeDelta(Gate::PerToken, "", true);
  const Kernel &kernel = compiled(linearText(spec));
  Random random(13);
  auto messageOf = [&](size_t input, Shape shape) {
    std::vector<TensorRef> inputs = linearInputs(spec, {2, 4, 2, 20, 20}, random);
    inputs[input] = normal(shape, random);
    Call call(kernel, inputs, {{2, 4, 20, 32}, {2, 2, 32, 32}});
    EXPECT_EQ(call.plan(), FOVEA_INVALID);
    return call.message;
  };
  auto says = [](const std::string &message, const char *part) {
    return message.find(part) != std::string::npos ? testing::AssertionSuccess()
                                                   : testing::AssertionFailure() << message;
  };
  EXPECT_TRUE(says(messageOf(0, {2, 4, 19, 32}), "query and key must have the same number of positions"));
  EXPECT_TRUE(says(messageOf(0, {2, 3, 20, 32}), "output must have the same number of heads"));
  EXPECT_TRUE(says(messageOf(3, {2, 2, 19}), "key and decay must have the same number of positions"));
  EXPECT_TRUE(says(messageOf(3, {2, 4, 20}), "key and decay must have the same number of heads"));
  EXPECT_TRUE(says(messageOf(4, {1, 2, 32, 32}), "key and initial_state must have the same batch size"));
  EXPECT_TRUE(says(messageOf(5, {2, 2, 19}), "key and beta must have the same number of positions"));
}

/// Every phase's dump runs, on both targets, and computes what the module at the top of the ladder means.
TEST(LinearAttention, EveryDumpRunsAndEqualsTheReference) {
  for (size_t kind : {5, 6, 10, 15, 17}) {
    LinearSpec spec = kinds()[kind].spec;
    spec.layout = "bnhd";
    SCOPED_TRACE(kinds()[kind].name);
    Random random(14);
    std::vector<TensorRef> inputs = linearInputs(spec, {2, 4, 2, 50, 50}, random);
    std::string text = linearText(spec);
    Evaluation expected = Oracle(text).evaluate(inputs);
    for (const char *dumpTarget : {"loops", "host"}) {
      llvm::SmallString<128> directory;
      ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("fovea-linear", directory));
      Kernel whole(text, {dumpTarget, "", directory.str().str()});
      auto check = [&](const char *file, const char *target) {
        SCOPED_TRACE(std::string(file) + " for " + target);
        llvm::SmallString<128> path(directory);
        llvm::sys::path::append(path, file);
        auto buffer = llvm::MemoryBuffer::getFile(path);
        ASSERT_TRUE(bool(buffer));
        Kernel kernel((*buffer)->getBuffer().str(), {target, "", ""});
        if (!kernel)
          return;
        Call call(kernel, inputs, outputShapes(expected));
        expectMatch(call, expected);
      };
      for (const char *target : {"loops", "host"})
        for (const char *file : {"2-simplify.mlir", "4-bufferize.mlir", "5-schedule.mlir", "6-tile.mlir"})
          check(file, target);
      check("7-target.mlir", dumpTarget);
      llvm::sys::fs::remove_directories(directory);
    }
  }
}

} // namespace
