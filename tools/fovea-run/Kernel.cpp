// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Kernel.h"

#include "Fail.h"

using namespace fovea::reference;
using namespace fovea::run;

/// What is wrong with the input is 1, what this machine or build lacks is 3.
static ExitCode exitCodeOf(fovea_status status) {
  return status == FOVEA_UNSUPPORTED || status == FOVEA_NO_DEVICE ? kUnsupported : kBadInput;
}

void fovea::run::check(fovea_status status, fovea_error *error) {
  if (status == FOVEA_OK)
    return;
  std::string message = error ? fovea_error_message(error) : fovea_status_name(status);
  std::string location = error ? fovea_error_location(error) : "";
  fovea_error_destroy(error);
  fail((location.empty() ? "" : location + ": ") + message, exitCodeOf(status));
}

Kernel::Kernel(const Options &options, llvm::StringRef text, llvm::StringRef name) {
  std::string sourceName = name.str();
  fovea_compile_options compile = {};
  compile.struct_size = sizeof(compile);
  compile.target = options.target.c_str();
  compile.source_name = sourceName.c_str();
  compile.from_phase = options.fromPhase.empty() ? nullptr : options.fromPhase.c_str();
  compile.dump_directory = options.dumpDirectory.empty() ? nullptr : options.dumpDirectory.c_str();
  compile.times = &times;
  if (options.explain)
    compile.remark = [](void *user, const fovea_remark *remark) {
      static_cast<Kernel *>(user)->remarks.push_back({remark->kind, remark->name, remark->text, remark->location});
    };
  compile.remark_user = this;
  fovea_error *error = nullptr;
  fovea_status status = fovea_compile(text.data(), text.size(), &compile, &module, &error);
  check(status, error);
  status = fovea_module_kernel(module, options.function.empty() ? nullptr : options.function.c_str(), &kernel, &error);
  check(status, error);
}

std::optional<DType> fovea::run::dtypeOf(const fovea_param &param) {
  bool isSigned = param.dtype_code == kDLInt;
  if (param.dtype_bits == 16 && (param.dtype_code == kDLFloat || param.dtype_code == kDLBfloat))
    return param.dtype_code == kDLFloat ? DType::F16 : DType::BF16;
  if (param.dtype_code == kDLFloat && (param.dtype_bits == 32 || param.dtype_bits == 64))
    return param.dtype_bits == 32 ? DType::F32 : DType::F64;
  if (param.dtype_code == kDLUInt && param.dtype_bits <= 8)
    return param.dtype_bits == 1 ? DType::Bool : DType::U8;
  switch (isSigned ? param.dtype_bits : 0) {
  case 8:
    return DType::I8;
  case 16:
    return DType::I16;
  case 32:
    return DType::I32;
  case 64:
    return DType::I64;
  }
  return std::nullopt;
}

bool fovea::run::isOutput(const fovea_param &param) { return param.flags & FOVEA_PARAM_OUTPUT; }

static DLTensor viewOf(HostTensor &tensor, const fovea_param &param, Device *device) {
  DLTensor view = {};
  view.data = device ? device->upload(tensor.bytes) : tensor.bytes.data();
  view.device = {device ? kDLCUDA : kDLCPU, 0};
  view.ndim = int32_t(tensor.shape.size());
  view.dtype = {param.dtype_code, param.dtype_bits, 1};
  view.shape = tensor.shape.data();
  return view;
}

Execution::Execution(const Kernel &kernel, llvm::ArrayRef<TensorRef> given, unsigned threads, Device *device)
    : kernel(kernel), arguments(given.begin(), given.end()), device(device), tensors(given.size()), args(given.size()) {
  for (size_t k = 0; k < arguments.size(); ++k) {
    const fovea_param &param = kernel.param(k);
    args[k].kind = param.kind;
    if (param.kind == FOVEA_PARAM_INT) {
      args[k].as.i = arguments[k]->intAt(0);
    } else if (param.kind == FOVEA_PARAM_FLOAT) {
      args[k].as.f = arguments[k]->floatAt(0);
    } else {
      tensors[k] = viewOf(*arguments[k], param, device);
      args[k].as.tensor = &tensors[k];
    }
  }
  fovea_exec exec = {};
  exec.struct_size = sizeof(exec);
  exec.slots = threads;
  fovea_error *error = nullptr;
  fovea_status status = fovea_plan_create(kernel.get(), args.data(), args.size(), &exec, &plan, &error);
  check(status, error);
  bytes = fovea_plan_workspace(plan);
  hostWorkspace.resize(device ? 0 : bytes);
  workspace = hostWorkspace.data();
  if (device)
    workspace = bytes ? device->upload(std::vector<char>(bytes)) : nullptr;
  check(fovea_workspace_init(plan, workspace), nullptr);
}

void Execution::run() {
  fovea_error *error = nullptr;
  fovea_status status = fovea_run(plan, args.data(), args.size(), workspace, nullptr, &error);
  check(status, error);
}

void Execution::finish() {
  if (!device)
    return;
  device->synchronize();
  for (size_t k = 0; k < arguments.size(); ++k)
    if (isOutput(kernel.param(k)))
      device->download({arguments[k]->bytes.data(), arguments[k]->bytes.size()}, tensors[k].data);
}

fovea_plan_stats Execution::stats() const {
  fovea_plan_stats stats = {};
  stats.struct_size = sizeof(stats);
  check(fovea_plan_get_stats(plan, &stats), nullptr);
  return stats;
}

llvm::ArrayRef<fovea_task> Execution::tasks() const {
  size_t count = 0;
  const fovea_task *first = fovea_plan_tasks(plan, &count);
  return {first, count};
}

int32_t Execution::classify(int64_t batch, int64_t head, int64_t rowBegin, int64_t rowEnd, int64_t keyBegin,
                            int64_t keyEnd) const {
  int32_t result = FOVEA_TILE_PARTIAL;
  check(fovea_plan_classify(plan, batch, head, rowBegin, rowEnd, keyBegin, keyEnd, &result), nullptr);
  return result;
}
