// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ProjectRow.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

static constexpr int64_t kChains = 8; // sums at once: enough to hide the latency of a FMA

static Value zeroOf(VectorEmitter &b) { return b.index(0); }

void fovea::absorbRow(VectorEmitter &b, Value row, Value up, Value head, Value destination, Value to) {
  auto type = cast<MemRefType>(up.getType());
  int64_t own = type.getDimSize(1), latents = type.getDimSize(2);
  auto oneByOne = [&] {
    b.loop(b.index(latents), [&](Value c) {
      Values sum = b.loop(b.index(0), b.index(own), 1, b.real(0), [&](Value d, ValueRange sum) -> Values {
        return {b.addf(sum[0], b.mulf(b.load(row, {zeroOf(b), d}), b.load(up, {head, d, c})))};
      });
      b.store(sum[0], destination, {to, c});
    });
  };
  /// `widths` neighbouring vectors from column c on.
  auto columns = [&](Value c, ArrayRef<int64_t> widths) {
    Values zero(widths.size(), b.splat(0));
    Values sums = b.loop(b.index(0), b.index(own), 1, zero, [&](Value d, ValueRange sums) {
      Value line = denseRow(b, up, {head, d});
      return b.multiplyAdd(
          sums, int64_t(widths.size()), [&](int64_t) { return b.load(row, {zeroOf(b), d}); },
          [&](int64_t k) { return b.loadLeading(line, {zeroOf(b), b.add(c, k * b.lanes())}, widths[k]); });
    });
    for (auto [k, width] : llvm::enumerate(widths))
      b.storeLeading(sums[k], destination, {to, b.add(c, int64_t(k) * b.lanes())}, width);
  };
  b.when(
      hasUnitRows(b, up),
      [&] {
        int64_t step = kChains * b.lanes(), whole = latents / step * step;
        if (whole != 0)
          b.loop(b.index(0), b.index(whole), step, [&](Value c) { columns(c, SmallVector<int64_t>(kChains, b.lanes())); });
        SmallVector<int64_t> widths;
        for (int64_t c = whole; c < latents; c += b.lanes())
          widths.push_back(std::min(b.lanes(), latents - c));
        if (!widths.empty())
          columns(b.index(whole), widths);
      },
      oneByOne);
}

void fovea::expandRow(VectorEmitter &b, Value rows, Value r, Value up, Value head,
                      function_ref<void(Value, Value)> store) {
  auto type = cast<MemRefType>(up.getType());
  int64_t values = type.getDimSize(1), latents = type.getDimSize(2);
  auto oneByOne = [&] {
    b.loop(b.index(values), [&](Value e) {
      Values sum = b.loop(b.index(0), b.index(latents), 1, b.real(0), [&](Value c, ValueRange sum) -> Values {
        return {b.addf(sum[0], b.mulf(b.load(rows, {r, c}), b.load(up, {head, e, c})))};
      });
      store(e, sum[0]);
    });
  };
  auto group = [&](Value e, int64_t count) {
    Values lines;
    for (int64_t k = 0; k < count; ++k)
      lines.push_back(denseRow(b, up, {head, b.add(e, k)}));
    auto step = [&](Value c, ValueRange sums, int64_t width) {
      Value x = b.loadLeading(rows, {r, c}, width);
      Values next;
      for (int64_t k = 0; k < count; ++k)
        next.push_back(b.fma(x, b.loadLeading(lines[k], {zeroOf(b), c}, width), sums[k]));
      return next;
    };
    int64_t whole = latents / b.lanes() * b.lanes();
    Values sums(count, b.splat(0));
    if (whole != 0)
      sums = b.loop(b.index(0), b.index(whole), b.lanes(), sums,
                    [&](Value c, ValueRange sums) { return step(c, sums, b.lanes()); });
    if (whole != latents)
      sums = step(b.index(whole), sums, latents - whole);
    for (int64_t k = 0; k < count; ++k)
      store(b.add(e, k), vector::ReductionOp::create(b, vector::CombiningKind::ADD, sums[k],
                                                     arith::FastMathFlags::reassoc));
  };
  b.when(
      hasUnitRows(b, up),
      [&] {
        int64_t whole = values / kChains * kChains;
        if (whole != 0)
          b.loop(b.index(0), b.index(whole), kChains, [&](Value e) { group(e, kChains); });
        if (whole != values)
          group(b.index(whole), values - whole);
      },
      oneByOne);
}
