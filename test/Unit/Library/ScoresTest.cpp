// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each builder of scores emits is its formula, at every position of small problems.
#include "fovea/Dialect/Attn/Library/Scores.h"
#include "Fixture.h"

#include <cmath>
#include <random>

using namespace mlir;
using namespace fovea;
using namespace fovea::test;
using attn::Position;
using reference::DType;
using reference::HostTensor;
using reference::RuntimeValue;
using reference::TensorRef;

namespace {

/// Symbols: %0 a number 1.5 f32, %1 an index 9, %2 one float per head, and one table of the shape that a case names.
constexpr double kReal = 1.5;
constexpr int64_t kWhole = 9, kReach = 10, kBuckets = 32, kHeight = 10, kWidth = 7;

using Build = Value (*)(OpBuilder &, Location, Value, const Position &, ValueRange);
struct Formula {
  const HostTensor &perHead, &table;
  double slope(int64_t h) const { return perHead.floatAt(h); }
  double at(std::initializer_list<int64_t> indices) const {
    int64_t position = 0;
    for (auto [index, size] : llvm::zip_equal(indices, table.shape))
      position = position * size + index;
    return table.floatAt(position);
  }
};
struct NamedScore {
  const char *name;
  std::vector<int64_t> table;
  Build build;
  double (*value)(const Formula &, double s, int64_t b, int64_t h, int64_t i, int64_t j);
};

#define BUILD [](OpBuilder & b, Location loc, Value s, const Position &at, ValueRange x)->Value
#define VALUE [](const Formula &f, double s, int64_t b, int64_t h, int64_t i, int64_t j)->double

/// As it is published, in floating point; borders are integers to 1e-9.
int64_t bucket(int64_t relative, bool isBidirectional) {
  int64_t n = isBidirectional ? kBuckets / 2 : kBuckets, base = isBidirectional && relative > 0 ? n : 0, m = n / 2;
  int64_t r = isBidirectional ? std::abs(relative) : std::max<int64_t>(-relative, 0);
  if (r < m)
    return base + r;
  double far = std::log(double(r) / double(m)) / std::log(128.0 / double(m)) * double(n - m);
  return base + std::min(m + int64_t(std::floor(far + 1e-9)), n - 1);
}

double logN(int64_t i) { return std::log(double(i + 1)) / std::log(double(kWhole)); }

const std::vector<NamedScore> &namedScores() {
  static const std::vector<NamedScore> all = {
      {"softcap", {}, BUILD{return attn::scores::softcap(b, loc, s, b.getF32FloatAttr(2));
}
, VALUE { return 2 * std::tanh(s / 2); }
} // namespace
, {"softcap_symbolic", {}, BUILD{return attn::scores::softcap(b, loc, s, x[0]);
}
, VALUE { return kReal * std::tanh(s / kReal); }
}
, {"temperature", {}, BUILD{return attn::scores::temperature(b, loc, s, x[0]);
}
, VALUE { return s / kReal; }
}
, {"alibi", {}, BUILD{return attn::scores::alibi(b, loc, s, at, x[2]);
}
, VALUE { return s - f.slope(h) * double(i - j); }
}
, {"alibi_bidirectional", {}, BUILD{return attn::scores::alibi(b, loc, s, at, x[2], true);
}
, VALUE { return s - f.slope(h) * double(std::abs(i - j)); }
}
, {"log_n", {}, BUILD{return attn::scores::logN(b, loc, s, at, b.getIndexAttr(kWhole));
}
, VALUE { return s * std::max(1.0, logN(i)); }
}
, {"log_n_length", {}, BUILD{return attn::scores::logN(b, loc, s, at, b.getIndexAttr(4), x[1]);
}
, VALUE { return s * std::log(double(kWhole)) / std::log(4.0); }
}
, {"entropy_scaling", {}, BUILD{return attn::scores::entropyScaling(b, loc, s, at, x[1]);
}
, VALUE { return s * logN(i); }
}
, {"scalable_softmax", {}, BUILD{return attn::scores::scalableSoftmax(b, loc, s, at, x[0]);
}
, VALUE { return s * kReal * std::log(double(i + 1)); }
}
, {"position_temperature", {},
   BUILD{return attn::scores::positionTemperature(b, loc, s, at, x[1], b.getF32FloatAttr(0.5));
}
, VALUE { return s * (1 + 0.5 * std::log(1 + double((i + 1) / kWhole))); }
}
, {"dense_bias", {kQueries, kKeys}, BUILD{return attn::scores::denseBias(b, loc, s, at, x[3]);
}
, VALUE { return s + f.at({i, j}); }
}
, {"dense_bias_all", {kBatches, kHeads, kQueries, kKeys}, BUILD{return attn::scores::denseBias(b, loc, s, at, x[3]);
}
, VALUE { return s + f.at({b, h, i, j}); }
}
, {"dense_bias_broadcast", {kBatches, 1, 1, kKeys}, BUILD{return attn::scores::denseBias(b, loc, s, at, x[3]);
}
, VALUE { return s + f.at({b, 0, 0, j}); }
}
, {"dense_bias_offset", {kHeads, kQueries + kWhole, kKeys},
   BUILD{return attn::scores::denseBias(b, loc, s, at, x[3], b.getIndexAttr(-kWhole));
}
, VALUE { return s + f.at({h, i + kWhole, j}); }
}
, {"relative_bias", {kHeads, 2 * kReach + 1}, BUILD{return attn::scores::relativeBias(b, loc, s, at, x[3], kReach);
}
, VALUE { return s + f.at({h, std::min(std::max(j - i, -kReach), kReach) + kReach}); }
}
, {"relative_bias_shared", {2 * kReach + 1}, BUILD{return attn::scores::relativeBias(b, loc, s, at, x[3], kReach);
}
, VALUE { return s + f.at({std::min(std::max(j - i, -kReach), kReach) + kReach}); }
}
, {"relative_bias_2d", {(2 * kHeight - 1) * (2 * kWidth - 1), kHeads},
   BUILD{return attn::scores::relativeBias2D(b, loc, s, at, x[3], kHeight, kWidth);
}
, VALUE {
  int64_t row = (i / kWidth - j / kWidth + kHeight - 1) * (2 * kWidth - 1) + i % kWidth - j % kWidth + kWidth - 1;
  return s + f.at({row, h});
}
}
, {"t5_bias", {kBuckets, kHeads}, BUILD{return attn::scores::t5Bias(b, loc, s, at, x[3], kBuckets);
}
, VALUE { return s + f.at({bucket(j - i, true), h}); }
}
, {"t5_bias_causal", {kBuckets, kHeads}, BUILD{return attn::scores::t5Bias(b, loc, s, at, x[3], kBuckets, false);
}
, VALUE { return s + f.at({bucket(j - i, false), h}); }
}
, {"softcap_then_alibi", {},
   BUILD{return attn::scores::alibi(b, loc, attn::scores::softcap(b, loc, s, b.getF32FloatAttr(2)), at, x[2]);
}
, VALUE { return 2 * std::tanh(s / 2) - f.slope(h) * double(i - j); }
}
,
}
;
return all;
}

TensorRef table(std::vector<int64_t> shape, std::mt19937_64 &random) {
  auto tensor = std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, shape));
  for (int64_t k = 0; k < tensor->size(); ++k)
    tensor->data<float>()[k] = float(int64_t(random() % 2001) - 1000) / 256;
  return tensor;
}

struct ScoresTest : LibraryTest {};

TEST_F(ScoresTest, AreTheirFormulas) {
  std::mt19937_64 random(5);
  for (const NamedScore &score : namedScores()) {
    SCOPED_TRACE(score.name);
    Type f32 = Float32Type::get(&context);
    attn::AttentionOp op = attention(
        {f32, IndexType::get(&context), RankedTensorType::get({kHeads}, f32), RankedTensorType::get(score.table, f32)});
    attn::setScore(op, [&](OpBuilder &b, Location loc, Value s, const Position &at) {
      return score.build(b, loc, s, at, ValueRange(symbolsOf(op)));
    });
    expectRoundTrip();
    TensorRef perHead = table({kHeads}, random), large = table(score.table, random);
    std::vector<RuntimeValue> values = {kReal, kWhole, perHead, large};
    auto program = compile(op.getScore(), op, values);
    ASSERT_TRUE(succeeded(program));
    std::vector<double> scores(kKeys);
    for (int64_t j = 0; j < kKeys; ++j)
      scores[j] = double(int64_t(random() % 2001) - 1000) / 300;
    for (int64_t b = 0; b < kBatches; ++b)
      for (int64_t h = 0; h < kHeads; ++h)
        for (int64_t i = 0; i < kQueries; ++i) {
          ASSERT_TRUE(succeeded(program->run({b, h, i, 0, kKeys}, scores.data())));
          for (int64_t j = 0; j < kKeys; ++j) {
            double expected = score.value({*perHead, *large}, scores[j], b, h, i, j);
            // Constants of the code are f32.
            ASSERT_NEAR(program->floats()[j], expected, 1e-6 * (1 + std::abs(expected)))
                << "(" << b << ", " << h << ", " << i << ", " << j << ")";
          }
        }
  }
}

TEST_F(ScoresTest, BucketBordersAreExact) {
  // 16^(k/8) = 2^(k/2) is an integer for even k: buckets 10, 12 and 14 begin at 16, 32 and 64.
  SmallVector<int64_t> starts = attn::scores::t5BucketStarts(16, 128);
  ASSERT_EQ(starts.size(), 7u);
  EXPECT_EQ(starts[1], 16);
  EXPECT_EQ(starts[3], 32);
  EXPECT_EQ(starts[5], 64);
}

} // namespace
