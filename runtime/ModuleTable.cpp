// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module table may come from a file or from another version of the compiler: what the runtime relies on is looked at
// once, here, and never again.
#include "Module.h"
#include "Summaries.h"

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

static Status checkKernel(const fovea_kernel_table &kernel) {
  if (!kernel.name || !kernel.plan || !kernel.task || !kernel.classify)
    return corrupt("a kernel has no name or no code");
  if (kernel.arena_bytes < 0)
    return corrupt("kernel '", kernel.name, "' wants ", kernel.arena_bytes, " bytes of scratch");
  if ((kernel.num_params && !kernel.params) || (kernel.num_messages && !kernel.messages) ||
      (kernel.num_summaries && !kernel.summaries))
    return corrupt("kernel '", kernel.name, "' has no parameters, summaries or messages where it counts some");
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
