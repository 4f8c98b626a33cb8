// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Wgmma.h"

#include "SixteenBits.h"
#include "TensorMap.h"

using namespace fovea::simulator;

namespace {

constexpr int kRows = 64, kDepth = 16, kMaxColumns = 256;
constexpr uint32_t kNameMask = 0xFFF00000, kName = 0x7FD00000; // a quiet NaN that nothing else makes

int chainOf(float value) {
  uint32_t bits = bitsOf(value);
  return (bits & kNameMask) == kName ? int(bits & ~kNameMask) : -1;
}

float nameOf(int chain) { return floatOf(kName | uint32_t(chain)); }

/// PTX ISA, matrix descriptor format for wgmma.
struct Descriptor {
  int64_t start, leading, stride;
  int swizzle; // 1: 128 bytes
  explicit Descriptor(uint64_t bits)
      : start(int64_t(bits & 0x3FFF) * 16), leading(int64_t(bits >> 16 & 0x3FFF) * 16),
        stride(int64_t(bits >> 32 & 0x3FFF) * 16), swizzle(int(bits >> 62)) {}

  /// Of 16 bytes: `row` of a matrix with rows of 128 bytes, eight of them to a `stride`.
  int64_t chunk(int row, int64_t column) const {
    return swizzled(start + row / 8 * stride + row % 8 * 128 + column, 128);
  }
};

/// Where row `r` and column 2 t of an accumulator's value k are, in thread `thread`.
int rowOf(int thread, int k) { return thread / 32 * 16 + thread % 32 / 4 + k / 2 % 2 * 8; }
int columnOf(int thread, int k) { return k / 4 * 8 + thread % 4 * 2 + k % 2; }

} // namespace

bool ProductOperands::isLike(const ProductOperands &other) const {
  return (isFromRegisters || a == other.a) && b == other.b && columns == other.columns && isBFloat == other.isBFloat &&
         isFromRegisters == other.isFromRegisters && isTransposed == other.isTransposed && adds == other.adds;
}

float Warpgroup::issue(int thread, int number, const ProductOperands &operands, const float *acc, float first,
                       const VectorClock &seen, const char *where, std::string &fault) {
  auto fail = [&](const std::string &what) {
    fault = std::string(where) + ": " + what;
    return 0.0f;
  };
  int count = operands.columns / 2;
  if (operands.columns < 8 || operands.columns > kMaxColumns || operands.columns % 8 != 0)
    return fail("a product with " + std::to_string(operands.columns) + " columns");
  while (done + int(products.size()) <= number)
    products.emplace_back();
  Product &product = products[size_t(number - done)];
  int chain = operands.adds ? chainOf(acc ? acc[0] : first) : -1;
  for (int k = 1; operands.adds && acc && k < count; ++k)
    if (chainOf(acc[k]) != chain)
      return fail("adds to accumulators of which some are of products that have not been waited for");
  if (product.issued == 0) {
    product.operands = operands;
    product.where = where;
    product.chain = chain >= 0 ? chain : number & int(~kNameMask);
    Chain &accumulators = chains[product.chain];
    if (chain < 0)
      accumulators.values.assign(size_t(kThreads * count), 0);
    if (int(accumulators.values.size()) != kThreads * count)
      return fail("adds to accumulators of a product of another shape");
    accumulators.last = number;
    accumulators.where = where;
    if (operands.isFromRegisters)
      product.fragments.resize(kThreads);
  } else if (product.where != where || !product.operands.isLike(operands) ||
             (chain >= 0 ? chain != product.chain : product.chain != (number & int(~kNameMask)))) {
    return fail(std::string("the threads of a warpgroup do not issue one product: another's is at ") + product.where +
                ", or has other descriptors or accumulators");
  }
  if (chain < 0 && operands.adds)
    for (int k = 0; k < count; ++k)
      chains[product.chain].values[size_t(thread * count + k)] = acc ? acc[k] : first;
  if (operands.isFromRegisters)
    std::memcpy(product.fragments[size_t(thread)].data(), operands.fragment, sizeof operands.fragment);
  product.seen[thread / 32].join(seen);
  ++product.issued;
  return nameOf(product.chain);
}

bool Warpgroup::isIssued(int end) const {
  for (int number = done; number < end; ++number)
    if (number - done >= int(products.size()) || products[size_t(number - done)].issued < kThreads)
      return false;
  return true;
}

void Warpgroup::computeNext(const Memory &memory, std::string &fault) {
  compute(products.front(), memory, fault);
  products.pop_front();
  ++done;
}

void Warpgroup::compute(const Product &product, const Memory &memory, std::string &fault) {
  const ProductOperands &operands = product.operands;
  int columns = operands.columns, count = columns / 2;
  static thread_local float a[kRows][kDepth], b[kDepth][kMaxColumns], c[kRows][kMaxColumns];
  /// Eight elements of a matrix in shared memory.
  auto eight = [&](const Descriptor &matrix, int row, int64_t column, const std::function<void(int, float)> &put) {
    int64_t offset = matrix.chunk(row, column);
    if (fault.empty())
      fault = memory.read(offset, product.seen, product.where);
    if (!fault.empty())
      return;
    uint16_t bits[8];
    std::memcpy(bits, memory.data + offset, sizeof bits);
    for (int k = 0; k < 8; ++k)
      put(k, widen(bits[k], operands.isBFloat));
  };
  Descriptor left(operands.a), right(operands.b);
  if (right.swizzle != 1 || (!operands.isFromRegisters && left.swizzle != 1)) {
    fault = std::string(product.where) + ": only descriptors with a swizzle of 128 bytes are simulated";
    return;
  }
  if (operands.isFromRegisters)
    for (int thread = 0; thread < kThreads; ++thread)
      for (int part = 0; part < 4; ++part) {
        uint32_t pair = product.fragments[size_t(thread)][size_t(part)];
        int row = thread / 32 * 16 + thread % 32 / 4 + part % 2 * 8, column = thread % 4 * 2 + part / 2 * 8;
        a[row][column] = widen(uint16_t(pair), operands.isBFloat);
        a[row][column + 1] = widen(uint16_t(pair >> 16), operands.isBFloat);
      }
  else
    for (int row = 0; row < kRows; ++row)
      for (int half = 0; half < 2; ++half)
        eight(left, row, half * 16, [&](int k, float value) { a[row][half * 8 + k] = value; });
  if (operands.isTransposed)
    for (int depth = 0; depth < kDepth; ++depth)
      for (int column = 0; column < columns; column += 8) {
        Descriptor panel = right; // of 64 columns
        panel.start += column / 64 * right.leading;
        eight(panel, depth, column % 64 * 2, [&](int k, float value) { b[depth][column + k] = value; });
      }
  else
    for (int column = 0; column < columns; ++column)
      for (int half = 0; half < 2; ++half)
        eight(right, column, half * 16, [&](int k, float value) { b[half * 8 + k][column] = value; });
  if (!fault.empty())
    return;
  std::vector<float> &values = chains[product.chain].values;
  for (int thread = 0; thread < kThreads; ++thread)
    for (int k = 0; k < count; ++k)
      c[rowOf(thread, k)][columnOf(thread, k)] = operands.adds ? values[size_t(thread * count + k)] : 0;
  for (int row = 0; row < kRows; ++row)
    for (int k = 0; k < kDepth; ++k)
      for (int column = 0; column < columns; ++column)
        c[row][column] += a[row][k] * b[k][column];
  for (int thread = 0; thread < kThreads; ++thread)
    for (int k = 0; k < count; ++k)
      values[size_t(thread * count + k)] = c[rowOf(thread, k)][columnOf(thread, k)];
}

bool Warpgroup::collect(int thread, const float *acc, float first, int count, float *out) const {
  for (int k = 0; k < count; ++k) {
    float value = acc ? acc[k] : first;
    auto chain = chains.find(chainOf(value));
    if (chain != chains.end()) {
      if (chain->second.last >= done)
        return false;
      value = chain->second.values[size_t(thread * count + k)];
    }
    out[k] = value;
  }
  return true;
}

const char *Warpgroup::pendingAt(float value) const {
  auto chain = chains.find(chainOf(value));
  return chain == chains.end() ? nullptr : chain->second.where;
}
