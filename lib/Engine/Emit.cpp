// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Engine/Emit.h"

#include "Compilation.h"
#include "fovea/Target/CPU/EmitObject.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;

/// Kernels of two files may have one name: only the table is seen by the linker.
static void hideFunctions(llvm::Module &module) {
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
}

static std::string print(const llvm::Module &module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return text;
}

std::optional<EmittedFiles> fovea::emitFiles(llvm::StringRef text, const CompileOptions &options, llvm::StringRef name,
                                             FileKind kind, CompileError &error) {
  fovea_compile_times times = {};
  Compilation compilation(options, times, error);
  std::string symbol = ("fovea_module_" + name).str();
  if (!compilation.run(text, symbol, /*toRunHere=*/false))
    return std::nullopt;
  llvm::Module &module = compilation.getModule();
  module.setModuleIdentifier(options.sourceName);
  hideFunctions(module);
  EmittedFiles files;
  files.header = moduleHeader(compilation.getKernels(), symbol, options.target);
  if (kind == FileKind::LLVMIR) {
    files.code = print(module);
    return files;
  }
  auto type = kind == FileKind::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> code = emitCode(module, compilation.getMachine(), type);
  if (!code) {
    compilation.fail(FOVEA_INTERNAL, code.takeError());
    return std::nullopt;
  }
  files.code = (*code)->getBuffer().str();
  return files;
}
