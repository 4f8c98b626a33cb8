// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ProjectRow.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fovea;

static constexpr int64_t kChains = 8; // sums at once: enough to hide the latency of a FMA
static constexpr int64_t kLines = 4;  // of a projection at once

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
  /// destination += `count` lines of the projection from d on. Lines are read from end to end, as memory likes it: one
  /// query reads each projection once, from where it was left long ago.
  auto lines = [&](Value d, int64_t count) {
    Values views, factors;
    for (int64_t k = 0; k < count; ++k) {
      views.push_back(denseRow(b, up, {head, b.add(d, k)}));
      factors.push_back(b.broadcast(b.load(row, {zeroOf(b), b.add(d, k)})));
    }
    auto add = [&](Value c, int64_t width) {
      Value sum = b.loadLeading(destination, {to, c}, width);
      for (auto [view, factor] : llvm::zip(views, factors))
        sum = b.fma(factor, b.loadLeading(view, {zeroOf(b), c}, width), sum);
      b.storeLeading(sum, destination, {to, c}, width);
    };
    int64_t whole = latents / b.lanes() * b.lanes();
    b.loop(b.index(0), b.index(whole), b.lanes(), [&](Value c) { add(c, b.lanes()); });
    if (whole != latents)
      add(b.index(whole), latents - whole);
  };
  b.when(
      hasUnitRows(b, up),
      [&] {
        b.chunks(latents, [&](Value c, int64_t width) { b.storeLeading(b.splat(0), destination, {to, c}, width); });
        int64_t whole = own / kLines * kLines;
        if (whole != 0)
          b.loop(b.index(0), b.index(whole), kLines, [&](Value d) { lines(d, kLines); });
        if (whole != own)
          lines(b.index(whole), own - whole);
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
      store(b.add(e, k),
            vector::ReductionOp::create(b, vector::CombiningKind::ADD, sums[k], arith::FastMathFlags::reassoc));
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
