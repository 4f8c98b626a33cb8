/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * From MLIR text to a callable module, in process. This is the door with LLVM inside; what it returns is used through
 * fovea.h alone. */
#ifndef FOVEA_COMPILE_H
#define FOVEA_COMPILE_H

#include "fovea/fovea.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Wall time of one compilation, milliseconds, in order. */
typedef struct fovea_compile_times {
  double context;   /* dialect registration and MLIR context */
  double parse;     /* text to attn */
  double passes;    /* phases 2 to 7 and the conversion to the LLVM dialect */
  double translate; /* LLVM dialect to LLVM IR */
  double optimize;  /* LLVM pass pipeline */
  double codegen;   /* LLVM IR to object */
  double link;      /* object to callable */
  double total;
} fovea_compile_times;

/* One decision of the compiler, or something that it proved or could not. Strings live for the duration of the call. */
typedef struct fovea_remark {
  const char *kind;     /* "passed", "missed", "failure" or "analysis" */
  const char *name;     /* what it is about, "Schedule" or "VisibleKeys" */
  const char *text;     /* for people */
  const char *location; /* "NAME:LINE:COL" in the source, or "" */
} fovea_remark;

typedef struct fovea_compile_options {
  uint32_t struct_size;       /* sizeof(fovea_compile_options) */
  const char *target;         /* "host" (default), "loops", "cpu:ARCH[+feature...]", "cuda:sm_80", "sim:sm_80" */
  const char *source_name;    /* for locations; default "<mlir>" */
  const char *from_phase;     /* NULL, or the phase the module is in ("schedule"), by name or number; api.md's ladder */
  const char *dump_directory; /* NULL, or an existing directory for numbered dumps of every phase */
  fovea_compile_times *times; /* NULL, or filled on success */
  void (*remark)(void *user, const fovea_remark *remark); /* NULL, or called for each, in order, while compiling */
  void *remark_user;
} fovea_compile_options;

/* Thread-safe. `mlir` need not be zero-terminated. Kernels are the public functions of the module, each with one
 * attention op. Compiling for a GPU needs neither GPU nor driver. It calls the program `ptxas`, which is looked for in
 * PATH, CUDA_HOME, CUDA_PATH, /usr/local/cuda and the Python package nvidia-cuda-nvcc; without one the module holds
 * PTX, a remark says so, and the driver assembles it. */
FOVEA_API fovea_status fovea_compile(const char *mlir, size_t bytes, const fovea_compile_options *options,
                                     fovea_module **module, fovea_error **error);

#ifdef __cplusplus
}
#endif
#endif
