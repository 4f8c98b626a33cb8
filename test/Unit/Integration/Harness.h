// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Compile, call, compare with the reference.
#ifndef FOVEA_TEST_UNIT_INTEGRATION_HARNESS_H
#define FOVEA_TEST_UNIT_INTEGRATION_HARNESS_H

#include "ModuleText.h"
#include "fovea/Reference/Reference.h"
#include "fovea/fovea_compile.h"
#include "mlir/IR/OwningOpRef.h"
#include "gtest/gtest.h"

#include <memory>

namespace fovea::test {

using reference::DType;
using reference::HostTensor;
using reference::TensorRef;
using Shape = std::vector<int64_t>;

/// Sizes of one attention.
struct Sizes {
  int64_t batches = 1, heads = 1, kvHeads = 1, queries = 1, keys = 1;
};
std::string describe(const Sizes &sizes);

/// Portable pseudo-random numbers (splitmix64): a seed means the same everywhere.
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t bits();
  int64_t below(int64_t n) { return int64_t(bits() % uint64_t(n)); } // 0 .. n - 1
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool chance(int percent) { return below(100) < percent; }
  double uniform() { return double(bits() >> 11) * 0x1p-53; } // [0, 1)
  float normal();
  template <typename T> const T &pick(const std::vector<T> &from) { return from[below(int64_t(from.size()))]; }

private:
  uint64_t state;
};

TensorRef integer(int64_t value);
TensorRef real(double value);
TensorRef ints(Shape shape, const std::vector<int32_t> &values);
TensorRef floats(Shape shape, const std::vector<float> &values);
TensorRef normal(Shape shape, Random &random);
/// Query, key, value of a layout.
std::vector<TensorRef> normalInputs(const Spec &spec, const Sizes &sizes, Random &random);
/// Row-major position of (b, h, n, d) in a tensor of four dimensions.
int64_t positionOf(const std::string &layout, const Shape &shape, int64_t b, int64_t h, int64_t n, int64_t d);

/// The module's text as the reference reads it.
class Oracle {
public:
  explicit Oracle(const std::string &text);
  ~Oracle();
  mlir::func::FuncOp function() { return main; }
  /// No outputs after an error, which is a test failure.
  reference::Evaluation evaluate(llvm::ArrayRef<TensorRef> inputs);

private:
  mlir::OwningOpRef<mlir::Operation *> module;
  mlir::func::FuncOp main;
};

struct CompileRequest {
  std::string target = "host", fromPhase, dumpDirectory;
};

/// A compiled module with one kernel. One that does not compile is a test failure, and false.
class Kernel {
public:
  explicit Kernel(const std::string &text, const CompileRequest &request = {});
  Kernel(const Kernel &) = delete;
  ~Kernel() { fovea_module_release(module); }
  explicit operator bool() const { return kernel; }
  const fovea_kernel *get() const { return kernel; }

private:
  fovea_module *module = nullptr;
  const fovea_kernel *kernel = nullptr;
};

/// Compiles what was not compiled before in this process: many tests ask for the same module.
const Kernel &compiled(const std::string &text, const std::string &target = "host");

/// The arguments of one call, each array with canaries before and after: what is read there is NaN, and what is written
/// there is noticed.
class Call {
public:
  /// Inputs in the order of the function's arguments, shapes in the order of its results.
  Call(const Kernel &kernel, llvm::ArrayRef<TensorRef> inputs, llvm::ArrayRef<Shape> outputs);
  Call(const Call &) = delete;
  ~Call() { fovea_plan_destroy(thePlan); }

  /// OK, or the status, with its message in `message`.
  fovea_status plan(uint32_t slots = 1);
  fovea_status run();
  /// The same from one thread per slot.
  fovea_status runSlots();
  const fovea_plan *get() const { return thePlan; }
  fovea_plan_stats stats() const;
  std::vector<fovea_task> tasks() const;
  std::string message;

  /// Output `index`, after its canaries were looked at.
  HostTensor output(size_t index) const;
  std::vector<HostTensor> outputs() const;
  /// What the call is made with; tests may change it before plan().
  DLTensor &tensor(size_t parameter) { return arrays[parameter].view; }
  std::vector<fovea_arg> args;
  void *workspaceMemory() { return workspace.data(); }

private:
  struct Array {
    std::vector<char, reference::CacheLineAllocator<char>> bytes;
    Shape shape;
    DType dtype = DType::F32;
    DLTensor view = {};
  };
  void addArray(const HostTensor &tensor);
  void addOutput(const Shape &shape);

  const Kernel &kernel;
  size_t inputCount;
  std::vector<Array> arrays;
  std::vector<char, reference::CacheLineAllocator<char>> workspace;
  fovea_plan *thePlan = nullptr;
};

std::vector<Shape> outputShapes(const reference::Evaluation &evaluation);
/// Plans and runs; false is a test failure.
bool execute(Call &call, uint32_t slots = 1);

/// Failure when an output is off by more than its bound; the worst ratio is kept for the report at the end.
testing::AssertionResult matches(const reference::Evaluation &expected, const std::vector<HostTensor> &actual);
/// Plans, runs, and is a failure where the outputs do not match.
void expectMatch(Call &call, const reference::Evaluation &expected);
testing::AssertionResult sameBits(const HostTensor &a, const HostTensor &b);
double worstRatio();

/// Runs the spec in every variant against the reference.
void expectRight(const Spec &spec, llvm::ArrayRef<TensorRef> inputs);

} // namespace fovea::test

#endif
