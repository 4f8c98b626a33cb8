// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Engine/Engine.h"
#include "fovea/fovea_compile.h"

#include <new>

static const char *orDefault(const char *text, const char *fallback) { return text ? text : fallback; }

extern "C" fovea_status fovea_compile(const char *mlir, size_t bytes, const fovea_compile_options *options,
                                      fovea_module **module, fovea_error **error) {
  auto fail = [&](fovea_status status, const char *message, const char *location) {
    if (error)
      *error = fovea_error_create(status, message, location);
    return status;
  };
  if (!mlir || !module)
    return fail(FOVEA_INVALID, "fovea_compile needs the module's text and a place for the result", "");
  *module = nullptr;
  fovea_compile_options given = {};
  if (options) {
    if (options->struct_size != sizeof(fovea_compile_options))
      return fail(FOVEA_INVALID, "fovea_compile_options.struct_size must be sizeof(fovea_compile_options)", "");
    given = *options;
  }
  try {
    fovea::CompileError reason;
    fovea_compile_times times;
    fovea::CompileOptions request{orDefault(given.target, "host"), orDefault(given.source_name, "<mlir>"),
                                  orDefault(given.from_phase, ""), orDefault(given.dump_directory, ""),
                                  {}};
    if (given.remark)
      request.remark = [&](const fovea_remark &remark) { given.remark(given.remark_user, &remark); };
    *module = fovea::compile(llvm::StringRef(mlir, bytes), request, times, reason);
    if (!*module)
      return fail(reason.status, reason.message.c_str(), reason.location.c_str());
    if (given.times)
      *given.times = times;
    return FOVEA_OK;
  } catch (const std::bad_alloc &) {
    return fail(FOVEA_NO_MEMORY, "out of memory while compiling", "");
  }
}
