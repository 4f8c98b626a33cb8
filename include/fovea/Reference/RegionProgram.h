// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A score, mask or feature region as a straight-line program over numbered slots, compiled once and evaluated for many
// positions.
//
// Integers are exact: int64 that wraps at the op's bit width, kept sign-extended (true of i1 is -1). All floats are
// fp64, also where the region says f32: the region's own rounding is part of the error that a compiler is measured by.
// What MLIR leaves undefined (division by zero, an index out of bounds, a shift by the width) is an error at positions
// that count.
#ifndef FOVEA_REFERENCE_REGIONPROGRAM_H
#define FOVEA_REFERENCE_REGIONPROGRAM_H

#include "fovea/Reference/HostTensor.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Region.h"

#include <functional>
#include <variant>

namespace fovea::reference {

/// What a value is while it is interpreted: an integer or index, a float, an array.
using RuntimeValue = std::variant<int64_t, double, TensorRef>;
/// Values from above; null when the interpreter does not know one.
using Lookup = llvm::function_ref<const RuntimeValue *(mlir::Value)>;

/// The slots while a block of positions is evaluated.
struct Frame {
  int64_t *ints;
  double *floats;
  int64_t count;
  const uint8_t *live; // null: all
  int64_t fault = -1;  // first position where an op is undefined
  std::string why;
  bool isLive(int64_t k) const { return !live || live[k]; }
};

struct Instruction;
using Kernel = std::function<void(const Instruction &, Frame &)>;

struct Instruction {
  Kernel kernel;
  unsigned result = 0;
  llvm::SmallVector<unsigned, 3> operands; // slots
  unsigned operandWidth = 0;               // bits of the first operand, when it is an integer
  unsigned resultWidth = 0;                // bits of the result, when it is an integer
  int64_t predicate = 0;                   // of comparisons
  TensorRef array;                         // of element reads
  mlir::Operation *op = nullptr;
};

class RegionProgram {
public:
  /// Positions evaluated together.
  static constexpr int64_t kBlock = 256;

  /// A region of attn.attention, (b, h, i, j) or (s, b, h, i, j), or of attn.linear_attention, (x).
  static mlir::FailureOr<RegionProgram> compile(mlir::Region &region, Lookup lookup);
  /// A single scalar op outside of any region.
  static mlir::FailureOr<RegionProgram> compile(mlir::Operation *op, Lookup lookup);

  /// Keys [j, j + count) for one query position, count <= kBlock.
  struct Positions {
    int64_t b, h, i, j, count;
  };
  /// `scores` is null for masks. Where `live` is zero nothing is an error and the result means nothing.
  mlir::LogicalResult run(const Positions &at, const double *scores = nullptr, const uint8_t *live = nullptr);
  const int64_t *ints() const { return &intSlots[result * kBlock]; }
  const double *floats() const { return &floatSlots[result * kBlock]; }
  bool isFloatResult() const { return floatResult; }

private:
  mlir::FailureOr<unsigned> slotOf(mlir::Value value, mlir::Operation *user, Lookup lookup);
  mlir::LogicalResult add(mlir::Operation &op, Lookup lookup);
  mlir::LogicalResult addRead(mlir::Operation &op, mlir::Value array, mlir::ValueRange indices, Lookup lookup);
  unsigned newSlot();
  mlir::LogicalResult reportFault(const Instruction &instruction, const Frame &frame, const Positions &at) const;

  std::vector<Instruction> code;
  std::vector<int64_t> intSlots; // kBlock values for each slot; a slot uses one of the two
  std::vector<double> floatSlots;
  unsigned slotCount = 0;
  unsigned result = 0;
  bool floatResult = false;
  bool hasScore = false; // or x: a number comes first
  bool hasPositions = false;
  llvm::DenseMap<mlir::Value, unsigned> slots;
};

/// The bits of an integer or index type, 0 for others.
unsigned integerWidth(mlir::Type type);

} // namespace fovea::reference

#endif
