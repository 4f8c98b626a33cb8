// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs straight-line arith code, scf.for and scf.if on numbers, fast enough to try a mask at millions of points. The
// meaning is that of the ops at their bit width, with wrap-around; index has 64 bits.
#ifndef FOVEA_TEST_UNIT_ANALYSIS_EVALUATOR_H
#define FOVEA_TEST_UNIT_ANALYSIS_EVALUATOR_H

#include "mlir/IR/Block.h"
#include "mlir/IR/ValueRange.h"
#include "llvm/ADT/DenseMap.h"
#include <map>
#include <vector>

namespace fovea::attn {
class SummaryOp;
}

namespace fovea::test {

/// What a memref holds: integers, or the bits of f32. Outside it a mask reads 0; other code must not.
struct Buffer {
  std::vector<int64_t> data, sizes, strides;
  bool isFloat = false;

  /// Row-major, all 0.
  static Buffer zeros(std::vector<int64_t> sizes, bool isFloat = false);
  /// The address of an element, or null outside.
  const int64_t *at(llvm::ArrayRef<int64_t> indices) const;
};

/// One op on slots. Integers are kept sign-extended, i1 as 0 or 1, f32 as bits.
struct Instruction {
  enum Code {
    Constant,
    Copy,
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    ShL,
    ShRS,
    ShRU,
    MinS,
    MaxS,
    MinU,
    MaxU,
    DivS,
    DivU,
    FloorDiv,
    CeilDivS,
    CeilDivU,
    RemS,
    RemU,
    Abs,
    Compare,
    Select,
    ZeroExtend,
    ToFloat,
    FloatCompare,
    LeadingZeros,
    Load,
    Sizes,
    Summary,
    If,
    Loop
  };
  Code code;
  unsigned width = 64; // of the result; of the operands for Compare and ZeroExtend
  unsigned result = 0, a = 0, b = 0, c = 0;
  int64_t immediate = 0;           // constant, predicate, or index of the loop, branch or summary
  std::vector<unsigned> more = {}; // indices of Load, results of Sizes
};

class Program {
public:
  /// Values used but not defined in `block` are inputs; the terminator's operands are the outputs.
  explicit Program(mlir::Block &block);

  void set(mlir::Value input, int64_t value) { slots[slotOf(input)] = value; }
  /// A memref that is not bound is a table without end; see tableValue.
  void bind(mlir::Value memref, const Buffer &buffer) { buffers[slotOf(memref)] = buffer; }
  /// Makes reading outside a buffer a trap, as it is in code that was lowered.
  void forbidReadsOutside() { readsOutsideTrap = true; }
  /// False if the code traps here: division by zero or out of range.
  bool run() {
    poisoned = false;
    return run(code);
  }
  /// Whether the last run shifted by more than the width.
  bool isPoisoned() const { return poisoned; }
  int64_t output(unsigned index) const { return slots[outputs[index]]; }
  unsigned slotOf(mlir::Value value);
  int64_t &at(unsigned slot) { return slots[slot]; }

private:
  using Code = std::vector<Instruction>;
  struct Loop {
    Code body;
    unsigned induction;
    std::vector<unsigned> initial, carried, yielded, results;
  };

  struct Branch {
    Code yes, no;
    std::vector<unsigned> yielded, otherwise, results;
  };
  struct Summarized {
    int32_t kind;
    std::vector<int64_t> dims, grains;
  };

  Code compile(mlir::Block &block);
  void compileLoop(mlir::Operation *op, Code &code);
  void compileBranch(mlir::Operation *op, Code &code);
  void compileSummary(attn::SummaryOp op, Code &code);
  std::vector<unsigned> slotsOf(mlir::ValueRange values);
  bool run(const Code &code);
  bool run(const Instruction &instruction);
  bool runLoop(const Instruction &instruction);
  bool runBranch(const Instruction &instruction);
  bool runLoad(const Instruction &instruction);
  void runSummary(const Instruction &instruction);

  llvm::DenseMap<mlir::Value, unsigned> slotOfValue;
  std::vector<int64_t> slots;
  std::vector<Loop> loops;
  std::vector<Branch> branches;
  std::vector<Summarized> summaries;
  std::map<unsigned, Buffer> buffers; // of slots
  std::vector<unsigned> outputs;
  Code code;
  bool poisoned = false, readsOutsideTrap = false;
};

/// The index at which a table of two axes has element [x, y].
inline int64_t matrixIndex(int64_t x, int64_t y) { return x * 100003 + y; }

/// What a table that starts at `seed` holds at `index`; mostly small, sometimes extreme, as wide as asked; eight bits
/// hold truth values.
int64_t tableValue(int64_t seed, int64_t index, unsigned width);

} // namespace fovea::test

#endif
