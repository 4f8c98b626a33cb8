// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Fixture.h"

#include "fovea/Engine/Engine.h"
#include "fovea/Engine/SafeParse.h"
#include "fovea/InitAll.h"
#include "fovea/Reference/Float16.h"
#include "fovea/Simulator/Simulator.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <tuple>

using namespace fovea::test;
using namespace fovea::reference;

const char *const fovea::test::kCausal = "%keep = arith.cmpi sge, %i, %j : index\n attn.yield %keep : i1\n";
const char *const fovea::test::kWindow = R"(
    %c40 = arith.constant 40 : index
    %causal = arith.cmpi sge, %i, %j : index
    %age = arith.subi %i, %j : index
    %near = arith.cmpi slt, %age, %c40 : index
    %keep = arith.andi %causal, %near : i1
    attn.yield %keep : i1
)";
const char *const fovea::test::kSinks = R"(
    %c4 = arith.constant 4 : index
    %c40 = arith.constant 40 : index
    %causal = arith.cmpi sge, %i, %j : index
    %age = arith.subi %i, %j : index
    %near = arith.cmpi slt, %age, %c40 : index
    %sink = arith.cmpi slt, %j, %c4 : index
    %seen = arith.ori %near, %sink : i1
    %keep = arith.andi %causal, %seen : i1
    attn.yield %keep : i1
)";
const char *const fovea::test::kSoftcap = R"(
    %c30 = arith.constant 30.0 : f32
    %x = arith.divf %s, %c30 : f32
    %y = math.tanh %x : f32
    %z = arith.mulf %y, %c30 : f32
    attn.yield %z : f32
)";

std::string Case::text() const {
  auto type = [&](int64_t columns, const std::string &of) {
    return "tensor<?x?x?x" + std::to_string(columns) + "x" + of + ">";
  };
  std::string key = type(keySize, element), value = type(valueSize, element), result = type(valueSize, output);
  std::string results = lse ? result + ", tensor<?x?x?xf32>" : result;
  return "func.func @main(%q: " + key + ", %k: " + key + ", %v: " + value + ", %offset: index" +
         (parameters.empty() ? "" : ", " + parameters) + ") -> (" + results + ") {\n  %o" + (lse ? ":2" : "") +
         " = attn.attention %q, %k, %v q_offset %offset" + (scale.empty() ? "" : " scale " + scale) + " layout <" +
         layout + ">" + (schedule.empty() ? "" : " schedule <" + schedule + ">") +
         (score.empty() ? "" : " score (%s, %b, %h, %i, %j) {" + score + "}") +
         (mask.empty() ? "" : " mask (%b, %h, %i, %j) {" + mask + "}") + "\n    : (" + key + ", " + key + ", " + value +
         ", index) -> (" + results + ")\n  return " + (lse ? "%o#0, %o#1" : "%o") + " : " + results + "\n}\n";
}

static std::vector<int64_t> shapeOf(const Case &c, int64_t heads, int64_t positions, int64_t columns) {
  if (c.layout == "bnhd")
    return {c.batches, positions, heads, columns};
  return {c.batches, heads, positions, columns};
}

std::vector<TensorRef> Case::inputs() const {
  std::mt19937 generator(unsigned(keySize + 3 * queries + 7 * keys));
  std::normal_distribution<float> normal(0, size);
  auto random = [&](std::vector<int64_t> shape) {
    auto tensor = std::make_shared<HostTensor>(HostTensor::zeros(element == "f16" ? DType::F16 : DType::BF16, shape));
    int64_t drawn = isRepeated ? tensor->size() / batches : tensor->size();
    for (int64_t k = 0; k < drawn; ++k)
      if (element == "f16")
        tensor->data<Float16>()[k] = Float16(normal(generator));
      else
        tensor->data<BFloat16>()[k] = BFloat16(normal(generator));
    if (isRepeated)
      for (size_t one = tensor->bytes.size() / size_t(batches), at = one; at < tensor->bytes.size(); at += one)
        std::copy_n(tensor->bytes.begin(), one, tensor->bytes.begin() + ptrdiff_t(at));
    return tensor;
  };
  std::vector<TensorRef> all = {
      random(shapeOf(*this, heads, queries, keySize)), random(shapeOf(*this, kvHeads, keys, keySize)),
      random(shapeOf(*this, kvHeads, keys, valueSize)), std::make_shared<HostTensor>(HostTensor::scalar(offset))};
  all.insert(all.end(), values.begin(), values.end());
  if (spoil)
    spoil(all);
  return all;
}

std::vector<int64_t> Case::strides(size_t operand, const std::vector<int64_t> &shape) const {
  if (!isShared || operand > 2)
    return {};
  return {0, shape[2] * shape[3], shape[3], 1};
}

Evaluation fovea::test::evaluate(const Case &c) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  std::string message, location;
  auto module = parseModule(c.text(), "case.mlir", context, message, location);
  EXPECT_TRUE(module) << location << ": " << message;
  if (!module)
    return {};
  auto evaluation = evaluateFunction(*module->getOps<mlir::func::FuncOp>().begin(), c.inputs());
  EXPECT_TRUE(succeeded(evaluation));
  return succeeded(evaluation) ? std::move(*evaluation) : Evaluation();
}

namespace {

/// Releases what the C interface makes.
struct Handles {
  fovea_plan *plan = nullptr;
  fovea_error *error = nullptr;
  ~Handles() {
    fovea_plan_destroy(plan);
    fovea_error_destroy(error);
  }
};

DLTensor viewOf(HostTensor &tensor, const fovea_param &param) {
  DLTensor view = {};
  view.data = tensor.bytes.data();
  view.device = {kDLCPU, 0};
  view.ndim = int32_t(tensor.shape.size());
  view.dtype = {param.dtype_code, param.dtype_bits, 1};
  view.shape = tensor.shape.data();
  return view;
}

struct Views {
  std::vector<DLTensor> tensors;
  std::vector<std::vector<int64_t>> strides;
};

/// The arguments of one call; views must outlive them.
std::vector<fovea_arg> argumentsOf(const Case &c, const fovea_kernel *kernel, const std::vector<HostTensor *> &tensors,
                                   Views &views) {
  std::vector<fovea_arg> args;
  views.tensors.resize(tensors.size());
  views.strides.resize(tensors.size());
  for (size_t k = 0; k < tensors.size(); ++k) {
    const fovea_param &param = *fovea_kernel_param(kernel, k);
    fovea_arg &arg = args.emplace_back();
    arg.kind = param.kind;
    if (param.kind == FOVEA_PARAM_INT)
      arg.as.i = tensors[k]->intAt(0);
    else if (param.kind == FOVEA_PARAM_FLOAT)
      arg.as.f = tensors[k]->floatAt(0);
    else {
      views.tensors[k] = viewOf(*tensors[k], param);
      views.strides[k] = c.strides(k, tensors[k]->shape);
      if (!views.strides[k].empty())
        views.tensors[k].strides = views.strides[k].data();
      arg.as.tensor = &views.tensors[k];
    }
  }
  return args;
}

} // namespace

/// Null with the reason in `error`. What was compiled before in this process is not compiled again.
static fovea_module *compiled(const std::string &text, const std::string &target, const std::string &from,
                              fovea::CompileError &error) {
  using Key = std::tuple<std::string, std::string, std::string>;
  static std::map<Key, std::unique_ptr<fovea_module, decltype(&fovea_module_release)>> modules;
  auto found = modules.find(Key(text, target, from));
  if (found != modules.end())
    return found->second.get();
  fovea::CompileOptions options;
  options.target = target;
  options.sourceName = "case.mlir";
  options.fromPhase = from;
  fovea_compile_times times;
  fovea_module *module = fovea::compile(text, options, times, error);
  if (module)
    modules.emplace(Key(text, target, from),
                    std::unique_ptr<fovea_module, decltype(&fovea_module_release)>(module, fovea_module_release));
  return module;
}

Outcome fovea::test::simulate(const Case &c, const std::string &text, const Way &way) {
  Outcome run;
  fovea::simulator::setReportHandler([&](const std::string &report) { run.reports += report + "\n"; });
  Handles handles;
  CompileError compileError;
  fovea_module *module = compiled(text, way.target, way.from, compileError);
  if (!module) {
    run.error = compileError.location + ": " + compileError.message;
    return run;
  }
  std::vector<TensorRef> inputs = c.inputs();
  DType output = c.output == "f32" ? DType::F32 : c.output == "f16" ? DType::F16 : DType::BF16;
  run.outputs.push_back(HostTensor::zeros(output, shapeOf(c, c.heads, c.queries, c.valueSize)));
  if (c.lse)
    run.outputs.push_back(HostTensor::zeros(DType::F32, {c.batches, c.heads, c.queries}));
  std::vector<HostTensor *> tensors;
  for (const TensorRef &input : inputs)
    tensors.push_back(input.get());
  for (HostTensor &tensor : run.outputs)
    tensors.push_back(&tensor);
  const fovea_kernel *kernel = nullptr;
  fovea_status status = fovea_module_kernel(module, nullptr, &kernel, &handles.error);
  Views views;
  std::vector<fovea_arg> args;
  fovea_exec exec = {};
  exec.struct_size = sizeof(exec);
  exec.slots = way.slots;
  if (status == FOVEA_OK) {
    args = argumentsOf(c, kernel, tensors, views);
    status = fovea_plan_create(kernel, args.data(), args.size(), &exec, &handles.plan, &handles.error);
  }
  std::vector<char, CacheLineAllocator<char>> workspace;
  if (status == FOVEA_OK) {
    run.stats.struct_size = sizeof(run.stats);
    fovea_plan_get_stats(handles.plan, &run.stats);
    workspace.resize(fovea_plan_workspace(handles.plan), char(0xFF)); // what is not initialised is not zero
    fovea_workspace_init(handles.plan, workspace.data());
    fovea::simulator::forgetExchanges();
  }
  for (int repeat = 0; repeat < way.runs && status == FOVEA_OK; ++repeat) {
    for (HostTensor &tensor : run.outputs)
      std::fill(tensor.bytes.begin(), tensor.bytes.end(), char(0xFF)); // NaN: all must be written
    status = fovea_run(handles.plan, args.data(), args.size(), workspace.data(), nullptr, &handles.error);
  }
  if (status != FOVEA_OK)
    run.error = handles.error ? fovea_error_message(handles.error) : fovea_status_name(status);
  return run;
}

double fovea::test::worstRatio(const Evaluation &expected, const Outcome &run) {
  double worst = 0;
  for (size_t k = 0; k < run.outputs.size(); ++k)
    worst = std::max(worst, compare(expected.outputs[k], run.outputs[k]).maxRatio);
  return worst;
}

void fovea::test::expectRight(const Case &c, const Way &way) {
  Outcome run = simulate(c, c.text(), way);
  EXPECT_EQ(run.reports, "");
  ASSERT_EQ(run.error, "");
  Evaluation expected = evaluate(c);
  ASSERT_EQ(expected.outputs.size(), run.outputs.size());
  for (size_t k = 0; k < run.outputs.size(); ++k) {
    Comparison comparison = compare(expected.outputs[k], run.outputs[k]);
    EXPECT_LE(comparison.maxRatio, 1) << "output " << k << " at "
                                      << formatShape(unravel(comparison.worst, run.outputs[k].shape)) << ": got "
                                      << comparison.got << ", reference " << comparison.want << ", bound "
                                      << comparison.bound;
  }
}
