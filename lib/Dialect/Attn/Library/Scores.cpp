// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Library/Scores.h"

#include "Code.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <cmath>

using namespace mlir;
using namespace fovea::attn;

Value scores::softcap(OpBuilder &b, Location loc, Value s, OpFoldResult cap) {
  Code code{b, loc};
  Value limit = code.number(cap);
  Value inverse = code.divReal(code.real(1), limit); // once per tile; a division per score costs as much as the tanh
  return code.mulReal(code.emit<math::TanhOp>(code.mulReal(s, inverse)), limit);
}

Value scores::temperature(OpBuilder &b, Location loc, Value s, OpFoldResult value) {
  Code code{b, loc};
  return code.divReal(s, code.number(value));
}

Value scores::alibi(OpBuilder &b, Location loc, Value s, const Position &at, Value slopes, bool isBidirectional) {
  Code code{b, loc};
  Value age = code.sub(at.i, at.j);
  Value distance = code.toReal(isBidirectional ? code.magnitude(age) : age);
  return code.subReal(s, code.mulReal(element(b, loc, slopes, at.h), distance));
}

namespace {

/// ln x for an index that is at least 1, or a constant.
Value logOf(const Code &code, Value x) {
  if (std::optional<int64_t> known = getConstantIntValue(x))
    return code.real(std::log(static_cast<double>(*known)));
  return code.emit<math::LogOp>(code.toReal(x));
}

/// The position, from 0: rows before it see nothing that their temperature could change.
Value countOfKeys(const Code &code, const Position &at) {
  return code.add(code.max(at.i, code.index(0)), code.index(1));
}

Value logOfCount(const Code &code, const Position &at, OpFoldResult length) {
  return logOf(code, length ? code.divisor(length) : countOfKeys(code, at));
}

Value logRatio(const Code &code, const Position &at, OpFoldResult trainLength, OpFoldResult length) {
  Value base = logOf(code, code.max(code.number(trainLength), code.index(2)));
  return code.divReal(logOfCount(code, at, length), base);
}

} // namespace

Value scores::logN(OpBuilder &b, Location loc, Value s, const Position &at, OpFoldResult trainLength,
                   OpFoldResult length) {
  Code code{b, loc};
  Value ratio = logRatio(code, at, trainLength, length);
  return code.mulReal(s, code.emit<arith::MaximumFOp>(ratio, code.real(1)));
}

Value scores::entropyScaling(OpBuilder &b, Location loc, Value s, const Position &at, OpFoldResult trainLength,
                             OpFoldResult length) {
  Code code{b, loc};
  return code.mulReal(s, logRatio(code, at, trainLength, length));
}

Value scores::scalableSoftmax(OpBuilder &b, Location loc, Value s, const Position &at, OpFoldResult weight,
                              OpFoldResult length) {
  Code code{b, loc};
  return code.mulReal(s, code.mulReal(code.number(weight), logOfCount(code, at, length)));
}

Value scores::positionTemperature(OpBuilder &b, Location loc, Value s, const Position &at, OpFoldResult step,
                                  OpFoldResult weight) {
  Code code{b, loc};
  Value passed = code.divPositive(countOfKeys(code, at), code.divisor(step));
  Value growth = logOf(code, code.add(passed, code.index(1)));
  return code.mulReal(s, code.addReal(code.real(1), code.mulReal(code.number(weight), growth)));
}
