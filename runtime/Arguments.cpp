// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Arguments.h"

#include "Describe.h"
#include "Tensor.h"

#include <cstring>
#include <limits>

using namespace fovea;

static std::string describeGiven(const fovea_arg &arg) {
  switch (arg.kind) {
  case FOVEA_ARG_TENSOR:
    return arg.as.tensor ? "a tensor" : "a NULL tensor";
  case FOVEA_ARG_INT:
    return "the integer " + std::to_string(arg.as.i);
  case FOVEA_ARG_FLOAT:
    return "a float";
  default:
    return "something of the unknown kind " + std::to_string(arg.kind);
  }
}

static Status wrongKind(const fovea_param &param, const fovea_arg &arg) {
  return failure(FOVEA_INVALID, describeGiven(arg), " was given, but the kernel takes ", describeExpected(param));
}

static Status readInteger(const fovea_param &param, const fovea_arg &arg, fovea_value &value) {
  if (arg.kind != FOVEA_ARG_INT)
    return wrongKind(param, arg);
  int64_t lowest = std::numeric_limits<int64_t>::min();
  int64_t highest = std::numeric_limits<int64_t>::max(); // also of uint64: a fovea_arg holds no more
  if (param.dtype_code == kDLUInt) {
    lowest = 0;
    highest = param.dtype_bits == 64 ? highest : int64_t((uint64_t(1) << param.dtype_bits) - 1);
  } else {
    lowest >>= 64 - param.dtype_bits;
    highest >>= 64 - param.dtype_bits;
  }
  if (arg.as.i < lowest || arg.as.i > highest)
    return failure(FOVEA_INVALID, arg.as.i, " does not fit ", describeDtype(param), ", which holds ", lowest, " to ",
                   highest);
  value.as.i = arg.as.i;
  return {};
}

static Status readArgument(const fovea_param &param, const fovea_arg &arg, int32_t device, Phase phase,
                           fovea_value &value) {
  switch (param.kind) {
  case FOVEA_PARAM_INT:
    return readInteger(param, arg, value);
  case FOVEA_PARAM_FLOAT:
    if (arg.kind != FOVEA_ARG_INT && arg.kind != FOVEA_ARG_FLOAT)
      return wrongKind(param, arg);
    value.as.f = arg.kind == FOVEA_ARG_INT ? double(arg.as.i) : arg.as.f;
    return {};
  default:
    if (arg.kind != FOVEA_ARG_TENSOR || !arg.as.tensor)
      return wrongKind(param, arg);
    return readTensor(param, *arg.as.tensor, device, phase == Phase::Run || (param.flags & FOVEA_PARAM_FROZEN), value);
  }
}

static Status checkCount(const fovea_kernel_table &kernel, const fovea_arg *args, size_t numArgs) {
  if (numArgs == kernel.num_params)
    return args || !numArgs ? Status() : failure(FOVEA_INVALID, "the arguments are NULL");
  std::string names;
  for (uint32_t p = 0; p < kernel.num_params; ++p)
    names.append(p ? ", " : "").append(kernel.params[p].name);
  return failure(FOVEA_INVALID, numArgs, numArgs == 1 ? " argument" : " arguments", ", but kernel '", kernel.name,
                 "' takes ", kernel.num_params, ": (", names, ")");
}

/// Tasks run in any order, so what one writes must be nothing that another reads or writes.
static Status checkOverlap(const fovea_kernel_table &kernel, const fovea_value *values) {
  for (uint32_t out = 0; out < kernel.num_params; ++out) {
    if (!(kernel.params[out].flags & FOVEA_PARAM_OUTPUT))
      continue;
    const Extent written = extentOf(kernel.params[out], values[out]);
    for (uint32_t other = 0; other < kernel.num_params; ++other) {
      const fovea_param &param = kernel.params[other];
      const bool pairSeen = (param.flags & FOVEA_PARAM_OUTPUT) && other <= out;
      if (param.kind != FOVEA_PARAM_TENSOR || pairSeen || !written.intersects(extentOf(param, values[other])))
        continue;
      return failure(FOVEA_INVALID, describeArgument(kernel, out), ": this output overlaps ",
                     describeArgument(kernel, other),
                     " in memory (from its first byte to its last, gaps included): give it memory of its own");
    }
  }
  return {};
}

Status fovea::readArguments(const fovea_kernel_table &kernel, const fovea_arg *args, size_t numArgs, Phase phase,
                            fovea_value *values) {
  if (Status status = checkCount(kernel, args, numArgs); status.failed())
    return status;
  const int32_t device = kernel.gpu ? kDLCUDA : kDLCPU;
  for (uint32_t p = 0; p < kernel.num_params; ++p)
    if (Status status = readArgument(kernel.params[p], args[p], device, phase, values[p]); status.failed())
      return failure(status.code, describeArgument(kernel, p), ": ", status.message);
  return checkOverlap(kernel, values);
}

/// The first dimension, in parameter order, that bears the name; there is one, since (p, d) bears it.
static std::pair<uint32_t, int> firstOfName(const fovea_kernel_table &kernel, const char *name) {
  for (uint32_t p = 0;; ++p)
    for (int d = 0; d < kernel.params[p].rank; ++d)
      if (const char *other = kernel.params[p].dims[d]; other && !std::strcmp(other, name))
        return {p, d};
}

Status fovea::checkNamedDims(const fovea_kernel_table &kernel, const fovea_value *values) {
  for (uint32_t p = 0; p < kernel.num_params; ++p) {
    const fovea_param &param = kernel.params[p];
    for (int d = 0; d < param.rank; ++d) {
      if (!param.dims[d])
        continue;
      const auto [first, firstDim] = firstOfName(kernel, param.dims[d]);
      if (values[first].sizes[firstDim] != values[p].sizes[d])
        return failure(FOVEA_INVALID, describeArgument(kernel, p), ": ", describeDim(param, d), " has size ",
                       values[p].sizes[d], ", but ", describeDim(kernel.params[first], firstDim), " of ",
                       describeArgument(kernel, first), " has size ", values[first].sizes[firstDim],
                       ": dimensions of one name must be equal");
    }
  }
  return {};
}

Status fovea::checkAgainstPlan(const fovea_kernel_table &kernel, const fovea_value *planned,
                               const fovea_value *values) {
  constexpr const char *remedy = ": make a plan for it";
  for (uint32_t p = 0; p < kernel.num_params; ++p) {
    const fovea_param &param = kernel.params[p];
    for (int d = 0; d < param.rank; ++d)
      if (values[p].sizes[d] != planned[p].sizes[d])
        return failure(FOVEA_INVALID, describeArgument(kernel, p), ": ", describeDim(param, d), " has size ",
                       values[p].sizes[d], ", but the plan was made for ", planned[p].sizes[d], remedy);
    if (param.kind == FOVEA_PARAM_INT && values[p].as.i != planned[p].as.i)
      return failure(FOVEA_INVALID, describeArgument(kernel, p), ": it is ", values[p].as.i,
                     ", but the plan was made for ", planned[p].as.i, remedy);
    // Bits, not values: -0.0 differs from 0.0, and a NaN equals itself.
    if (param.kind == FOVEA_PARAM_FLOAT && std::memcmp(&values[p].as.f, &planned[p].as.f, sizeof(double)))
      return failure(FOVEA_INVALID, describeArgument(kernel, p), ": it is ", values[p].as.f,
                     ", but the plan was made for ", planned[p].as.f, remedy);
  }
  return {};
}
