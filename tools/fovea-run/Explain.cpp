// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Explain.h"

#include "Fail.h"
#include "llvm/Support/Format.h"

#include <algorithm>

using namespace llvm;
using namespace fovea::reference;
using namespace fovea::run;

namespace {

constexpr int64_t kTerminalLines = 32, kTerminalColumns = 64, kSvgTiles = 96;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// At most `count` steps over `size`, in multiples of 4 where there are more positions than steps.
int64_t stepFor(int64_t size, int64_t count) {
  int64_t step = std::max<int64_t>(ceilDiv(size, count), 1);
  return step == 1 ? 1 : ceilDiv(step, 4) * 4;
}

raw_ostream &label(raw_ostream &os, StringRef text) { return os << left_justify(text, 9) << ' '; }

} // namespace

Explanation::Explanation(const Kernel &kernel, const Execution &execution) : kernel(kernel), execution(execution) {
  for (const fovea_task &task : execution.tasks()) {
    sequences = std::max(sequences, task.index[0] + 1);
    heads = std::max(heads, task.index[1] + 1);
    queryTile = std::max(queryTile, task.rows[1] - task.rows[0]); // only the last one is smaller
    keys = task.keys;
    keyBlock = task.key_block;
  }
  firstRow.resize(size_t(sequences), 0);
  for (const fovea_task &task : execution.tasks()) {
    if (task.index[2] == 0)
      firstRow[size_t(task.index[0])] = task.rows[0];
    rows = std::max(rows, task.index[2] * queryTile + task.rows[1] - task.rows[0]);
  }
}

TileKind Explanation::classify(int64_t batch, int64_t head, int64_t rowBegin, int64_t rowEnd, int64_t keyBegin,
                               int64_t keyEnd) const {
  int64_t offset = firstRow[size_t(batch)];
  return TileKind(execution.classify(batch, head, rowBegin + offset, rowEnd + offset, keyBegin, keyEnd));
}

/// What was decided and proven first, then what was not.
void Explanation::printRemarks(raw_ostream &os) const {
  constexpr std::pair<StringRef, const char *> kKinds[] = {
      {"passed", "decided"}, {"analysis", "found"}, {"missed", "not"}, {"failure", "WRONG"}};
  for (auto [kind, name] : kKinds)
    for (const Remark &remark : kernel.remarks)
      if (remark.kind == kind) {
        label(os, name) << remark.name << ": " << remark.text;
        if (!remark.location.empty())
          os << "  (" << remark.location << ')';
        os << '\n';
      }
}

/// Over all sequences and heads, at the grain of a task and a key block.
void Explanation::printTiles(raw_ostream &os) const {
  int64_t counts[3] = {0, 0, 0};
  for (int64_t batch = 0; batch < sequences; ++batch)
    for (int64_t head = 0; head < heads; ++head) {
      TileMap map = mapOf(batch, head, queryTile, keyBlock);
      for (int kind : {0, 1, 2})
        counts[kind] += map.count(TileKind(kind));
    }
  int64_t total = counts[0] + counts[1] + counts[2];
  label(os, "tiles") << format("of %lld rows x %lld keys: %lld EMPTY, %lld PARTIAL, %lld FULL of %lld\n",
                               (long long)queryTile, (long long)keyBlock, (long long)counts[0], (long long)counts[1],
                               (long long)counts[2], (long long)total);
  std::optional<RowSize> keySize = rowSize("key"), valueSize = rowSize("value");
  if (total == 0 || !keySize || !valueSize)
    return;
  double empty = double(counts[0]), sizes = keySize->columns + valueSize->columns;
  label(os, "saved") << format("%.0f %% of a dense computation: %.3g GFLOP, and %.3g MiB of keys and values not read\n",
                               100 * empty / double(total), empty * 2e-9 * double(queryTile * keyBlock) * sizes,
                               empty * double(keyBlock) * (keySize->bytes + valueSize->bytes) / 1048576);
}

/// Of a parameter with this name, its last dimension.
std::optional<Explanation::RowSize> Explanation::rowSize(StringRef name) const {
  for (size_t k = 0; k < kernel.numParams(); ++k)
    if (const fovea_param &param = kernel.param(k); param.name == name && param.rank == 4)
      return RowSize{double(param.sizes[3]), double(param.sizes[3]) * param.dtype_bits / 8};
  return std::nullopt;
}

/// Rows that provably see no key, as ranges, of the first sequences that have any.
void Explanation::printEmptyRows(raw_ostream &os) const {
  constexpr int kMaxLines = 4;
  int lines = 0;
  for (int64_t batch = 0; batch < sequences && lines < kMaxLines; ++batch) {
    auto isEmpty = [&](int64_t row) { return classify(batch, 0, row, row + 1, 0, keys) == TileKind::Empty; };
    for (int64_t row = 0; row < rows && lines < kMaxLines; ++row) {
      if (!isEmpty(row))
        continue;
      int64_t first = row;
      while (row + 1 < rows && isEmpty(row + 1))
        ++row;
      label(os, "rows") << format("%lld to %lld of sequence %lld see no key: output 0, log-sum-exp -inf\n",
                                  (long long)first, (long long)row, (long long)batch);
      ++lines;
    }
  }
}

TileMap Explanation::mapOf(int64_t batch, int64_t head, int64_t rowStep, int64_t keyStep) const {
  return TileMap(rows, keys, rowStep, keyStep,
                 [&](int64_t r0, int64_t r1, int64_t k0, int64_t k1) { return classify(batch, head, r0, r1, k0, k1); });
}

void Explanation::print(raw_ostream &os) const {
  printRemarks(os);
  printTiles(os);
  printEmptyRows(os);
  if (sequences == 0 || heads == 0 || rows == 0 || keys == 0)
    return;
  int64_t rowStep = stepFor(rows, kTerminalLines), keyStep = stepFor(keys, kTerminalColumns);
  label(os, "map") << format("first head; a sign is %lld rows x %lld keys: · EMPTY, ▒ PARTIAL, █ FULL\n",
                             (long long)rowStep, (long long)keyStep);
  printTerminal(mapOf(0, 0, rowStep, keyStep), os);
}

void Explanation::writeMap(const std::string &path, StringRef title) const {
  std::error_code error;
  raw_fd_ostream os(path, error);
  if (error)
    fail("--map=" + path + ": cannot write it: " + error.message());
  if (sequences == 0 || heads == 0 || rows == 0 || keys == 0)
    fail("--map=" + path + ": there is no head to draw");
  int64_t step = std::max(stepFor(rows, kSvgTiles), stepFor(keys, kSvgTiles));
  printSvg(mapOf(0, 0, step, step), execution.tasks(), queryTile, title, os);
}
