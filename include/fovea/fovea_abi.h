/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * What compiled code and the runtime agree on. JIT and ahead-of-time code are alike: one data symbol
 * `fovea_module_NAME` of type fovea_module_table, no constructors. Embedders need only fovea.h; this header is for
 * code generators and the runtime. A struct here changes only together with FOVEA_ABI_VERSION. */
#ifndef FOVEA_ABI_H
#define FOVEA_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FOVEA_ABI_MAGIC 0x41564F46u /* "FOVA", little endian */
#define FOVEA_ABI_VERSION 3u
#define FOVEA_MAX_RANK 6

/* One argument as compiled code sees it. Tensor: address of the first element, sizes and strides in elements (strides
 * may be zero or negative; unused tail entries are undefined). Integer (any width, sign-extended) in `i`, float in `f`.
 */
typedef struct fovea_value {
  union {
    void *data;
    int64_t i;
    double f;
  } as;
  int64_t sizes[FOVEA_MAX_RANK];
  int64_t strides[FOVEA_MAX_RANK];
} fovea_value;

/* One unit of work: the query rows of one tile against the key blocks [begin, end) it can see. Tasks of one kernel
 * run in any order, or at once; each output element is written by exactly one task, so the result does not depend on
 * who runs them. A tile may hold rows of several query heads, index[1] being the first.
 *
 * A tile's keys may be cut into pieces, each with a task of its own. Each leaves a partial result, and the last one to
 * arrive writes the output, from all of them in the order of the pieces. Which task that is changes no bit.
 */
typedef struct fovea_task {
  int64_t index[4];      /* sequence, query head, query tile, range of keys */
  int64_t begin;         /* first visible key, a multiple of the key block */
  int64_t end;           /* one past the last visible key; begin == end: these rows see nothing */
  int64_t visited;       /* key blocks that are computed: the task's cost */
  int64_t blocks;        /* key blocks without any mask: blocks - visited were skipped */
  int64_t rows[2];       /* positions of the query rows, [first, one past the last), their offset included */
  int64_t keys;          /* keys of the sequence */
  int64_t key_block;     /* keys of a block */
  int64_t piece;         /* which of the tile's pieces it is, */
  int64_t pieces;        /* and of how many; 1: it has all keys that the tile sees */
  int64_t partial;       /* pieces > 1: the partial result of the tile's first piece; that of piece p is partial + p */
  int64_t partial_bytes; /* of one partial result, a multiple of 64; equal in all tasks of a plan that are pieces */
} fovea_task;

/* In what follows `values` are those of the parameters, then those of the kernel's summaries and then, if it has
 * partials, one for partial results: {n, w} elements of 32 bits, where n is the greatest partial + pieces of a plan's
 * tasks with pieces > 1 and w is partial_bytes / 4. Its memory belongs to one run at a time; the first element of each
 * row is 0 when a run starts, and when it has ended well. */

/* Fills at most `capacity` tasks and always stores the number needed in *count. Reads shapes, scalars and the data of
 * FROZEN tensors; `data` of other tensors may be NULL. Returns 0, or k > 0: the arguments break messages[k - 1]. */
typedef int32_t (*fovea_plan_fn)(const fovea_value *values, fovea_task *tasks, int64_t capacity, int64_t *count);

/* Runs one task. `arena` is private to the caller for the duration, 64-byte aligned, arena_bytes long. Returns 0. */
typedef int32_t (*fovea_task_fn)(const fovea_value *values, const fovea_task *task, char *arena);

enum { FOVEA_TILE_EMPTY = 0, FOVEA_TILE_PARTIAL = 1, FOVEA_TILE_FULL = 2 };

/* What the mask of sequence b and query head h is for the rows [row_begin, row_end) and the keys [key_begin, key_end),
 * as absolute positions: a FOVEA_TILE. Sound, not exact: PARTIAL may be EMPTY or FULL. Keys that do not exist are left
 * out; no rows or no keys are EMPTY. -1: there is no such sequence or head. */
typedef int32_t (*fovea_classify_fn)(const fovea_value *values, int64_t b, int64_t h, int64_t row_begin,
                                     int64_t row_end, int64_t key_begin, int64_t key_end);

enum { FOVEA_PARAM_TENSOR = 0, FOVEA_PARAM_INT = 1, FOVEA_PARAM_FLOAT = 2 };

enum {
  FOVEA_PARAM_OUTPUT = 1, /* written by the kernel */
  FOVEA_PARAM_FROZEN = 2, /* its data decides which tiles are skipped: read at plan time, must keep its content */
  FOVEA_PARAM_SORTED = 4, /* FROZEN integers that do not decrease along the last dimension; checked at plan time */
  FOVEA_PARAM_INDEX = 8   /* FROZEN integers, each an index of the first dimension of parameter `indexed`; likewise */
};

typedef struct fovea_param {
  const char *name;
  int32_t kind;       /* FOVEA_PARAM_TENSOR, _INT or _FLOAT */
  int32_t flags;      /* FOVEA_PARAM_OUTPUT, _FROZEN, _SORTED, _INDEX */
  uint8_t dtype_code; /* DLDataTypeCode of the element or scalar; booleans are kDLUInt with 1 bit in a byte */
  uint8_t dtype_bits; /* index scalars count as 64-bit integers */
  uint16_t rank;      /* 0 for scalars, at most FOVEA_MAX_RANK */
  uint32_t indexed;   /* for FOVEA_PARAM_INDEX, else 0 */
  int64_t sizes[FOVEA_MAX_RANK];    /* static size, or -1 */
  const char *dims[FOVEA_MAX_RANK]; /* dimension name or NULL; dimensions of one name are equal at run time */
} fovea_param;

enum { FOVEA_SUMMARY_RANGE = 0, FOVEA_SUMMARY_COUNT = 1 };

/* A table that a plan makes of a FROZEN tensor of integers or floats, so that the mask's ranges are known without a
 * look at its elements. Its value has the tensor's rank and int64 elements; a dimension that is not summarised has the
 * tensor's size (at least 1). An integer is set if it is not 0, a float if it is greater than -inf.
 *
 * RANGE, one dimension of n elements in B = max(1, ceil(n / grain)) blocks: entry 2 (k B + a) is the least element of
 * the blocks a to a + 2^k - 1, the next one the greatest; k from 0 while 2^k <= B. Of floats: 0 or 1, set or not.
 * COUNT, two dimensions: entry (x, y) is how many elements of the first x by y blocks are set.
 * What holds no elements is 0. The last summarised dimension is dense; others may have stride 0. */
typedef struct fovea_summary {
  uint32_t param;
  int32_t kind;      /* FOVEA_SUMMARY_RANGE or _COUNT */
  int32_t dims[2];   /* ascending; RANGE: the second is -1 */
  int32_t grains[2]; /* elements of a block along each: a power of two; RANGE: the second is 1 */
} fovea_summary;

/* ---- GPUs: NAME_task is an entry point of an image for the driver, NAME_plan and NAME_classify stay the host's ----
 */

/* A parameter as TMA sees it: a map of the whole tensor (cuTensorMapEncodeTiled), in boxes. What a box has beyond the
 * tensor reads as zero. The last dimension has stride 1. The map of an empty tensor is zeros, which nobody reads. */
typedef struct fovea_tensor_map {
  uint32_t param;
  uint32_t swizzle;             /* bytes: 0, 32, 64 or 128 */
  uint32_t box[FOVEA_MAX_RANK]; /* elements along each dimension of the parameter, in its order */
} fovea_tensor_map;

/* Parameters of an entry point, in this order: the fovea_values by value, one after the other; the address of the tasks
 * in device memory; the tensor maps by value, 128 bytes each. The grid has one block per task. */
typedef struct fovea_gpu_entry {
  const char *name;
  const fovea_tensor_map *maps;
  int64_t shared_bytes; /* dynamic shared memory of a block */
  uint32_t threads;     /* of a block */
  uint32_t num_maps;
} fovea_gpu_entry;

enum { FOVEA_GPU_CUBIN = 0, FOVEA_GPU_PTX = 1 };

typedef struct fovea_gpu_code {
  const void *image;
  int64_t image_bytes; /* of PTX, the zero at its end included */
  const char *arch;    /* what it was compiled for, as "sm_90a" */
  const uint32_t
      *aligned; /* tensors that are copied 16 bytes at a time: first element, strides but the last, which is 1 */
  int32_t kind; /* FOVEA_GPU_CUBIN or _PTX */
  uint32_t num_aligned;
  fovea_gpu_entry entry;
  fovea_gpu_entry fallback; /* the same tasks without tensor maps, where TMA refuses an argument; name NULL: none */
} fovea_gpu_code;

#define FOVEA_GPU_MAX_PARAMETER_BYTES 4096 /* of an entry point: sm_80 has no more */

typedef struct fovea_kernel_table {
  const char *name;
  const fovea_param *params;
  const fovea_summary *summaries;
  const char *const *messages; /* what fovea_plan_fn may report */
  fovea_plan_fn plan;
  fovea_task_fn task;
  fovea_classify_fn classify;
  const fovea_gpu_code *gpu; /* NULL: `task` runs on the CPU; else `task` is NULL */
  int64_t arena_bytes;       /* scratch per slot */
  uint32_t num_params;
  uint32_t num_summaries;
  uint32_t num_messages;
  uint32_t has_partials; /* 1: the last value is for partial results */
} fovea_kernel_table;

typedef struct fovea_module_table {
  uint32_t magic;       /* FOVEA_ABI_MAGIC */
  uint32_t abi_version; /* FOVEA_ABI_VERSION */
  const char *build_id; /* compiler version and target, for humans */
  const fovea_kernel_table *kernels;
  uint32_t num_kernels;
  uint32_t reserved;
} fovea_module_table;

#ifdef __cplusplus
}
#endif
#endif
