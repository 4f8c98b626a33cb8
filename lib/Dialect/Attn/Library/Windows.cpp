// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Library/Masks.h"

#include "Code.h"

using namespace mlir;
using namespace fovea::attn;

Value masks::full(OpBuilder &b, Location loc) { return Code{b, loc}.truth(true); }

Value masks::none(OpBuilder &b, Location loc) { return Code{b, loc}.truth(false); }

Value masks::allOf(OpBuilder &b, Location loc, ValueRange masks) {
  Code code{b, loc};
  Value all = masks.empty() ? code.truth(true) : masks.front();
  for (Value mask : masks.drop_front(masks.empty() ? 0 : 1))
    all = code.both(all, mask);
  return all;
}

Value masks::anyOf(OpBuilder &b, Location loc, ValueRange masks) {
  Code code{b, loc};
  Value any = masks.empty() ? code.truth(false) : masks.front();
  for (Value mask : masks.drop_front(masks.empty() ? 0 : 1))
    any = code.either(any, mask);
  return any;
}

Value masks::negate(OpBuilder &b, Location loc, Value mask) {
  Code code{b, loc};
  return code.emit<arith::XOrIOp>(mask, code.truth(true));
}

Value masks::causal(OpBuilder &b, Location loc, const Position &at, OpFoldResult offset) {
  Code code{b, loc};
  return code.atLeast(offset ? code.add(at.i, code.number(offset)) : at.i, at.j);
}

Value masks::prefixLM(OpBuilder &b, Location loc, const Position &at, OpFoldResult prefix) {
  Code code{b, loc};
  return code.either(code.atLeast(at.i, at.j), code.less(at.j, code.number(prefix)));
}

Value masks::slidingWindow(OpBuilder &b, Location loc, const Position &at, OpFoldResult window) {
  Code code{b, loc};
  return code.both(code.atLeast(at.i, at.j), code.less(code.sub(at.i, at.j), code.number(window)));
}

Value masks::symmetricWindow(OpBuilder &b, Location loc, const Position &at, OpFoldResult radius) {
  Code code{b, loc};
  return code.atMost(code.magnitude(code.sub(at.i, at.j)), code.number(radius));
}

Value masks::windowAndSinks(OpBuilder &b, Location loc, const Position &at, OpFoldResult window, OpFoldResult sinks) {
  Code code{b, loc};
  Value near = code.less(code.sub(at.i, at.j), code.number(window));
  return code.both(code.atLeast(at.i, at.j), code.either(near, code.less(at.j, code.number(sinks))));
}

Value masks::localGlobal(OpBuilder &b, Location loc, const Position &at, OpFoldResult radius, OpFoldResult globals) {
  Code code{b, loc};
  Value count = code.number(globals);
  Value isGlobal = code.either(code.less(at.i, count), code.less(at.j, count));
  return code.either(symmetricWindow(b, loc, at, radius), isGlobal);
}

Value masks::localGlobal(OpBuilder &b, Location loc, const Position &at, OpFoldResult radius, Value isGlobal) {
  Code code{b, loc};
  Value chosen = code.either(flag(b, loc, isGlobal, at.i), flag(b, loc, isGlobal, at.j));
  return code.either(symmetricWindow(b, loc, at, radius), chosen);
}

Value masks::dilated(OpBuilder &b, Location loc, const Position &at, OpFoldResult dilation, OpFoldResult window) {
  Code code{b, loc};
  Value step = code.divisor(dilation), age = code.sub(at.i, at.j);
  Value hit = code.equal(code.modPositive(code.magnitude(age), step), code.index(0));
  Value visible = code.both(code.atLeast(at.i, at.j), hit);
  if (!window)
    return visible;
  return code.both(visible, code.less(age, code.mul(step, code.number(window))));
}
