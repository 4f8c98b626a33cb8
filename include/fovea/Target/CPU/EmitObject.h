// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_TARGET_CPU_EMIT_OBJECT_H
#define FOVEA_TARGET_CPU_EMIT_OBJECT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/Error.h"
#include <memory>

namespace llvm {
class MemoryBuffer;
class Module;
class TargetMachine;
} // namespace llvm

namespace fovea {

struct GpuImage;

/// The one data symbol of a compiled module: fovea_module_table (fovea_abi.h), as constants beside the code. `kernels`
/// is the `fovea.kernels` attribute that --attn-outline-tasks left. With an image, its entry points are the tasks.
void emitModuleTable(llvm::Module &module, mlir::ArrayAttr kernels, llvm::StringRef symbol, llvm::StringRef buildId,
                     const GpuImage *image = nullptr);

/// Few passes: the vector code is already in its final shape, so that more would cost time and gain nothing.
void optimize(llvm::Module &module, llvm::TargetMachine &machine);

/// An ELF object or assembly text.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> emitCode(llvm::Module &module, llvm::TargetMachine &machine,
                                                             llvm::CodeGenFileType type);

/// A C comment with the arguments of one kernel of `fovea.kernels`.
std::string describeArguments(mlir::DictionaryAttr kernel);

/// What a C or C++ program includes to use a module that is linked to it: the table's declaration, and every kernel's
/// arguments in a comment.
std::string moduleHeader(mlir::ArrayAttr kernels, llvm::StringRef symbol, llvm::StringRef target);

} // namespace fovea

#endif
