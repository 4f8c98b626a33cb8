/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Fovea's runtime door: plan once, run many. No LLVM behind it.
 *
 *   fovea_plan_create   validates shapes, derives which key tiles each query tile can see, fixes the task list
 *   fovea_run           computes; no allocation, no lock; may be called concurrently with different workspaces
 *   fovea_run_slot      the same from the host's own threads: each of `slots` calls exactly once, in any order
 *
 * The task list and the arithmetic of each task never depend on the number of slots: results are bit-identical.
 *
 * A kernel for a GPU is used in the same way, with tensors in the memory of one CUDA device. fovea_run launches it on
 * the caller's stream and returns: one launch, no allocation and no synchronisation, so that a CUDA graph can capture
 * it. The driver is loaded when a GPU's kernel is first planned; nothing else needs one.
 *
 * Every function returns a status; on failure, and only then, *error (when the caller passed a place for it) is set to
 * a message that says what would work, owned by the caller. Structs that start with struct_size may grow at their end.
 */
#ifndef FOVEA_H
#define FOVEA_H

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#include "fovea/fovea_abi.h"

#if defined(__GNUC__)
#define FOVEA_API __attribute__((visibility("default")))
#else
#define FOVEA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fovea_status {
  FOVEA_OK = 0,
  FOVEA_INVALID = 1,      /* an argument, a shape or the module text is wrong */
  FOVEA_UNSUPPORTED = 2,  /* right, but not available here (target, dtype, rank) */
  FOVEA_OUT_OF_RANGE = 3, /* sizes whose product overflows, or a slot beyond the plan's */
  FOVEA_NO_DEVICE = 4,
  FOVEA_NO_MEMORY = 5,
  FOVEA_CANCELLED = 6,
  FOVEA_CORRUPT = 7, /* a module table of another ABI, or damaged */
  FOVEA_INTERNAL = 8 /* our bug */
} fovea_status;

typedef struct fovea_module fovea_module; /* immutable, reference counted */
typedef struct fovea_kernel fovea_kernel; /* borrowed from its module */
typedef struct fovea_plan fovea_plan;     /* immutable; keeps its module alive; shared by all layers of a batch */
typedef struct fovea_error fovea_error;

/* ---- errors ---- */
FOVEA_API const char *fovea_status_name(fovea_status status);
FOVEA_API const char *fovea_error_message(const fovea_error *error);
/* Where in the module text, "FILE:LINE:COL", or "" when the error has no place there. */
FOVEA_API const char *fovea_error_location(const fovea_error *error);
FOVEA_API void fovea_error_destroy(fovea_error *error);

/* ---- modules and kernels ---- */
FOVEA_API void fovea_module_retain(fovea_module *module);
FOVEA_API void fovea_module_release(fovea_module *module);
FOVEA_API size_t fovea_module_kernel_count(const fovea_module *module);
FOVEA_API const fovea_kernel *fovea_module_kernel_at(const fovea_module *module, size_t index);
/* `name` NULL: the only kernel. Unknown names are INVALID; the message lists the known ones. */
FOVEA_API fovea_status fovea_module_kernel(fovea_module *module, const char *name, const fovea_kernel **kernel,
                                           fovea_error **error);
FOVEA_API const char *fovea_kernel_name(const fovea_kernel *kernel);
FOVEA_API size_t fovea_kernel_param_count(const fovea_kernel *kernel);
FOVEA_API const fovea_param *fovea_kernel_param(const fovea_kernel *kernel, size_t index);

/* ---- arguments, in the order of the kernel's parameters: inputs, then outputs ---- */
enum { FOVEA_ARG_TENSOR = 0, FOVEA_ARG_INT = 1, FOVEA_ARG_FLOAT = 2 };
typedef struct fovea_arg {
  int32_t kind;
  union {
    /* kDLCPU, or kDLCUDA for a GPU's kernel; strides NULL means row-major; byte_offset honoured; data aligned to its
     * element, or as a GPU's kernel says */
    const DLTensor *tensor;
    int64_t i;
    double f;
  } as;
} fovea_arg;

/* ---- execution ---- */
typedef struct fovea_exec {
  uint32_t struct_size; /* sizeof(fovea_exec) */
  uint32_t slots;       /* workers a run may use; 0: one per hardware thread */
  void *user;
  /* Calls body(ctx, slot) for every slot in [0, n), on any threads, and returns when all have returned. NULL: oneTBB
   * when slots > 1, the calling thread when slots == 1. */
  void (*parallel_for)(void *user, uint32_t n, void (*body)(void *ctx, uint32_t slot), void *ctx);
  const volatile int32_t *cancel; /* polled between tasks; non-zero ends the run with FOVEA_CANCELLED */
  /* A CUstream (or cudaStream_t) of the plan's device; NULL: the legacy default stream. For a GPU's kernel it is all
   * that counts here, beside `cancel`, which is looked at once. May be left out, with struct_size. */
  void *stream;
} fovea_exec;

typedef struct fovea_plan_stats {
  uint32_t struct_size; /* sizeof(fovea_plan_stats), set by the caller */
  uint32_t slots;
  int64_t tasks;
  int64_t blocks;  /* key blocks of all tasks without any mask */
  int64_t visited; /* key blocks that are computed; the rest is skipped */
  /* GPUs: runs so far in which TMA could not describe an argument (a stride of 0 or below, say), so that the kernel's
   * second form ran, without TMA: the same result within the same bounds, not as fast. */
  int64_t fallback_runs;
} fovea_plan_stats;

/* Freezes shapes, integer and float arguments and the tensors the mask reads (FOVEA_PARAM_FROZEN). The data pointer of
 * other tensors may be NULL here. `exec` NULL: one slot.
 *
 * A GPU's kernel: loads its code on the tensors' device, into the calling thread's context if that is on this device,
 * else into its primary context. Copies frozen tensors to the host and the work list to the device, and waits for
 * exec->stream. The plan belongs to this device, and has one slot. */
FOVEA_API fovea_status fovea_plan_create(const fovea_kernel *kernel, const fovea_arg *args, size_t num_args,
                                         const fovea_exec *exec, fovea_plan **plan, fovea_error **error);
FOVEA_API void fovea_plan_destroy(fovea_plan *plan);
FOVEA_API fovea_status fovea_plan_get_stats(const fovea_plan *plan, fovea_plan_stats *stats);
FOVEA_API const fovea_task *fovea_plan_tasks(const fovea_plan *plan, size_t *count); /* largest first */

/* Whether the kernel would skip a rectangle of the mask (FOVEA_TILE_EMPTY), leave out its mask (FOVEA_TILE_FULL) or ask
 * it for every element (FOVEA_TILE_PARTIAL): rows [row_begin, row_end) and keys [key_begin, key_end) of sequence b and
 * query head h, as absolute positions, rows with their offset. Runs nothing. Sound, not exact: what is called PARTIAL
 * may be EMPTY or FULL. Keys that do not exist are left out; no rows or no keys are EMPTY. OUT_OF_RANGE: no such
 * sequence or head. Reads frozen tensors at the addresses that fovea_plan_create was given. */
FOVEA_API fovea_status fovea_plan_classify(const fovea_plan *plan, int64_t b, int64_t h, int64_t row_begin,
                                           int64_t row_end, int64_t key_begin, int64_t key_end, int32_t *result);

/* Bytes of workspace for one call at a time: O(tile) per slot, independent of the sequence length. Of a GPU's plan: bytes
 * of memory on its device, for tiles whose keys are cut; 0 if there are none, and then no workspace is looked at. Runs
 * on one stream follow each other and may share a workspace. */
FOVEA_API size_t fovea_plan_workspace(const fovea_plan *plan);
/* Once per workspace (64-byte aligned); the last arriver of a run leaves it ready for the next. */
FOVEA_API fovea_status fovea_workspace_init(const fovea_plan *plan, void *workspace);

/* All slots. A GPU's plan: launches and returns; what fails later, the stream's next synchronisation says. INVALID when
 * a shape or scalar differs from the plan's. `exec` supplies parallel_for, user and cancel; its slots must be what the
 * plan was asked for, what it got (fovea_plan_stats.slots), or 0. NULL: oneTBB, not cancellable. A plan with one slot
 * runs on the calling thread, without parallel_for. */
FOVEA_API fovea_status fovea_run(const fovea_plan *plan, const fovea_arg *args, size_t num_args, void *workspace,
                                 const fovea_exec *exec, fovea_error **error);
/* One slot of fovea_plan_stats.slots; OUT_OF_RANGE beyond. UNSUPPORTED on a GPU, which has no slots. A cancelled or
 * failing slot still arrives, and ends the run for the others; the run is good when every slot returned OK. The next
 * run with this workspace may start when all slots of this one have returned: synchronising that is the host's part. */
FOVEA_API fovea_status fovea_run_slot(const fovea_plan *plan, const fovea_arg *args, size_t num_args, void *workspace,
                                      uint32_t slot, const volatile int32_t *cancel, fovea_error **error);

/* ---- GPUs, for tools: a program that has its own way to the driver needs none of this ---- */
typedef struct fovea_device fovea_device;
typedef struct fovea_device_info {
  uint32_t struct_size; /* sizeof(fovea_device_info), set by the caller */
  int32_t major, minor; /* compute capability */
  int32_t multiprocessors;
  int64_t shared_bytes; /* that a block may have */
  char name[128];
} fovea_device_info;

/* Loads the driver. NO_DEVICE: there is none, or no GPU number `ordinal`. In the context that plans use. */
FOVEA_API fovea_status fovea_device_open(int32_t ordinal, fovea_device **device, fovea_error **error);
FOVEA_API void fovea_device_close(fovea_device *device);
FOVEA_API fovea_status fovea_device_get_info(const fovea_device *device, fovea_device_info *info);
FOVEA_API fovea_status fovea_device_alloc(const fovea_device *device, size_t bytes, void **memory, fovea_error **error);
FOVEA_API void fovea_device_free(const fovea_device *device, void *memory);
/* Each waits until the stream is done. What was launched before and failed is reported here. */
FOVEA_API fovea_status fovea_device_upload(const fovea_device *device, void *to, const void *from, size_t bytes,
                                           void *stream, fovea_error **error);
FOVEA_API fovea_status fovea_device_download(const fovea_device *device, void *to, const void *from, size_t bytes,
                                             void *stream, fovea_error **error);
FOVEA_API fovea_status fovea_device_synchronize(const fovea_device *device, void *stream, fovea_error **error);
/* Milliseconds on the device between events before and after what `body` puts on the stream; waits for it. */
FOVEA_API fovea_status fovea_device_time(const fovea_device *device, void *stream, void (*body)(void *ctx), void *ctx,
                                         float *milliseconds, fovea_error **error);

/* ---- for code generators ---- */
/* Wraps a module table. On success the module owns `owner` and calls destroy(owner) with its last reference (destroy
 * may be NULL); on failure (CORRUPT: wrong magic or ABI) the caller keeps it. */
FOVEA_API fovea_status fovea_module_create(const fovea_module_table *table, void *owner, void (*destroy)(void *owner),
                                           fovea_module **module, fovea_error **error);
FOVEA_API fovea_error *fovea_error_create(fovea_status status, const char *message, const char *location);

#ifdef __cplusplus
}
#endif
#endif
