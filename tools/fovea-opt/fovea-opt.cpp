// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/InitAll.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

/// MLIR's help is alphabetical and a thousand lines long: ours comes first. Only our passes may be registered yet.
static void printOurPasses() {
  llvm::outs() << "Fovea's passes; --fovea-pipeline runs the whole ladder. MLIR's own options and passes follow.\n\n";
  mlir::printRegisteredPasses();
  llvm::outs() << "\n";
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  fovea::registerDialects(registry);
  fovea::registerPasses();
  llvm::ArrayRef<const char *> arguments(argv, argc);
  if (llvm::is_contained(arguments, llvm::StringRef("--help")) || llvm::is_contained(arguments, llvm::StringRef("-h")))
    printOurPasses();
  mlir::registerAllPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "Fovea optimizer driver\n", registry));
}
