// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Summaries against brute force, and claims about contents, as a kernel's plan function sees them.
#include "RowSum.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

using namespace fovea::test;

namespace {

using Index = std::vector<int64_t>;

int64_t below(std::mt19937_64 &random, int64_t n) { return int64_t(random() % uint64_t(n)); }

/// A tensor in memory of any strides, and what its elements are.
struct Array {
  uint8_t code, bits;
  Index sizes, strides;
  std::vector<char> memory;
  int64_t first = 0; // bytes from the start of the memory

  int64_t width() const { return std::max(1, bits / 8); }
  bool isEmpty() const { return std::count(sizes.begin(), sizes.end(), 0) != 0; }
  const char *at(const Index &index) const {
    int64_t offset = 0;
    for (size_t d = 0; d < sizes.size(); ++d)
      offset += index[d] * strides[d];
    return memory.data() + first + offset * width();
  }
  template <typename T> T as(const Index &index) const {
    T value;
    std::memcpy(&value, at(index), sizeof value);
    return value;
  }
  bool isFloat() const { return code == kDLFloat || code == kDLBfloat; }
  int64_t integerAt(const Index &index) const {
    switch (bits) {
    case 1:
      return as<uint8_t>(index);
    case 8:
      return as<int8_t>(index);
    case 16:
      return as<int16_t>(index);
    case 32:
      return as<int32_t>(index);
    default:
      return as<int64_t>(index);
    }
  }
  bool isSet(const Index &index) const {
    if (!isFloat())
      return integerAt(index) != 0;
    if (bits == 32)
      return as<float>(index) > -INFINITY;
    if (bits == 64)
      return as<double>(index) > -INFINITY;
    const uint16_t half = as<uint16_t>(index), infinity = code == kDLBfloat ? 0xFF80 : 0xFC00;
    return half != infinity && half != uint16_t(infinity + 1) && half != 0x7FFF; // -inf, and the NaNs below
  }
  int64_t inRange(const Index &index) const { return isFloat() ? isSet(index) : integerAt(index); }
};

void fill(Array &array, std::mt19937_64 &random, bool isDense) {
  const int64_t width = array.width();
  for (size_t at = 0; at + width <= array.memory.size(); at += width) {
    char *element = array.memory.data() + at;
    const auto put = [&](auto value) { std::memcpy(element, &value, sizeof value); };
    const bool isPlain = isDense || below(random, 3);
    if (!array.isFloat()) { // often 0, so that whole blocks are
      const uint64_t value = isPlain ? isDense : random() >> below(random, 64);
      std::memcpy(element, &value, width);
      if (array.bits == 1)
        *element &= 1;
    } else if (array.bits == 32) {
      put(isPlain ? 1.5f : below(random, 4) ? -INFINITY : NAN);
    } else if (array.bits == 64) {
      put(isPlain ? -1e300 : below(random, 4) ? -double(INFINITY) : double(NAN));
    } else {
      const uint16_t infinity = array.code == kDLBfloat ? 0xFF80 : 0xFC00;
      const uint16_t some[] = {infinity, infinity, uint16_t(infinity + 1), 0x7FFF, uint16_t(infinity & 0x7FFF), 0xFBFF};
      put(isPlain ? uint16_t(0x3C00) : some[below(random, 6)]);
    }
  }
}

Array randomArray(std::mt19937_64 &random) {
  static const std::pair<uint8_t, uint8_t> kTypes[] = {{kDLUInt, 1},    {kDLInt, 8},    {kDLInt, 16},
                                                       {kDLInt, 32},    {kDLInt, 64},   {kDLFloat, 16},
                                                       {kDLBfloat, 16}, {kDLFloat, 32}, {kDLFloat, 64}};
  const auto [code, bits] = kTypes[below(random, 9)];
  Array array{code, bits, {}, {}, {}, 0};
  const int rank = int(1 + below(random, 4));
  static const int64_t kSizes[] = {0, 1, 1, 2, 3, 7, 8, 9, 17, 33, 40};
  for (int d = 0; d < rank; ++d)
    array.sizes.push_back(kSizes[below(random, 40) ? 1 + below(random, 10) : 0]);
  // Dimensions nested in any order, with gaps, backwards, or repeated.
  std::vector<int> order(rank);
  for (int d = 0; d < rank; ++d)
    order[d] = d;
  std::shuffle(order.begin(), order.end(), random);
  array.strides.resize(rank);
  int64_t extent = 1, low = 0, high = 0;
  for (int d : order) {
    const int64_t kind = below(random, 8);
    const int64_t stride = kind == 0 ? 0 : extent * (kind == 1 ? 3 : kind == 2 ? -1 : 1);
    array.strides[d] = stride;
    extent = std::max(extent, std::abs(stride) * std::max<int64_t>(1, array.sizes[d]));
    (stride < 0 ? low : high) += stride * std::max<int64_t>(0, array.sizes[d] - 1);
  }
  array.memory.resize((high - low + 1) * array.width());
  array.first = -low * array.width();
  fill(array, random, below(random, 6) == 0);
  return array;
}

/// Plans a kernel of one frozen tensor; `inspect` is called with its value and then those of the summaries.
struct Inspection {
  static std::function<void(const fovea_value *)> inspect;

  Answer plan(const Array &array, std::vector<fovea_summary> summaries, int32_t flags = FOVEA_PARAM_FROZEN) {
    fovea_param param = {"doc", FOVEA_PARAM_TENSOR,       flags, array.code, array.bits, uint16_t(array.sizes.size()),
                         0,     {-1, -1, -1, -1, -1, -1}, {}};
    fovea_kernel_table kernel = {};
    kernel.name = "inspect";
    kernel.params = &param;
    kernel.summaries = summaries.data();
    kernel.num_params = 1;
    kernel.num_summaries = uint32_t(summaries.size());
    kernel.plan = [](const fovea_value *values, fovea_task *, int64_t, int64_t *count) {
      inspect(values);
      *count = 0;
      return int32_t(0);
    };
    kernel.task = [](const fovea_value *, const fovea_task *, char *) { return int32_t(0); };
    kernel.classify = [](const fovea_value *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t) {
      return int32_t(FOVEA_TILE_PARTIAL);
    };
    const fovea_module_table table = {FOVEA_ABI_MAGIC, FOVEA_ABI_VERSION, "by hand", &kernel, 1, 0};
    ModulePtr module = makeModule(table);
    Tensor tensor(const_cast<char *>(array.memory.data()) + array.first, array.code, array.bits, array.sizes,
                  array.strides);
    fovea_arg arg{FOVEA_ARG_TENSOR, {}};
    arg.as.tensor = tensor.get();
    return answerOf([&](fovea_error **error) {
      fovea_plan *made = nullptr;
      const fovea_status status =
          fovea_plan_create(fovea_module_kernel_at(module.get(), 0), &arg, 1, nullptr, &made, error);
      PlanPtr owner(made);
      return status;
    });
  }
};
std::function<void(const fovea_value *)> Inspection::inspect;

/// Entry of a table whose indices are `index`, all within its sizes.
int64_t entry(const fovea_value &table, const Index &index) {
  int64_t offset = 0;
  for (size_t d = 0; d < index.size(); ++d) {
    EXPECT_LT(index[d], table.sizes[d]);
    offset += index[d] * table.strides[d];
  }
  return static_cast<const int64_t *>(table.as.data)[offset];
}

int64_t blocks(int64_t size, int64_t grain) { return std::max<int64_t>(1, (size + grain - 1) / grain); }

/// Some position, 0 in an empty dimension.
Index somewhere(const Array &array, std::mt19937_64 &random) {
  Index index;
  for (int64_t size : array.sizes)
    index.push_back(size ? below(random, size) : 0);
  return index;
}

void checkRange(const Array &array, const fovea_value &table, const fovea_summary &summary, std::mt19937_64 &random) {
  const int dim = summary.dims[0];
  const int64_t grain = summary.grains[0], size = array.sizes[dim], count = blocks(size, grain);
  Index index = somewhere(array, random);
  int64_t a = below(random, count), z = a + below(random, count - a), k = 0;
  while (int64_t(2) << k <= z - a + 1)
    ++k;
  const auto at = [&](int64_t block, int64_t which) {
    Index position = index;
    position[dim] = 2 * (k * count + block) + which;
    return entry(table, position);
  };
  int64_t low = INT64_MAX, high = INT64_MIN;
  for (int64_t i = a * grain; i < std::min(size, (z + 1) * grain) && !array.isEmpty(); ++i) {
    index[dim] = i;
    low = std::min(low, array.inRange(index));
    high = std::max(high, array.inRange(index));
  }
  if (low > high)
    low = high = 0;
  const int64_t last = z + 1 - (int64_t(1) << k);
  ASSERT_EQ(std::min(at(a, 0), at(last, 0)), low) << "blocks " << a << " to " << z;
  ASSERT_EQ(std::max(at(a, 1), at(last, 1)), high) << "blocks " << a << " to " << z;
}

void checkCount(const Array &array, const fovea_value &table, const fovea_summary &summary, std::mt19937_64 &random) {
  Index index = somewhere(array, random);
  int64_t begin[2], end[2];
  for (int n : {0, 1}) {
    const int64_t count = blocks(array.sizes[summary.dims[n]], summary.grains[n]);
    begin[n] = below(random, count);
    end[n] = begin[n] + 1 + below(random, count - begin[n]);
  }
  const auto at = [&](int64_t x, int64_t y) {
    Index position = index;
    position[summary.dims[0]] = x;
    position[summary.dims[1]] = y;
    return entry(table, position);
  };
  const int64_t counted = at(end[0], end[1]) - at(begin[0], end[1]) - at(end[0], begin[1]) + at(begin[0], begin[1]);
  int64_t expected = 0;
  const auto limit = [&](int n) { return std::min(array.sizes[summary.dims[n]], end[n] * summary.grains[n]); };
  for (int64_t i = begin[0] * summary.grains[0]; i < limit(0) && !array.isEmpty(); ++i)
    for (int64_t j = begin[1] * summary.grains[1]; j < limit(1); ++j) {
      index[summary.dims[0]] = i;
      index[summary.dims[1]] = j;
      expected += array.isSet(index);
    }
  ASSERT_EQ(counted, expected);
}

std::vector<fovea_summary> allSummaries(int rank, std::mt19937_64 &random) {
  const auto grain = [&] { return int32_t(1) << below(random, 4); };
  std::vector<fovea_summary> summaries;
  for (int32_t d = 0; d < rank; ++d) {
    summaries.push_back({0, FOVEA_SUMMARY_RANGE, {d, -1}, {grain(), 1}});
    for (int32_t e = d + 1; e < rank; ++e)
      summaries.push_back({0, FOVEA_SUMMARY_COUNT, {d, e}, {grain(), grain()}});
  }
  return summaries;
}

std::string describe(const Array &array) {
  std::string text = "code " + std::to_string(array.code) + " bits " + std::to_string(array.bits);
  for (size_t d = 0; d < array.sizes.size(); ++d)
    text += ", " + std::to_string(array.sizes[d]) + " by " + std::to_string(array.strides[d]);
  return text;
}

} // namespace

TEST(Summaries, EqualBruteForce) {
  std::mt19937_64 random(1);
  int64_t checked = 0;
  for (int round = 0; round < 600; ++round) {
    const Array array = randomArray(random);
    SCOPED_TRACE(describe(array));
    const std::vector<fovea_summary> summaries = allSummaries(int(array.sizes.size()), random);
    Inspection::inspect = [&](const fovea_value *values) {
      for (size_t s = 0; s < summaries.size(); ++s)
        for (int query = 0; query < 12 && !::testing::Test::HasFatalFailure(); ++query, ++checked)
          summaries[s].kind == FOVEA_SUMMARY_RANGE ? checkRange(array, values[1 + s], summaries[s], random)
                                                   : checkCount(array, values[1 + s], summaries[s], random);
    };
    const Answer answer = Inspection().plan(array, summaries);
    ASSERT_EQ(answer.status, FOVEA_OK) << answer.message;
    ASSERT_FALSE(::testing::Test::HasFatalFailure());
  }
  EXPECT_GT(checked, 10000);
}

TEST(Summaries, RepeatedRowsAreMadeOnce) {
  Array array{kDLUInt, 1, {5, 1000000, 16, 16}, {256, 0, 16, 1}, std::vector<char>(5 * 256, 1), 0};
  Inspection::inspect = [](const fovea_value *values) {
    EXPECT_EQ(values[1].strides[0], 9) << "3 x 3 entries for each of 5";
    EXPECT_EQ(values[1].strides[1], 0) << "one for the million";
    EXPECT_EQ(entry(values[1], {4, 999999, 2, 2}), 256);
  };
  EXPECT_EQ(Inspection().plan(array, {{0, FOVEA_SUMMARY_COUNT, {2, 3}, {8, 8}}}).status, FOVEA_OK);
}

TEST(Summaries, TooLargeIsRefused) {
  Array array{kDLUInt, 1, {int64_t(1) << 40, int64_t(1) << 21, 1}, {1, 1, 1}, std::vector<char>(1), 0};
  array.sizes[2] = 0;
  const Answer answer = Inspection().plan(array, {{0, FOVEA_SUMMARY_COUNT, {0, 1}, {1, 1}}});
  EXPECT_EQ(answer.status, FOVEA_OUT_OF_RANGE);
  EXPECT_EQ(answer.message,
            "argument 0 'doc': a table of what the mask may find in it would take more than 2^63 - 1 bytes");
}

TEST(Sorted, FirstOffenceIsNamed) {
  Inspection::inspect = [](const fovea_value *) {};
  constexpr int32_t kSorted = FOVEA_PARAM_FROZEN | FOVEA_PARAM_SORTED;
  std::vector<int32_t> numbers(3 * 20);
  for (int n = 0; n < 60; ++n)
    numbers[n] = n % 20 / 4; // each row starts again, below the end of the one before
  const auto planned = [&](Index strides, int64_t first) {
    Array array{kDLInt, 32, {3, 20}, std::move(strides), std::vector<char>(sizeof(int32_t) * 60), first * 4};
    std::memcpy(array.memory.data(), numbers.data(), array.memory.size());
    return Inspection().plan(array, {}, kSorted);
  };
  EXPECT_EQ(planned({20, 1}, 0).status, FOVEA_OK);
  EXPECT_EQ(planned({20, -1}, 19).message, "argument 0 'doc' is declared sorted, but element [0, 4] = 3 follows 4");
  EXPECT_EQ(planned({0, 0}, 0).status, FOVEA_OK) << "one element for all";
  numbers[20 + 17] = -1;
  const Answer answer = planned({20, 1}, 0);
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  EXPECT_EQ(answer.message, "argument 0 'doc' is declared sorted, but element [1, 17] = -1 follows 4");
}

TEST(Sorted, EqualsBruteForce) {
  std::mt19937_64 random(2);
  Inspection::inspect = [](const fovea_value *) {};
  int64_t good = 0, bad = 0;
  while (good < 30 || bad < 30) {
    const Array array = randomArray(random);
    if (array.isFloat())
      continue;
    SCOPED_TRACE(describe(array));
    bool isSorted = true;
    for (int tries = 0; tries < 4000 && !array.isEmpty(); ++tries) { // enough to meet every pair of neighbours
      Index index = somewhere(array, random), next = index;
      if (++next.back() < array.sizes.back())
        isSorted &= array.integerAt(index) <= array.integerAt(next);
    }
    (isSorted ? good : bad) += 1;
    const Answer answer = Inspection().plan(array, {}, FOVEA_PARAM_FROZEN | FOVEA_PARAM_SORTED);
    if (!isSorted) {
      ASSERT_EQ(answer.status, FOVEA_INVALID);
    } else if (array.memory.size() < 300) { // few enough pairs to have met them all
      ASSERT_EQ(answer.status, FOVEA_OK) << answer.message;
    }
  }
}

TEST(Indices, FirstOffenceIsNamed) {
  Inspection::inspect = [](const fovea_value *) {};
  constexpr int32_t kIndex = FOVEA_PARAM_FROZEN | FOVEA_PARAM_INDEX; // of itself: its first dimension has 3 rows
  std::vector<int32_t> numbers(3 * 20);
  for (int n = 0; n < 60; ++n)
    numbers[n] = n % 3;
  const auto planned = [&](Index strides, int64_t first) {
    Array array{kDLInt, 32, {3, 20}, std::move(strides), std::vector<char>(sizeof(int32_t) * 60), first * 4};
    std::memcpy(array.memory.data(), numbers.data(), array.memory.size());
    return Inspection().plan(array, {}, kIndex);
  };
  EXPECT_EQ(planned({20, 1}, 0).status, FOVEA_OK);
  EXPECT_EQ(planned({20, -1}, 19).status, FOVEA_OK);
  numbers[20 + 17] = 3;
  Answer answer = planned({20, 1}, 0);
  EXPECT_EQ(answer.status, FOVEA_INVALID);
  const std::string rest = ", which is none of the 3 rows of argument 0 'doc'";
  EXPECT_EQ(answer.message, "argument 0 'doc' has element [1, 17] = 3" + rest);
  numbers[2] = -1;
  EXPECT_EQ(planned({20, 1}, 0).message, "argument 0 'doc' has element [0, 2] = -1" + rest);
  EXPECT_EQ(planned({0, 0}, 0).status, FOVEA_OK) << "one element for all";
}

TEST(Classify, IsTheKernels) {
  RowSum call(6, 40);
  PlanPtr plan = call.mustPlan();
  const auto classOf = [&](int64_t b, int64_t begin, int64_t end) {
    int32_t result = -7;
    EXPECT_EQ(fovea_plan_classify(plan.get(), b, 0, 0, 1, begin, end, &result), FOVEA_OK);
    return result;
  };
  EXPECT_EQ(classOf(0, 3, 100), FOVEA_TILE_FULL);
  EXPECT_EQ(classOf(0, 0, 4), FOVEA_TILE_PARTIAL);
  EXPECT_EQ(classOf(0, 0, 3), FOVEA_TILE_EMPTY);
  EXPECT_EQ(classOf(1, 3, 40), FOVEA_TILE_EMPTY) << "the row is not kept";
  int32_t result = -7;
  EXPECT_EQ(fovea_plan_classify(plan.get(), 6, 0, 0, 1, 0, 4, &result), FOVEA_OUT_OF_RANGE);
  EXPECT_EQ(fovea_plan_classify(plan.get(), 0, -1, 0, 1, 0, 4, &result), FOVEA_OUT_OF_RANGE);
  EXPECT_EQ(fovea_plan_classify(nullptr, 0, 0, 0, 1, 0, 4, &result), FOVEA_INVALID);
  EXPECT_EQ(fovea_plan_classify(plan.get(), 0, 0, 0, 1, 0, 4, nullptr), FOVEA_INVALID);
  EXPECT_EQ(result, -7) << "written on success only";
}
