// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Inputs.h"

#include "Fail.h"
#include "Npy.h"
#include "Safetensors.h"
#include "fovea/Reference/Float16.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"

#include <cmath>
#include <unistd.h>

using namespace llvm;
using namespace fovea::reference;
using namespace fovea::run;

namespace {

std::string quoted(const fovea_param &param) { return "'" + std::string(param.name) + "'"; }

std::string inputNames(const Kernel &kernel) {
  std::vector<std::string> names;
  for (size_t k = 0; k < kernel.numParams(); ++k)
    if (!isOutput(kernel.param(k)))
      names.push_back(kernel.param(k).name);
  return join(names, ", ");
}

/// A name, or an index as long as nothing has that name.
std::optional<size_t> findInput(const Kernel &kernel, StringRef name) {
  for (size_t k = 0; k < kernel.numParams(); ++k)
    if (!isOutput(kernel.param(k)) && name == kernel.param(k).name)
      return k;
  size_t index;
  if (!name.getAsInteger(10, index) && index < kernel.numParams() && !isOutput(kernel.param(index)))
    return index;
  return std::nullopt;
}

/// --input values by parameter; a positional one takes the next input in argument order.
std::vector<std::string> assignInputs(const Options &options, const Kernel &kernel) {
  std::vector<std::string> given(kernel.numParams());
  size_t next = 0;
  for (const std::string &option : options.inputs) {
    auto [name, value] = StringRef(option).split('=');
    std::optional<size_t> index;
    if (StringRef(option).contains('=') && !(index = findInput(kernel, name)) && !sys::fs::exists(option))
      fail("--input=" + option + ": no input is called '" + name + "'; the inputs are " + inputNames(kernel));
    if (!index) {
      value = option;
      while (next < kernel.numParams() && isOutput(kernel.param(next)))
        ++next;
      if (next == kernel.numParams())
        fail("--input=" + option + ": there are more inputs than the kernel takes (" + inputNames(kernel) + ")");
      index = next++;
    }
    if (!given[*index].empty())
      fail("--input=" + option + ": " + quoted(kernel.param(*index)) + " is given twice");
    if (value.empty())
      fail("--input=" + option + ": a file or a number must follow '='");
    given[*index] = value.str();
  }
  return given;
}

Expected<HostTensor> readFile(const fovea_param &param, StringRef path) {
  if (!isSafetensorsPath(path))
    return readNpy(path);
  auto [file, tensor] = splitSafetensorsPath(path);
  return readSafetensors(file, tensor.empty() ? StringRef(param.name) : tensor);
}

HostTensor readTensor(const fovea_param &param, const std::string &path) {
  Expected<HostTensor> tensor = readFile(param, path);
  if (!tensor)
    fail("input " + quoted(param) + ", " + path + ": " + toString(tensor.takeError()));
  std::optional<DType> wanted = dtypeOf(param);
  if (wanted && tensor->dtype != *wanted) {
    std::string advice = *wanted == DType::BF16 ? "NumPy has no such type: give a .safetensors file"
                                                : ("convert it with array.astype(numpy." + name(*wanted) + ")").str();
    fail("input " + quoted(param) + ", " + path + ": holds " + name(tensor->dtype) + ", but the kernel takes " +
         name(*wanted) + "; " + advice);
  }
  if (tensor->shape.size() != param.rank)
    fail("input " + quoted(param) + ", " + path + ": has shape " + formatShape(tensor->shape) +
         ", but the kernel takes rank " + Twine(param.rank));
  return std::move(*tensor);
}

HostTensor readScalar(const fovea_param &param, const std::string &text) {
  int64_t integer;
  double real;
  if (param.kind == FOVEA_PARAM_INT) {
    if (StringRef(text).getAsInteger(0, integer))
      fail("input " + quoted(param) + ": '" + text + "' is not an integer; give one as --input=" + param.name + "=128");
    return HostTensor::scalar(integer);
  }
  if (!to_float(text, real))
    fail("input " + quoted(param) + ": '" + text + "' is not a number; give one as --input=" + param.name + "=0.5");
  return HostTensor::scalar(real);
}

Sizes collectSizes(const Options &options, const Kernel &kernel, Program *program) {
  Sizes sizes;
  for (size_t k = 0; k < kernel.numParams(); ++k) {
    const fovea_param &param = kernel.param(k);
    std::vector<std::string> names;
    for (int dim = 0; dim < param.rank; ++dim)
      names.push_back(param.dims[dim] ? param.dims[dim] : "");
    sizes.addTensor(param.name, {param.sizes, param.sizes + param.rank}, names);
  }
  if (program)
    program->describeSizes(kernel, sizes);
  sizes.seal();
  return sizes;
}

/// Beyond the machine's memory the kernel would only tell by killing us.
void checkMemory(uint64_t bytes) {
  uint64_t available = uint64_t(sysconf(_SC_PHYS_PAGES)) * uint64_t(sysconf(_SC_PAGESIZE));
  if (bytes > available)
    fail("the arguments take " + Twine(bytes >> 20) + " MiB, but this machine has " + Twine(available >> 20) + " MiB");
}

TensorRef allocate(const fovea_param &param, ArrayRef<int64_t> shape, uint64_t &total) {
  std::optional<DType> dtype = dtypeOf(param);
  if (!dtype)
    fail(quoted(param) + " has elements that fovea-run cannot hold", kUnsupported);
  double bytes = byteWidth(*dtype);
  for (int64_t size : shape)
    bytes *= double(size);
  if (bytes > 0x1p62)
    fail(quoted(param) + ": the shape " + formatShape(shape) + " is larger than the address space");
  checkMemory(total += uint64_t(bytes));
  Expected<HostTensor> tensor = HostTensor::allocate(*dtype, shape);
  if (!tensor)
    fail(quoted(param) + ": " + toString(tensor.takeError()));
  return std::make_shared<HostTensor>(std::move(*tensor));
}

void requireDefault(const fovea_param &param) {
  if (param.kind == FOVEA_PARAM_TENSOR && (param.dtype_code == kDLFloat || param.dtype_code == kDLBfloat))
    return;
  std::string example = param.kind == FOVEA_PARAM_TENSOR ? "FILE.npy" : param.kind == FOVEA_PARAM_INT ? "128" : "0.5";
  fail("input " + quoted(param) + " is not given, and a random one would mean nothing: add --input=" + param.name +
       "=" + example);
}

uint64_t splitMix(uint64_t &state) {
  uint64_t z = state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

} // namespace

/// Box and Muller: sqrt(-2 ln u) (cos 2 pi v, sin 2 pi v).
void fovea::run::fillNormal(HostTensor &tensor, uint64_t seed, uint64_t stream) {
  uint64_t state = seed;
  state = splitMix(state) + stream;
  auto uniform = [&] { return (double(splitMix(state) >> 11) + 0.5) * 0x1p-53; }; // in (0, 1)
  auto store = [&](int64_t k, double value) {
    if (tensor.dtype == DType::F64)
      tensor.data<double>()[k] = value;
    else if (tensor.dtype == DType::F16)
      tensor.data<Float16>()[k] = Float16(float(value));
    else if (tensor.dtype == DType::BF16)
      tensor.data<BFloat16>()[k] = BFloat16(float(value));
    else
      tensor.data<float>()[k] = float(value);
  };
  for (int64_t k = 0, size = tensor.size(); k < size; k += 2) {
    double radius = std::sqrt(-2 * std::log(uniform())), angle = 2 * M_PI * uniform();
    store(k, radius * std::cos(angle));
    if (k + 1 < size)
      store(k + 1, radius * std::sin(angle));
  }
}

Arguments fovea::run::makeArguments(const Options &options, const Kernel &kernel, Program *program) {
  Arguments arguments;
  arguments.values.resize(kernel.numParams());
  arguments.origins.resize(kernel.numParams());
  std::vector<std::string> given = assignInputs(options, kernel);
  Sizes sizes = collectSizes(options, kernel, program);
  for (const std::string &option : options.dims)
    sizes.setFromOption(option);
  uint64_t bytes = 0;
  for (size_t k = 0; k < kernel.numParams(); ++k) {
    const fovea_param &param = kernel.param(k);
    if (given[k].empty())
      continue;
    arguments.origins[k] = given[k];
    HostTensor value = param.kind == FOVEA_PARAM_TENSOR ? readTensor(param, given[k]) : readScalar(param, given[k]);
    for (size_t dim = 0; dim < value.shape.size(); ++dim)
      sizes.set(unsigned(k), unsigned(dim), value.shape[dim], given[k]);
    bytes += value.bytes.size();
    arguments.values[k] = std::make_shared<HostTensor>(std::move(value));
  }
  for (size_t k = 0; k < kernel.numParams(); ++k)
    if (!arguments.values[k] && !isOutput(kernel.param(k)))
      requireDefault(kernel.param(k));
  for (size_t k = 0; k < kernel.numParams(); ++k) {
    if (arguments.values[k])
      continue;
    arguments.values[k] = allocate(kernel.param(k), sizes.shapeOf(unsigned(k)), bytes);
    if (isOutput(kernel.param(k)))
      continue;
    fillNormal(*arguments.values[k], options.seed, k);
    arguments.origins[k] = "seed " + utostr(options.seed);
  }
  arguments.sizes = sizes.named();
  return arguments;
}
