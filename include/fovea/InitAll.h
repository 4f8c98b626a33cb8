// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a program registers to work with Fovea modules: our dialect, the upstream dialects the ladder passes through,
// their interfaces and their translations to LLVM IR. Only these, so that starting up costs milliseconds.
#ifndef FOVEA_INIT_ALL_H
#define FOVEA_INIT_ALL_H

namespace mlir {
class DialectRegistry;
}

namespace fovea {

void registerDialects(mlir::DialectRegistry &registry);

/// All passes of the ladder and `--fovea-pipeline`, for tools that parse them from flags.
void registerPasses();

} // namespace fovea

#endif
