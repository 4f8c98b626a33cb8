// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The same file as MLIR: what the reference evaluates, and what it says about sizes.
#ifndef FOVEA_TOOLS_FOVEARUN_PROGRAM_H
#define FOVEA_TOOLS_FOVEARUN_PROGRAM_H

#include "Kernel.h"
#include "Sizes.h"
#include "fovea/Reference/Reference.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace fovea::run {

class Program {
public:
  Program(llvm::StringRef text, llvm::StringRef name);

  /// Finds the kernel's function and which of its arguments each parameter is.
  void bind(const Kernel &kernel);
  /// Dimension names, and what attention ops say about which sizes are equal. Tensor numbers in `sizes` are parameters.
  void describeSizes(const Kernel &kernel, Sizes &sizes);
  /// Errors end the program.
  reference::Evaluation evaluate(llvm::ArrayRef<reference::TensorRef> arguments);
  /// Nothing when the function is something that the reference cannot read.
  std::optional<reference::Work> countWork(llvm::ArrayRef<reference::TensorRef> arguments);
  /// Parameters of the kernel that are outputs, in the reference's order.
  llvm::ArrayRef<unsigned> outputs() const { return outputParams; }

private:
  std::vector<reference::TensorRef> functionArguments(llvm::ArrayRef<reference::TensorRef> arguments) const;
  /// The parameter that holds this value, through casts.
  std::optional<unsigned> paramOf(mlir::Value value);

  std::string name;
  std::string lastError;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  std::vector<unsigned> paramOfArgument; // by function argument
  std::vector<unsigned> outputParams;    // results, then written arguments
};

} // namespace fovea::run

#endif
