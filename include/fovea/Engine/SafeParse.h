// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Text from outside becomes a module, or an error with a place. The stock parser recurses on nesting and on affine sums
// and overflows the stack on a few hundred kilobytes of brackets; here such text is refused before it is parsed.
#ifndef FOVEA_ENGINE_SAFEPARSE_H
#define FOVEA_ENGINE_SAFEPARSE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>

namespace fovea {

inline constexpr size_t kMaxModuleBytes = size_t(64) << 20;
inline constexpr int kMaxNesting = 256;         // of ( [ { < together
inline constexpr size_t kMaxAffineBytes = 4096; // of one affine_map or affine_set: its operators nest without brackets

/// Null on failure, with the first error in `errorMessage` (its notes follow on their own lines) and "NAME:LINE:COL" in
/// `errorLocation`; nothing is printed. Bytecode is refused: its reader does not survive damaged input.
mlir::OwningOpRef<mlir::ModuleOp> parseModule(llvm::StringRef text, llvm::StringRef name, mlir::MLIRContext &context,
                                              std::string &errorMessage, std::string &errorLocation);

} // namespace fovea

#endif
