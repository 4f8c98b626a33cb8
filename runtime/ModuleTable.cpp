// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module table may come from a file or from another version of the compiler: what the runtime relies on is looked at
// once, here, and never again.
#include "Module.h"
#include "Summaries.h"
#include "Workspace.h"

#include <cstring>
#include <utility>

using namespace fovea;

template <typename... Pieces> static Status corrupt(const Pieces &...pieces) {
  return failure(FOVEA_CORRUPT, "module table: ", pieces...);
}

static std::string inHex(uint32_t number) {
  std::ostringstream text;
  text << "0x" << std::hex << number;
  return text.str();
}

/// nullptr when the parameter can be trusted, else what is wrong with it.
static const char *faultOf(const fovea_param &param) {
  if (!param.name)
    return "has no name";
  const bool tensor = param.kind == FOVEA_PARAM_TENSOR;
  if (!tensor && param.kind != FOVEA_PARAM_INT && param.kind != FOVEA_PARAM_FLOAT)
    return "has an unknown kind";
  if (param.flags & ~(FOVEA_PARAM_OUTPUT | FOVEA_PARAM_FROZEN | FOVEA_PARAM_SORTED | FOVEA_PARAM_INDEX))
    return "has unknown flags";
  if (!tensor && (param.flags != 0 || param.rank != 0))
    return "is a scalar with a rank or flags";
  if ((param.flags & FOVEA_PARAM_OUTPUT) && (param.flags & FOVEA_PARAM_FROZEN))
    return "is both an output and frozen";
  if (param.rank > FOVEA_MAX_RANK)
    return "has too high a rank";
  if (tensor && param.dtype_bits != 1 && (param.dtype_bits == 0 || param.dtype_bits % 8 != 0))
    return "has elements that are not whole bytes";
  if ((param.flags & FOVEA_PARAM_SORTED) && !((param.flags & FOVEA_PARAM_FROZEN) && canBeSorted(param)))
    return "is sorted, but not a frozen array of integers";
  if ((param.flags & FOVEA_PARAM_INDEX) && !((param.flags & FOVEA_PARAM_FROZEN) && canBeSorted(param)))
    return "is an index, but not a frozen array of integers";
  if (param.kind == FOVEA_PARAM_INT && param.dtype_code != kDLInt && param.dtype_code != kDLUInt)
    return "is an integer of a type that is not";
  if (param.kind == FOVEA_PARAM_INT && (param.dtype_bits == 0 || param.dtype_bits > 64))
    return "is an integer without 1 to 64 bits";
  for (uint16_t d = 0; d < param.rank; ++d)
    if (param.sizes[d] < -1)
      return "has a negative size";
  return nullptr;
}

/// The same for a summary.
static const char *faultOf(const fovea_kernel_table &kernel, const fovea_summary &summary) {
  if (summary.param >= kernel.num_params)
    return "is of no parameter";
  const fovea_param &param = kernel.params[summary.param];
  if (param.kind != FOVEA_PARAM_TENSOR || !(param.flags & FOVEA_PARAM_FROZEN) || !canSummarize(param))
    return "is of a parameter that is not frozen, or of elements that it does not know";
  if (summary.kind != FOVEA_SUMMARY_RANGE && summary.kind != FOVEA_SUMMARY_COUNT)
    return "is of an unknown kind";
  const auto [first, second] = std::pair(summary.dims[0], summary.dims[1]);
  const bool isRange = summary.kind == FOVEA_SUMMARY_RANGE;
  if (first < 0 || first >= param.rank || (isRange ? second != -1 : second <= first || second >= param.rank))
    return "has dimensions that the parameter has not";
  for (int32_t grain : summary.grains)
    if (grain < 1 || (grain & (grain - 1)))
      return "has a grain that is not a power of two";
  return nullptr;
}

static const char *faultOf(const fovea_kernel_table &kernel, const fovea_tensor_map &map) {
  if (map.param >= kernel.num_params || kernel.params[map.param].kind != FOVEA_PARAM_TENSOR ||
      kernel.params[map.param].rank < 2 || kernel.params[map.param].rank > 5)
    return "has a tensor map of something that TMA does not know";
  if (map.swizzle != 0 && map.swizzle != 32 && map.swizzle != 64 && map.swizzle != 128)
    return "has a tensor map with an unknown swizzle";
  for (int d = 0; d < kernel.params[map.param].rank; ++d)
    if (map.box[d] < 1 || map.box[d] > 256)
      return "has a tensor map with a box that TMA does not know";
  return nullptr;
}

/// The same for an entry point of a GPU's code.
static const char *faultOf(const fovea_kernel_table &kernel, const fovea_gpu_entry &entry) {
  if (!entry.threads || entry.shared_bytes < 0 || entry.shared_bytes > INT32_MAX)
    return "has no threads, or no sensible shared memory";
  if (entry.num_maps && !entry.maps)
    return "has no tensor maps where it counts some";
  const size_t values = countValues(kernel);
  if (values > FOVEA_GPU_MAX_PARAMETER_BYTES || entry.num_maps > FOVEA_GPU_MAX_PARAMETER_BYTES ||
      values * sizeof(fovea_value) + sizeof(void *) + entry.num_maps * sizeof(cuda::TensorMap) >
          FOVEA_GPU_MAX_PARAMETER_BYTES)
    return "has more parameters than a launch passes";
  for (uint32_t m = 0; m < entry.num_maps; ++m)
    if (const char *fault = faultOf(kernel, entry.maps[m]))
      return fault;
  return nullptr;
}

static const char *faultOf(const fovea_kernel_table &kernel, const fovea_gpu_code &code) {
  int number;
  char suffix;
  if (!code.image || code.image_bytes <= 0 || !cuda::parseArch(code.arch, number, suffix))
    return "has no code, or code for no GPU";
  if (code.kind != FOVEA_GPU_CUBIN && code.kind != FOVEA_GPU_PTX)
    return "has code of an unknown kind";
  if (code.kind == FOVEA_GPU_PTX && static_cast<const char *>(code.image)[code.image_bytes - 1] != 0)
    return "has PTX without an end";
  if (code.num_aligned && !code.aligned)
    return "has no aligned parameters where it counts some";
  for (uint32_t n = 0; n < code.num_aligned; ++n)
    if (code.aligned[n] >= kernel.num_params || kernel.params[code.aligned[n]].kind != FOVEA_PARAM_TENSOR)
      return "wants something aligned that is no tensor";
  if (!code.entry.name)
    return "has no entry point";
  if (const char *fault = faultOf(kernel, code.entry))
    return fault;
  if (!code.fallback.name)
    return nullptr;
  return code.fallback.num_maps ? "has a fallback with tensor maps" : faultOf(kernel, code.fallback);
}

static Status checkKernel(const fovea_kernel_table &kernel) {
  if (!kernel.name || !kernel.plan || !kernel.classify || (!kernel.task && !kernel.gpu))
    return corrupt("a kernel has no name or no code");
  if (kernel.task && kernel.gpu)
    return corrupt("kernel '", kernel.name, "' has code for the CPU and for a GPU");
  if (kernel.arena_bytes < 0)
    return corrupt("kernel '", kernel.name, "' wants ", kernel.arena_bytes, " bytes of scratch");
  if ((kernel.num_params && !kernel.params) || (kernel.num_messages && !kernel.messages) ||
      (kernel.num_summaries && !kernel.summaries))
    return corrupt("kernel '", kernel.name, "' has no parameters, summaries or messages where it counts some");
  if (kernel.has_partials > 1)
    return corrupt("kernel '", kernel.name, "' has partial results ", kernel.has_partials, " times");
  for (uint32_t m = 0; m < kernel.num_messages; ++m)
    if (!kernel.messages[m])
      return corrupt("kernel '", kernel.name, "' has no text for message ", m);
  for (uint32_t p = 0; p < kernel.num_params; ++p)
    if (const char *fault = faultOf(kernel.params[p]))
      return corrupt("parameter ", p, " of kernel '", kernel.name, "' ", fault);
  for (uint32_t p = 0; p < kernel.num_params; ++p) {
    const fovea_param &param = kernel.params[p];
    if ((param.flags & FOVEA_PARAM_INDEX) &&
        (param.indexed >= kernel.num_params || kernel.params[param.indexed].rank == 0))
      return corrupt("parameter ", p, " of kernel '", kernel.name, "' indexes no array");
  }
  for (uint32_t s = 0; s < kernel.num_summaries; ++s)
    if (const char *fault = faultOf(kernel, kernel.summaries[s]))
      return corrupt("summary ", s, " of kernel '", kernel.name, "' ", fault);
  if (kernel.gpu)
    if (const char *fault = faultOf(kernel, *kernel.gpu))
      return corrupt("GPU kernel '", kernel.name, "' ", fault);
  return {};
}

Status fovea::checkModuleTable(const fovea_module_table &table) {
  // Only the first two fields have the same place in every ABI.
  if (table.magic != FOVEA_ABI_MAGIC)
    return corrupt("it starts with ", inHex(table.magic), ", not with ", inHex(FOVEA_ABI_MAGIC),
                   " (\"FOVA\"): no Fovea module");
  if (table.abi_version != FOVEA_ABI_VERSION)
    return corrupt("compiled for ABI ", table.abi_version, ", but this runtime has ABI ", FOVEA_ABI_VERSION,
                   ": compile it again, or use the runtime of that version");
  if (table.num_kernels && !table.kernels)
    return corrupt("no kernels where it counts ", table.num_kernels);
  for (uint32_t k = 0; k < table.num_kernels; ++k) {
    const char *builtBy = table.build_id ? table.build_id : "unknown";
    if (Status status = checkKernel(table.kernels[k]); status.failed())
      return failure(status.code, status.message, " (build ", builtBy, ")");
    for (uint32_t other = 0; other < k; ++other)
      if (!std::strcmp(table.kernels[k].name, table.kernels[other].name))
        return corrupt("two kernels are named '", table.kernels[k].name, "' (build ", builtBy, ")");
  }
  return {};
}
