// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C door for Python: modules, plans and runs. Policy (defaults, tracing, caches, messages) is in Python.
#include "fovea/fovea_compile.h"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;

namespace {

constexpr size_t kWorkspaceAlignment = 64;

/// Throws the Python exception for a failed call and frees the error.
void check(fovea_status status, fovea_error *error) {
  if (status == FOVEA_OK)
    return;
  std::string message = error ? fovea_error_message(error) : "no message";
  std::string location = error ? fovea_error_location(error) : "";
  fovea_error_destroy(error);
  nb::object exception =
      nb::module_::import_("fovea.errors").attr("from_status")(fovea_status_name(status), message, location);
  PyErr_SetObject(exception.type().ptr(), exception.ptr());
  throw nb::python_error();
}

struct Param {
  std::string name;
  int kind, flags;
  std::vector<int64_t> sizes;
  std::vector<std::string> dims;
};

/// A compiled module with its only kernel.
class Module {
public:
  Module(const std::string &mlir, const std::string &target, const std::string &sourceName, bool withRemarks) {
    fovea_compile_options options{};
    options.struct_size = sizeof(options);
    options.target = target.c_str();
    options.source_name = sourceName.c_str();
    options.times = &times;
    if (withRemarks)
      options.remark = [](void *user, const fovea_remark *r) {
        static_cast<Module *>(user)->remarks.emplace_back(r->kind, r->name, r->text);
      };
    options.remark_user = this;
    fovea_error *error = nullptr;
    fovea_status status;
    {
      nb::gil_scoped_release release;
      status = fovea_compile(mlir.data(), mlir.size(), &options, &module, &error);
    }
    check(status, error);
    error = nullptr;
    status = fovea_module_kernel(module, nullptr, &kernel, &error);
    if (status != FOVEA_OK)
      fovea_module_release(module); // no destructor runs when a constructor throws
    check(status, error);
  }
  Module(const Module &) = delete;
  ~Module() { fovea_module_release(module); }

  std::vector<Param> params() const {
    std::vector<Param> result;
    for (size_t n = 0; n < fovea_kernel_param_count(kernel); ++n) {
      const fovea_param *p = fovea_kernel_param(kernel, n);
      Param &param = result.emplace_back();
      param.name = p->name ? p->name : "";
      param.kind = p->kind;
      param.flags = p->flags;
      param.sizes.assign(p->sizes, p->sizes + p->rank);
      for (size_t d = 0; d < p->rank; ++d)
        param.dims.emplace_back(p->dims[d] ? p->dims[d] : "");
    }
    return result;
  }

  nb::dict compileTimes() const {
    nb::dict phases;
    phases["context"] = times.context;
    phases["parse"] = times.parse;
    phases["passes"] = times.passes;
    phases["translate"] = times.translate;
    phases["optimize"] = times.optimize;
    phases["codegen"] = times.codegen;
    phases["link"] = times.link;
    phases["total"] = times.total;
    return phases;
  }

  fovea_module *module = nullptr;
  const fovea_kernel *kernel = nullptr;
  fovea_compile_times times{};
  std::vector<std::tuple<std::string, std::string, std::string>> remarks;
};

/// Throws for a call(error) that failed.
template <typename Call> void checked(Call &&call) {
  fovea_error *error = nullptr;
  const fovea_status status = call(&error);
  check(status, error);
}

/// The GPU with this number, opened once; Python exceptions where there is none.
const fovea_device *gpu(int32_t ordinal) {
  static std::map<int32_t, fovea_device *> opened; // guarded by the interpreter's lock
  fovea_device *&device = opened[ordinal];
  if (!device)
    checked([&](fovea_error **error) { return fovea_device_open(ordinal, &device, error); });
  return device;
}

/// A tensor on a device, as its library exported it for our stream.
class DeviceTensor {
public:
  /// Of a DLPack capsule, which is used up.
  explicit DeviceTensor(const nb::capsule &capsule) : array(nb::cast<nb::ndarray<nb::ro>>(capsule)) {
    tensor.data = array.data_handle();
    tensor.device = {static_cast<DLDeviceType>(array.device_type()), array.device_id()};
    tensor.ndim = static_cast<int>(array.ndim());
    tensor.dtype = {array.dtype().code, array.dtype().bits, array.dtype().lanes};
    tensor.shape = const_cast<int64_t *>(array.shape_ptr());
    tensor.strides = const_cast<int64_t *>(array.stride_ptr());
    tensor.byte_offset = array.byte_offset();
  }

  nb::tuple shape() const {
    nb::list sizes;
    for (int d = 0; d < tensor.ndim; ++d)
      sizes.append(tensor.shape[d]);
    return nb::tuple(sizes);
  }
  std::tuple<int, int> dtype() const { return {tensor.dtype.code, tensor.dtype.bits}; }
  int32_t deviceId() const { return tensor.device.device_id; }

  nb::ndarray<nb::ro> array;
  DLTensor tensor{};
};

/// A copy of an array in the memory of a GPU, freed with its last reference. Speaks DLPack. `asBfloat16`: its 16-bit
/// elements are that, which NumPy has no name for.
nb::object upload(const nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu> &array, int32_t ordinal, bool asBfloat16) {
  struct Block {
    const fovea_device *device;
    void *memory;
  };
  const fovea_device *device = gpu(ordinal);
  void *memory = nullptr;
  checked([&](fovea_error **error) { return fovea_device_alloc(device, array.nbytes(), &memory, error); });
  nb::capsule owner(new Block{device, memory}, [](void *pointer) noexcept {
    auto *block = static_cast<Block *>(pointer);
    fovea_device_free(block->device, block->memory);
    delete block;
  });
  checked([&](fovea_error **error) {
    return fovea_device_upload(device, memory, array.data(), array.nbytes(), nullptr, error);
  });
  std::vector<size_t> shape(array.shape_ptr(), array.shape_ptr() + array.ndim());
  nb::dlpack::dtype dtype = array.dtype();
  if (asBfloat16)
    dtype.code = kDLBfloat;
  return nb::cast(
      nb::ndarray<nb::array_api>(memory, shape.size(), shape.data(), owner, nullptr, dtype, kDLCUDA, ordinal));
}

/// Its elements, row by row, as bytes.
nb::bytes download(const DeviceTensor &from) {
  std::string bytes(from.array.nbytes(), '\0');
  const auto *data = static_cast<const char *>(from.tensor.data) + from.tensor.byte_offset;
  checked([&](fovea_error **error) {
    return fovea_device_download(gpu(from.deviceId()), bytes.data(), data, bytes.size(), nullptr, error);
  });
  return nb::bytes(bytes.data(), bytes.size());
}

/// Arguments of one call, and what keeps their memory alive. A tuple of sizes stands for a tensor without data, on the
/// GPU `device`, or the CPU if that is -1.
class Arguments {
public:
  Arguments(const fovea_kernel *kernel, const nb::list &values, int32_t device) : device(device) {
    const size_t count = fovea_kernel_param_count(kernel);
    if (nb::len(values) != count)
      throw nb::value_error(("expected " + std::to_string(count) + " arguments").c_str());
    // Addresses are taken below: no reallocation.
    arrays.reserve(count);
    shapes.reserve(count);
    tensors.reserve(count);
    for (size_t n = 0; n < count; ++n)
      args.push_back(convert(*fovea_kernel_param(kernel, n), values[n]));
  }

  std::vector<fovea_arg> args;

private:
  fovea_arg convert(const fovea_param &param, nb::handle value) {
    fovea_arg arg{};
    arg.kind = param.kind;
    if (param.kind == FOVEA_PARAM_INT)
      arg.as.i = nb::cast<int64_t>(value);
    else if (param.kind == FOVEA_PARAM_FLOAT)
      arg.as.f = nb::cast<double>(value);
    else
      arg.as.tensor = nb::isinstance<nb::tuple>(value) ? shapeOnly(param, value) : tensor(value);
    return arg;
  }

  const DLTensor *shapeOnly(const fovea_param &param, nb::handle value) {
    auto &shape = shapes.emplace_back(nb::cast<std::vector<int64_t>>(value));
    DLTensor &t = tensors.emplace_back();
    t.device = {device < 0 ? kDLCPU : kDLCUDA, device < 0 ? 0 : device};
    t.ndim = static_cast<int>(shape.size());
    t.dtype = {param.dtype_code, param.dtype_bits, 1};
    t.shape = shape.data();
    return &t;
  }

  const DLTensor *tensor(nb::handle value) {
    if (nb::isinstance<DeviceTensor>(value)) // the list of values keeps it
      return &nb::cast<DeviceTensor &>(value).tensor;
    // Read-only arrays are accepted here; Python has checked that outputs are writable.
    auto &array = arrays.emplace_back(nb::cast<nb::ndarray<nb::ro>>(value));
    DLTensor &t = tensors.emplace_back();
    t.data = array.data_handle();
    t.device = {static_cast<DLDeviceType>(array.device_type()), array.device_id()};
    t.ndim = static_cast<int>(array.ndim());
    t.dtype = {array.dtype().code, array.dtype().bits, array.dtype().lanes};
    t.shape = const_cast<int64_t *>(array.shape_ptr());
    t.strides = const_cast<int64_t *>(array.stride_ptr());
    t.byte_offset = array.byte_offset();
    return &t;
  }

  int32_t device;
  std::vector<nb::ndarray<nb::ro>> arrays;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<DLTensor> tensors;
};

/// A plan and its workspaces: one per call at a time, allocated when first needed and kept.
class Plan {
public:
  Plan(Module &module, const nb::list &values, uint32_t slots, int32_t device, uintptr_t stream)
      : kernel(module.kernel), device(device) {
    Arguments arguments(kernel, values, device);
    fovea_exec exec{};
    exec.struct_size = sizeof(exec);
    exec.slots = slots;
    exec.stream = reinterpret_cast<void *>(stream);
    fovea_error *error = nullptr;
    fovea_status status;
    {
      nb::gil_scoped_release release;
      status = fovea_plan_create(kernel, arguments.args.data(), arguments.args.size(), &exec, &plan, &error);
    }
    check(status, error);
    if (device >= 0)
      onDevice = gpu(device);
  }
  Plan(const Plan &) = delete;
  ~Plan() {
    for (void *workspace : workspaces)
      std::free(workspace);
    for (const auto &[stream, workspace] : ofStreams)
      fovea_device_free(onDevice, workspace);
    fovea_plan_destroy(plan);
  }

  std::tuple<uint32_t, int64_t, int64_t, int64_t> stats() const {
    fovea_plan_stats s{};
    s.struct_size = sizeof(s);
    check(fovea_plan_get_stats(plan, &s), nullptr);
    return {s.slots, s.tasks, s.blocks, s.visited};
  }

  std::vector<std::vector<int64_t>> tasks() const {
    size_t count = 0;
    const fovea_task *first = fovea_plan_tasks(plan, &count);
    std::vector<std::vector<int64_t>> result;
    for (const fovea_task *task = first; task != first + count; ++task)
      result.push_back({task->index[0], task->index[1], task->index[2], task->begin, task->end, task->rows[0],
                        task->rows[1], task->keys, task->key_block});
    return result;
  }

  int32_t classify(int64_t b, int64_t h, int64_t rowBegin, int64_t rowEnd, int64_t keyBegin, int64_t keyEnd) const {
    int32_t kind = 0;
    check(fovea_plan_classify(plan, b, h, rowBegin, rowEnd, keyBegin, keyEnd, &kind), nullptr);
    return kind;
  }

  void run(const nb::list &values, uintptr_t stream) {
    Arguments arguments(kernel, values, device);
    fovea_exec exec{};
    exec.struct_size = sizeof(exec);
    exec.stream = reinterpret_cast<void *>(stream);
    fovea_error *error = nullptr;
    fovea_status status;
    {
      nb::gil_scoped_release release;
      void *workspace = nullptr;
      status = device < 0 ? acquire(workspace) : acquireOn(stream, workspace, &error);
      if (status == FOVEA_OK)
        status = fovea_run(plan, arguments.args.data(), arguments.args.size(), workspace, &exec, &error);
      if (workspace && device < 0)
        give_back(workspace);
    }
    check(status, error);
  }

private:
  fovea_status acquire(void *&workspace) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      if (!workspaces.empty()) {
        workspace = workspaces.back();
        workspaces.pop_back();
        return FOVEA_OK;
      }
    }
    // aligned_alloc takes multiples of the alignment; a plan without scratch still needs an address.
    size_t bytes = fovea_plan_workspace(plan) + kWorkspaceAlignment;
    workspace = std::aligned_alloc(kWorkspaceAlignment, bytes / kWorkspaceAlignment * kWorkspaceAlignment);
    return workspace ? fovea_workspace_init(plan, workspace) : FOVEA_NO_MEMORY;
  }

  /// Runs on one stream follow each other: they share a workspace.
  fovea_status acquireOn(uintptr_t stream, void *&workspace, fovea_error **error) {
    const size_t bytes = fovea_plan_workspace(plan);
    if (!bytes)
      return FOVEA_OK;
    std::lock_guard<std::mutex> lock(mutex);
    void *&its = ofStreams[stream];
    if (!its) {
      fovea_status status = fovea_device_alloc(onDevice, bytes, &its, error);
      if (status == FOVEA_OK)
        status = fovea_workspace_init(plan, its);
      if (status != FOVEA_OK)
        return status;
    }
    workspace = its;
    return FOVEA_OK;
  }

  void give_back(void *workspace) {
    std::lock_guard<std::mutex> lock(mutex);
    workspaces.push_back(workspace);
  }

  const fovea_kernel *kernel; // kept alive by the plan
  int32_t device;             // -1: the CPU
  fovea_plan *plan = nullptr;
  std::mutex mutex;
  std::vector<void *> workspaces;
  const fovea_device *onDevice = nullptr;
  std::map<uintptr_t, void *> ofStreams; // workspaces on a GPU
};

} // namespace

NB_MODULE(_fovea, m) {
  m.doc() = "The C door of Fovea for Python; use the package fovea.";
  nb::class_<Param>(m, "Param")
      .def_ro("name", &Param::name)
      .def_ro("kind", &Param::kind)
      .def_ro("flags", &Param::flags)
      .def_ro("sizes", &Param::sizes)
      .def_ro("dims", &Param::dims);
  nb::class_<Module>(m, "Module")
      .def(nb::init<const std::string &, const std::string &, const std::string &, bool>(), "mlir"_a, "target"_a,
           "source_name"_a, "remarks"_a = false, "Compiles MLIR text with one public function.")
      .def_ro("remarks", &Module::remarks, "(kind, name, text) of each, if asked for.")
      .def_prop_ro("params", &Module::params)
      .def_prop_ro("compile_times", &Module::compileTimes, "Milliseconds per phase.");
  nb::class_<Plan>(m, "Plan")
      .def(nb::init<Module &, const nb::list &, uint32_t, int32_t, uintptr_t>(), "module"_a, "arguments"_a, "threads"_a,
           "device"_a = -1, "stream"_a = 0,
           "Arguments in the kernel's order; a tuple of sizes stands for a tensor whose data is not read. device: the "
           "GPU "
           "that they are on.")
      .def_prop_ro("stats", &Plan::stats, "(threads, tasks, blocks, visited)")
      .def_prop_ro("tasks", &Plan::tasks, "(b, h, tile, begin, end, first row, end of rows, keys, key block) of each.")
      .def("classify", &Plan::classify, "b"_a, "h"_a, "row_begin"_a, "row_end"_a, "key_begin"_a, "key_end"_a,
           "0 EMPTY, 1 PARTIAL, 2 FULL; rows as absolute positions.")
      .def("run", &Plan::run, "arguments"_a, "stream"_a = 0,
           "Runs with the lock released; on a GPU, launches and returns.");
  nb::class_<DeviceTensor>(m, "DeviceTensor")
      .def(nb::init<const nb::capsule &>(), "capsule"_a)
      .def_prop_ro("shape", &DeviceTensor::shape)
      .def_prop_ro("dtype", &DeviceTensor::dtype, "(DLPack code, bits)")
      .def_prop_ro("device_id", &DeviceTensor::deviceId);
  m.def("upload", &upload, "array"_a, "device"_a = 0, "as_bfloat16"_a = false,
        "A copy in the memory of a GPU, with __dlpack__.");
  m.def("download", &download, "tensor"_a, "The bytes of a dense tensor there.");
}
