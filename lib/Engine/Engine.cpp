// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Engine/Engine.h"

#include "GpuCode.h"
#include "Jit.h"
#include "fovea/Target/CPU/EmitObject.h"

using namespace fovea;

static constexpr llvm::StringLiteral kTableSymbol = "fovea_module_jit";

/// Null after an error.
static std::unique_ptr<JitCode> compileAndLink(llvm::StringRef text, const CompileOptions &options,
                                               fovea_compile_times &times, CompileError &error) {
  Compilation compilation(options, times, error);
  if (!compilation.run(text, kTableSymbol, /*toRunHere=*/true))
    return nullptr;
  std::optional<GpuImage> image;
  if (compilation.isForGpu()) {
    image = emitImage(compilation);
    times.codegen = compilation.lap();
    if (!image || !compilation.addHost(*image, kTableSymbol))
      return nullptr;
  }
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> object =
      emitCode(compilation.getModule(), compilation.getMachine(), llvm::CodeGenFileType::ObjectFile);
  times.codegen += compilation.lap();
  if (!object) {
    compilation.fail(FOVEA_INTERNAL, object.takeError());
    return nullptr;
  }
  llvm::Expected<std::unique_ptr<JitCode>> code = JitCode::link(std::move(*object), kTableSymbol);
  times.link = compilation.lap();
  if (!code) {
    compilation.fail(FOVEA_INTERNAL, code.takeError());
    return nullptr;
  }
  return std::move(*code);
}

fovea_module *fovea::compile(llvm::StringRef text, const CompileOptions &options, fovea_compile_times &times,
                             CompileError &error) {
  times = {};
  Stopwatch total;
  std::unique_ptr<JitCode> code = compileAndLink(text, options, times, error);
  times.total = total.lap();
  if (!code)
    return nullptr;
  fovea_module *module = nullptr;
  fovea_error *reason = nullptr;
  error.status = fovea_module_create(
      code->table(), code.get(), [](void *owner) { delete static_cast<JitCode *>(owner); }, &module, &reason);
  if (error.status != FOVEA_OK) {
    error.message = fovea_error_message(reason);
    fovea_error_destroy(reason);
    return nullptr;
  }
  code.release();
  return module;
}
