// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Summaries.h"

#include "Elements.h"

#include <algorithm>
#include <utility>

using namespace fovea;

namespace {

int64_t blocksOf(int64_t size, int64_t grain) { return std::max<int64_t>(1, size / grain + (size % grain != 0)); }

/// Calls body(tensor offset, table offset) for all positions in the dimensions that are not in `skipped`, in elements.
/// Where both strides are 0, one position stands for all.
template <typename Body>
void forEachRow(const fovea_value &tensor, const fovea_value &table, int rank, const int32_t (&skipped)[2],
                Body &&body) {
  int64_t position[FOVEA_MAX_RANK] = {}, from = 0, to = 0;
  for (;;) {
    body(from, to);
    int d = rank - 1;
    for (; d >= 0; --d) {
      const bool isFixed = d == skipped[0] || d == skipped[1] || table.strides[d] == 0;
      if (isFixed)
        continue;
      from += tensor.strides[d];
      to += table.strides[d];
      if (++position[d] < tensor.sizes[d])
        break;
      from -= tensor.strides[d] * position[d];
      to -= table.strides[d] * position[d];
      position[d] = 0;
    }
    if (d < 0)
      return;
  }
}

/// One row in runs of 1, 2, 4, ... blocks: pairs of least and greatest.
template <typename Read>
void fillRange(const char *row, int64_t step, int64_t size, int64_t grain, Read read, int64_t *table) {
  const int64_t blocks = blocksOf(size, grain);
  for (int64_t a = 0, i = 0; i < size; ++a) {
    int64_t low = read(row + i * step), high = low;
    for (const int64_t end = std::min(size, i + grain); i < end; ++i) {
      const int64_t value = read(row + i * step);
      low = std::min(low, value);
      high = std::max(high, value);
    }
    table[2 * a] = low;
    table[2 * a + 1] = high;
  }
  for (int64_t half = 1; 2 * half <= blocks; half *= 2) {
    const int64_t *shorter = table;
    table += 2 * blocks;
    for (int64_t a = 0; a + 2 * half <= blocks; ++a) {
      table[2 * a] = std::min(shorter[2 * a], shorter[2 * (a + half)]);
      table[2 * a + 1] = std::max(shorter[2 * a + 1], shorter[2 * (a + half) + 1]);
    }
  }
}

/// One plane: table[x, y] = set elements of the first x by y blocks. Row 0 and column 0 are 0 already.
template <typename Read>
void fillCount(const char *plane, const int64_t (&steps)[2], const int64_t (&sizes)[2], const int32_t (&grains)[2],
               Read read, int64_t *table) {
  const int64_t width = blocksOf(sizes[1], grains[1]) + 1;
  for (int64_t x = 0, i = 0; i < sizes[0]; ++x) {
    const int64_t *before = table + x * width;
    int64_t *sums = table + (x + 1) * width;
    for (const int64_t end = std::min<int64_t>(sizes[0], i + grains[0]); i < end; ++i) {
      const char *row = plane + i * steps[0];
      for (int64_t y = 0, j = 0; j < sizes[1]; ++y)
        for (const int64_t last = std::min<int64_t>(sizes[1], j + grains[1]); j < last; ++j)
          sums[y + 1] += read(row + j * steps[1]);
    }
    for (int64_t y = 1, left = 0; y < width; ++y) {
      left += sums[y];
      sums[y] = before[y] + left;
    }
  }
}

/// Entries of one row or plane; false when there are too many.
bool entriesOf(const fovea_value &tensor, const fovea_summary &summary, fovea_value &value, int64_t &entries) {
  const auto [first, second] = std::pair(summary.dims[0], summary.dims[1]);
  const int64_t blocks = blocksOf(tensor.sizes[first], summary.grains[0]);
  if (summary.kind == FOVEA_SUMMARY_RANGE) {
    int64_t levels = 1;
    while (blocks >> levels)
      ++levels;
    value.strides[first] = 1;
    return !__builtin_mul_overflow(2 * levels, blocks, &entries) && (value.sizes[first] = entries);
  }
  value.sizes[first] = blocks + 1;
  value.sizes[second] = blocksOf(tensor.sizes[second], summary.grains[1]) + 1;
  value.strides[first] = value.sizes[second];
  value.strides[second] = 1;
  return !__builtin_mul_overflow(value.sizes[first], value.sizes[second], &entries);
}

bool isEmpty(const fovea_param &param, const fovea_value &tensor) {
  return std::find(tensor.sizes, tensor.sizes + param.rank, 0) != tensor.sizes + param.rank;
}

/// "[0, 17]"
std::string describePosition(const int64_t *position, int rank) {
  std::string text = "[";
  for (int d = 0; d < rank; ++d)
    text.append(d ? ", " : "").append(std::to_string(position[d]));
  return text + "]";
}

} // namespace

Status fovea::makeSummary(const fovea_param &param, const fovea_value &tensor, const fovea_summary &summary,
                          std::vector<int64_t> &table, fovea_value &value) {
  const int32_t (&dims)[2] = summary.dims;
  int64_t entries;
  bool fits = entriesOf(tensor, summary, value, entries);
  const bool hasNothing = isEmpty(param, tensor);
  for (int d = param.rank - 1; d >= 0 && fits; --d) {
    if (d == dims[0] || d == dims[1])
      continue;
    value.sizes[d] = std::max<int64_t>(1, tensor.sizes[d]);
    const bool isRepeated = hasNothing || tensor.strides[d] == 0;
    value.strides[d] = isRepeated ? 0 : entries;
    fits = isRepeated || !__builtin_mul_overflow(entries, value.sizes[d], &entries);
  }
  int64_t bytes;
  if (!fits || __builtin_mul_overflow(entries, int64_t(sizeof(int64_t)), &bytes))
    return failure(FOVEA_OUT_OF_RANGE, "a table of what the mask may find in it would take more than 2^63 - 1 bytes");
  table.assign(size_t(entries), 0);
  value.as.data = table.data();
  if (hasNothing)
    return {};
  const int64_t width = elementBytes(param);
  const auto *first = static_cast<const char *>(tensor.as.data);
  const auto step = [&](int d) { return tensor.strides[d] * width; };
  const auto fillRows = [&](auto read) {
    forEachRow(tensor, value, param.rank, dims, [&](int64_t from, int64_t to) {
      fillRange(first + from * width, step(dims[0]), tensor.sizes[dims[0]], summary.grains[0], read, table.data() + to);
    });
  };
  const auto fillPlanes = [&](auto read) {
    const int64_t steps[2] = {step(dims[0]), step(dims[1])};
    const int64_t sizes[2] = {tensor.sizes[dims[0]], tensor.sizes[dims[1]]};
    forEachRow(tensor, value, param.rank, dims, [&](int64_t from, int64_t to) {
      fillCount(first + from * width, steps, sizes, summary.grains, read, table.data() + to);
    });
  };
  if (summary.kind == FOVEA_SUMMARY_RANGE)
    withReader</*onlySet=*/false>(param, fillRows);
  else
    withReader</*onlySet=*/true>(param, fillPlanes);
  return {};
}

/// check(element, position) for every row along the last dimension, element(i) its i-th integer, until one fails. What
/// a check finds wrong is at `position`, whose last index it sets.
template <typename Check> static Status checkRows(const fovea_param &param, const fovea_value &tensor, Check check) {
  Status status;
  if (isEmpty(param, tensor))
    return status;
  const int last = param.rank - 1;
  const int64_t width = elementBytes(param), step = tensor.strides[last] * width;
  withReader</*onlySet=*/false>(param, [&](auto read) {
    int64_t position[FOVEA_MAX_RANK] = {};
    for (int d = last; d >= 0 && !status.failed();) {
      const char *row = static_cast<const char *>(tensor.as.data);
      for (int outer = 0; outer < last; ++outer)
        row += position[outer] * tensor.strides[outer] * width;
      status = check([&](int64_t i) -> int64_t { return read(row + i * step); }, position);
      for (d = last - 1; d >= 0 && ++position[d] == tensor.sizes[d]; --d)
        position[d] = 0;
    }
  });
  return status;
}

Status fovea::checkSorted(const fovea_param &param, const fovea_value &tensor) {
  const int last = param.rank - 1;
  return checkRows(param, tensor, [&](auto element, int64_t *position) -> Status {
    int64_t &i = position[last];
    for (i = 1; i < tensor.sizes[last]; ++i)
      if (element(i) < element(i - 1))
        return failure(FOVEA_INVALID, "declared sorted, but element ", describePosition(position, param.rank), " = ",
                       element(i), " follows ", element(i - 1));
    return {};
  });
}

Status fovea::checkIndices(const fovea_param &param, const fovea_value &tensor, int64_t size) {
  const int last = param.rank - 1;
  return checkRows(param, tensor, [&](auto element, int64_t *position) -> Status {
    int64_t &i = position[last];
    for (i = 0; i < tensor.sizes[last]; ++i)
      if (element(i) < 0 || element(i) >= size)
        return failure(FOVEA_INVALID, "has element ", describePosition(position, param.rank), " = ", element(i),
                       ", which is none of the ", size, " rows");
    return {};
  });
}

bool fovea::canSummarize(const fovea_param &param) {
  return withReader</*onlySet=*/true>(param, [](auto) {});
}

bool fovea::canBeSorted(const fovea_param &param) { return param.rank > 0 && isInteger(param) && canSummarize(param); }
