// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The masks of include/fovea/Dialect/Attn/Library/Masks.h, each with its formula on plain integers: for the tests of
// the builders, of the mask analysis, and as leaves of random programs.
#ifndef FOVEA_TEST_UNIT_LIBRARY_NAMED_MASKS_H
#define FOVEA_TEST_UNIT_LIBRARY_NAMED_MASKS_H

#include "fovea/Dialect/Attn/Library/Position.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <functional>
#include <string>
#include <vector>

namespace fovea::test {

constexpr int64_t kTokens = 13;                    // of the tree
constexpr int64_t kBlockRows = 16, kBlockKeys = 8; // of the block table

/// One argument after b, h, i, j: a number, or a table by its axes.
struct Symbol {
  enum Kind {
    Number,
    PerSequence,         // i32 [B]
    PerHead,             // i32 [Hq]
    PerPosition,         // i32 [N]
    SequenceAndPosition, // i32 [B, N]
    Flags,               // i8 [N]
    Words,               // i64 [kTokens]
    Ancestors,           // i8 [kTokens, kTokens]
    Blocks               // i8 [N / kBlockRows, N / kBlockKeys]
  };
  Kind kind;
  int64_t low = 0, high = 1; // what its numbers usually are

  bool isTable() const { return kind != Number; }
  bool readsRowsOrKeys() const { return kind >= PerPosition; } // rather than b or h
  mlir::Type type(mlir::MLIRContext *context) const;
};

/// Values of the symbols. `element(k, x, y)` is symbol k at [x, y], or at [x].
struct Values {
  std::vector<int64_t> numbers;
  std::function<int64_t(unsigned symbol, int64_t x, int64_t y)> element;
};

struct NamedMask {
  std::string name;
  std::vector<Symbol> symbols;
  mlir::Value (*build)(mlir::OpBuilder &, mlir::Location, const attn::Position &, mlir::ValueRange symbols);
  bool (*isVisible)(const Values &, int64_t b, int64_t h, int64_t i, int64_t j);
  bool needsRowsFromZero = false; // pixels and indices of arrays are not negative
};

const std::vector<NamedMask> &namedMasks();

/// `func @name(b, h, i, j, symbols...) -> i1`. The context has arith, func, math and tensor loaded.
mlir::OwningOpRef<mlir::func::FuncOp> buildFunction(const NamedMask &mask, mlir::MLIRContext &context);

/// The mask as lines "      %x = ...", of values with these names: %b, %h, %i, %j, those of `symbols`, and fresh ones.
/// The last is the mask's.
struct MaskLines {
  std::string text, result;
};
MaskLines writeMask(const NamedMask &mask, const std::vector<std::string> &symbols,
                    const std::function<std::string()> &fresh);

} // namespace fovea::test

#endif
