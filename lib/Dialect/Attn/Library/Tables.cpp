// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Dialect/Attn/Library/Masks.h"

#include "Code.h"
#include "Indices.h"

using namespace mlir;
using namespace fovea::attn;

Value masks::documents(OpBuilder &b, Location loc, const Position &at, Value ids, Value kvIds) {
  if (!kvIds)
    kvIds = ids;
  Value row = element(b, loc, ids, withLeading(ids, {at.b}, {at.i}));
  Value key = element(b, loc, kvIds, withLeading(kvIds, {at.b}, {at.j}));
  return Code{b, loc}.equal(row, key);
}

Value masks::documentsByStart(OpBuilder &b, Location loc, const Position &at, Value start, Value end) {
  Code code{b, loc};
  Value after = code.atLeast(at.j, element(b, loc, start, withLeading(start, {at.b}, {at.i})));
  if (!end)
    return code.both(after, code.atMost(at.j, at.i));
  return code.both(after, code.less(at.j, element(b, loc, end, withLeading(end, {at.b}, {at.i}))));
}

Value masks::padding(OpBuilder &b, Location loc, const Position &at, OpFoldResult length) {
  Code code{b, loc};
  return code.less(at.j, code.number(length));
}

Value masks::leftPadding(OpBuilder &b, Location loc, const Position &at, OpFoldResult start) {
  Code code{b, loc};
  return code.atLeast(at.j, code.number(start));
}

Value masks::blockSparse(OpBuilder &b, Location loc, const Position &at, Value table, OpFoldResult rows,
                         OpFoldResult keys) {
  Code code{b, loc};
  Value row = code.floorDiv(at.i, code.divisor(rows)), key = code.floorDiv(at.j, code.divisor(keys));
  return flag(b, loc, table, withLeading(table, {at.b, at.h}, {row, key}));
}

namespace {

/// A token of the tree, where the position is one, and some token where it is not.
struct Token {
  Value number, exists;
};

Token token(const Code &code, Value position, Value tokens, Value prefix) {
  Value number = code.sub(position, prefix), zero = code.index(0);
  Value exists = code.both(code.atLeast(number, zero), code.less(number, tokens));
  return {code.clamp(number, zero, code.sub(tokens, code.index(1))), exists};
}

} // namespace

Value masks::tree(OpBuilder &b, Location loc, const Position &at, Value ancestors, OpFoldResult tokens,
                  OpFoldResult prefix) {
  Code code{b, loc};
  Value first = code.number(prefix), count = code.number(tokens);
  Token row = token(code, at.i, count, first), key = token(code, at.j, count, first);
  Value seen = flag(b, loc, ancestors, withLeading(ancestors, {at.b}, {row.number, key.number}));
  return code.either(code.less(at.j, first), code.both(code.both(row.exists, key.exists), seen));
}

Value masks::treeBits(OpBuilder &b, Location loc, const Position &at, Value words, OpFoldResult tokens,
                      OpFoldResult prefix) {
  Code code{b, loc};
  Value first = code.number(prefix), count = code.min(code.number(tokens), code.index(63));
  Token row = token(code, at.i, count, first), key = token(code, at.j, count, first);
  Value word = element(b, loc, words, withLeading(words, {at.b}, {row.number}));
  Value bit = code.bitAnd(code.shiftRight(word, key.number), code.index(1));
  Value seen = code.equal(bit, code.index(1));
  return code.either(code.less(at.j, first), code.both(code.both(row.exists, key.exists), seen));
}
