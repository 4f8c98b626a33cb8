/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Runs an object of kernels.mlir by the ABI alone, without a runtime, and compares with attention in double: a row of
 * scores, its maximum, the weights, the sums. The bound per element is that of fovea/Reference/Reference.h:
 *
 *   |out - ref| <= 4 (eps sqrt(n) + eps S + eps) sum_j p_j |v_j| + tiny
 *
 * with S = sqrt(Dk) |scale| max |q| |k_j|, or sqrt(Dk) sum |w| of additive scores, which is not below the S there. */
#include "fovea/fovea_abi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const fovea_module_table fovea_module_kernels;

enum { kQuery, kKey, kValue, kTensors };
enum { kExtraRoom = 64, kMostColumns = 64 };
static const double kEpsilon = 0x1p-24, kTiny = 0x1p-126;

typedef struct {
  const char *name;
  int is_bnhd;
  int is_softcap;
  int is_additive;
  int (*sees)(int64_t i, int64_t j);
} meaning;

static int everything(int64_t i, int64_t j) { return 1; }
static int causal(int64_t i, int64_t j) { return i >= j; }
static int64_t kWindow = 20;
static int window(int64_t i, int64_t j) { return i >= j && i - j < kWindow; }
static int even(int64_t i, int64_t j) { return (i - j) % 2 == 0; }
static const double kCap = 2;

static const meaning kMeanings[] = {{"full", 0, 0, 0, everything}, {"causal", 0, 0, 0, causal},
                                    {"window", 1, 0, 0, window},   {"softcap", 1, 1, 0, causal},
                                    {"narrow", 0, 0, 0, even},     {"additive", 0, 0, 1, causal}};

typedef struct {
  int64_t batches, heads, kv_heads, queries, keys;
  int64_t gap; /* elements between rows, beyond the dense ones */
} sizes;

static const sizes kSizes[] = {{2, 4, 2, 33, 65, 0}, {1, 1, 1, 64, 64, 0}, {1, 3, 1, 50, 257, 5},
                               {2, 3, 3, 1, 300, 1}, {1, 2, 1, 97, 1, 0},  {1, 1, 1, 260, 30, 3}};

/* ---- tensors: [B, H, N, D] by strides ---- */

typedef struct {
  float *data;
  int64_t size[4], stride[4]; /* b, h, n, d */
} tensor;

static uint64_t gState = 1;
static double uniform(void) {
  gState = gState * 6364136223846793005u + 1442695040888963407u;
  return (double)(gState >> 11) * 0x1p-53;
}
static float normal(void) { return (float)(sqrt(-2 * log(1 - uniform())) * cos(2 * M_PI * uniform())); }

static tensor make(int64_t b, int64_t h, int64_t n, int64_t d, int64_t gap, int is_bnhd) {
  tensor t = {NULL, {b, h, n, d}, {0, 0, 0, 1}};
  int64_t row = d + gap, count = b * h * n * row;
  t.stride[0] = h * n * row;
  t.stride[1] = is_bnhd ? row : n * row;
  t.stride[2] = is_bnhd ? h * row : row;
  t.data = malloc((size_t)(count ? count : 1) * sizeof(float));
  for (int64_t k = 0; k < count; ++k)
    t.data[k] = NAN; /* what nobody writes must not be read */
  return t;
}

static float *at(const tensor *t, int64_t b, int64_t h, int64_t n, int64_t d) {
  return &t->data[b * t->stride[0] + h * t->stride[1] + n * t->stride[2] + d * t->stride[3]];
}

static void fill(tensor *t) {
  for (int64_t b = 0; b < t->size[0]; ++b)
    for (int64_t h = 0; h < t->size[1]; ++h)
      for (int64_t n = 0; n < t->size[2]; ++n)
        for (int64_t d = 0; d < t->size[3]; ++d)
          *at(t, b, h, n, d) = normal();
}

/* In the order of the module's dimensions; the log-sum-exp has three. */
static fovea_value valueOf(const tensor *t, int rank, int is_bnhd) {
  fovea_value value;
  memset(&value, 0, sizeof(value));
  value.as.data = t->data;
  for (int d = 0; d < rank; ++d) {
    int from = is_bnhd && rank == 4 && (d == 1 || d == 2) ? 3 - d : d;
    value.sizes[d] = t->size[from];
    value.strides[d] = t->stride[from];
  }
  return value;
}

/* ---- the reference, one row ---- */

static double gWorst = 0;

/* A NaN must be where the reference has one, and only there. */
static int agree(double got, double want, double bound) {
  if (isnan(want) || isinf(want))
    return isnan(want) ? isnan(got) : got == want;
  double ratio = fabs(got - want) / bound;
  if (!(ratio <= 1))
    return 0;
  gWorst = ratio > gWorst ? ratio : gWorst;
  return 1;
}

static double length(const tensor *t, int64_t b, int64_t h, int64_t n) {
  double sum = 0;
  for (int64_t d = 0; d < t->size[3]; ++d)
    sum += (double)*at(t, b, h, n, d) * *at(t, b, h, n, d);
  return sqrt(sum);
}

/* Of additive scores, for every head. */
static float gWeights[kMostColumns];

static double scoreOf(const meaning *m, const tensor *q, const tensor *k, int64_t b, int64_t h, int64_t i, int64_t kv,
                      int64_t j) {
  double score = 0;
  for (int64_t d = 0; d < q->size[3]; ++d) {
    double x = *at(q, b, h, i, d), y = *at(k, b, kv, j, d);
    score += m->is_additive ? gWeights[d] * tanh(x + y) : x * y;
  }
  return m->is_additive ? score : score / sqrt((double)q->size[3]);
}

static int checkRow(const meaning *m, const tensor *t, const tensor *out, const tensor *lse, int64_t b, int64_t h,
                    int64_t i) {
  const tensor *q = &t[kQuery], *k = &t[kKey], *v = &t[kValue];
  int64_t keys = k->size[2], kv = h / (q->size[1] / k->size[1]), seen = 0;
  double maximum = -INFINITY, sum = 0, largest = 0, size = length(q, b, h, i), weights = 0;
  double *weight = malloc((size_t)keys * sizeof(double));
  for (int64_t j = 0; j < keys; ++j) {
    weight[j] = -INFINITY;
    if (!m->sees(i, j))
      continue;
    double score = scoreOf(m, q, k, b, h, i, kv, j), key_length = length(k, b, kv, j);
    weight[j] = m->is_softcap ? kCap * tanh(score / kCap) : score;
    maximum = weight[j] > maximum || isnan(weight[j]) ? weight[j] : maximum;
    largest = key_length > largest ? key_length : largest;
    ++seen;
  }
  for (int64_t j = 0; j < keys; ++j)
    sum += weight[j] = weight[j] == -INFINITY ? 0 : exp(weight[j] - maximum);
  for (int64_t d = 0; d < q->size[3]; ++d)
    weights += fabs(gWeights[d]);
  size = m->is_additive ? sqrt((double)q->size[3]) * weights : size * largest; /* scale sqrt(Dk) is 1 */
  double relative = 4 * kEpsilon * (sqrt((double)seen) + size + 1);
  double wanted = seen ? maximum + log(sum) : -INFINITY;
  int good = agree(*at(lse, b, h, i, 0), wanted, relative * (1 + fabs(wanted)) + kTiny);
  for (int64_t d = 0; d < v->size[3]; ++d) {
    double mean = 0, absolute = 0;
    for (int64_t j = 0; j < keys; ++j)
      if (m->sees(i, j)) {
        mean += weight[j] / sum * *at(v, b, kv, j, d);
        absolute += weight[j] / sum * fabs(*at(v, b, kv, j, d));
      }
    good &= agree(*at(out, b, h, i, d), mean, relative * absolute + kTiny);
  }
  free(weight);
  return good;
}

/* ---- one call ---- */

static void fail(const char *what, const char *kernel, const sizes *s) {
  printf("FAILED %s: %s, B=%d Hq=%d Hkv=%d Nq=%d Nk=%d gap=%d\n", kernel, what, (int)s->batches, (int)s->heads,
         (int)s->kv_heads, (int)s->queries, (int)s->keys, (int)s->gap);
  exit(1);
}

static void call(const fovea_kernel_table *kernel, const fovea_value *values, const sizes *s) {
  int64_t count = 0;
  if (kernel->plan(values, NULL, 0, &count) != 0)
    fail("the plan refuses", kernel->name, s);
  fovea_task *tasks = calloc((size_t)count + 1, sizeof(fovea_task));
  int64_t again = 0;
  if (kernel->plan(values, tasks, count, &again) != 0 || again != count)
    fail("two plans differ", kernel->name, s);
  size_t bytes = ((size_t)kernel->arena_bytes + 63) / 64 * 64;
  char *arena = memset(aligned_alloc(64, bytes), 0xFF, bytes); /* NaN, in every element */
  for (int64_t k = 0; k < count; ++k)
    if (kernel->task(values, &tasks[k], arena) != 0)
      fail("a task fails", kernel->name, s);
  free(arena);
  free(tasks);
}

enum { kClean, kInfiniteValue, kNaNKey, kRounds };

/* What a mask hides may be anything; rows that see it show it, as the formula says. */
static void poison(tensor *t, int round) {
  if (round == kInfiniteValue)
    *at(&t[kValue], 0, 0, t[kValue].size[2] - 1, 0) = INFINITY;
  if (round == kNaNKey)
    *at(&t[kKey], 0, 0, 0, 0) = NAN;
}

static void run(const meaning *m, const fovea_kernel_table *kernel, const sizes *s, int round) {
  fovea_value values[kExtraRoom];
  tensor t[kTensors], out, lse;
  int64_t dk = kernel->params[kQuery].sizes[3], dv = kernel->params[kValue].sizes[3];
  t[kQuery] = make(s->batches, s->heads, s->queries, dk, s->gap, m->is_bnhd);
  t[kKey] = make(s->batches, s->kv_heads, s->keys, dk, s->gap, m->is_bnhd);
  t[kValue] = make(s->batches, s->kv_heads, s->keys, dv, s->gap, m->is_bnhd);
  out = make(s->batches, s->heads, s->queries, dv, s->gap, m->is_bnhd);
  lse = make(s->batches, s->heads, s->queries, 1, 0, 0);
  memset(values, 0, sizeof(values));
  for (int k = 0; k < kTensors; ++k) {
    fill(&t[k]);
    values[k] = valueOf(&t[k], 4, m->is_bnhd);
  }
  poison(t, round);
  uint32_t next = kTensors;
  for (; next < kernel->num_params && !(kernel->params[next].flags & FOVEA_PARAM_OUTPUT); ++next)
    if (kernel->params[next].kind == FOVEA_PARAM_TENSOR) {
      values[next] = (fovea_value){.as.data = gWeights, .sizes = {s->heads, dk}, .strides = {0, 1}};
      for (int64_t d = 0; d < dk; ++d)
        gWeights[d] = normal();
    } else if (kernel->params[next].kind == FOVEA_PARAM_INT)
      values[next].as.i = kWindow;
    else
      values[next].as.f = kCap;
  values[next] = valueOf(&out, 4, m->is_bnhd);
  values[next + 1] = valueOf(&lse, 3, 0);
  call(kernel, values, s);
  for (int64_t b = 0; b < s->batches; ++b)
    for (int64_t h = 0; h < s->heads; ++h)
      for (int64_t i = 0; i < s->queries; ++i)
        if (!checkRow(m, t, &out, &lse, b, h, i))
          fail("a row is wrong", kernel->name, s);
  for (int k = 0; k < kTensors; ++k)
    free(t[k].data);
  free(out.data);
  free(lse.data);
}

int main(void) {
  const fovea_module_table *module = &fovea_module_kernels;
  if (module->magic != FOVEA_ABI_MAGIC || module->abi_version != FOVEA_ABI_VERSION)
    return printf("FAILED: a table of another ABI\n"), 1;
  uint32_t kernels = 0;
  for (uint32_t k = 0; k < module->num_kernels; ++k)
    for (size_t n = 0; n < sizeof(kMeanings) / sizeof(*kMeanings); ++n)
      if (!strcmp(module->kernels[k].name, kMeanings[n].name)) {
        ++kernels;
        for (size_t s = 0; s < sizeof(kSizes) / sizeof(*kSizes); ++s)
          for (int round = 0; round < (s == 0 ? kRounds : 1); ++round)
            run(&kMeanings[n], &module->kernels[k], &kSizes[s], round);
      }
  printf("%d of %d kernels right, worst error %.3f of its bound (%s)\n", (int)kernels, (int)module->num_kernels, gWorst,
         module->build_id);
  return 0;
}
