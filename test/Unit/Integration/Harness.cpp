// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Harness.h"

#include "fovea/Engine/SafeParse.h"
#include "fovea/InitAll.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <cstring>
#include <map>

using namespace fovea::test;
using namespace fovea::reference;

uint64_t Random::bits() {
  uint64_t z = state += 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

/// Box and Muller.
float Random::normal() {
  double radius = std::sqrt(-2 * std::log(1 - uniform()));
  return float(radius * std::cos(2 * M_PI * uniform()));
}

std::string fovea::test::describe(const Sizes &s) {
  return "B=" + std::to_string(s.batches) + " Hq=" + std::to_string(s.heads) + " Hkv=" + std::to_string(s.kvHeads) +
         " Nq=" + std::to_string(s.queries) + " Nk=" + std::to_string(s.keys);
}

TensorRef fovea::test::integer(int64_t value) { return std::make_shared<HostTensor>(HostTensor::scalar(value)); }
TensorRef fovea::test::real(double value) { return std::make_shared<HostTensor>(HostTensor::scalar(value)); }
TensorRef fovea::test::ints(Shape shape, const std::vector<int32_t> &values) {
  return std::make_shared<HostTensor>(HostTensor::of<int32_t>(DType::I32, shape, values));
}
TensorRef fovea::test::floats(Shape shape, const std::vector<float> &values) {
  return std::make_shared<HostTensor>(HostTensor::of<float>(DType::F32, shape, values));
}
TensorRef fovea::test::normal(Shape shape, Random &random) {
  auto tensor = std::make_shared<HostTensor>(HostTensor::zeros(DType::F32, shape));
  for (int64_t k = 0; k < tensor->size(); ++k)
    tensor->data<float>()[k] = random.normal();
  return tensor;
}

static Shape shapeOf(const Spec &spec, int64_t batches, int64_t heads, int64_t positions, int64_t columns) {
  if (spec.layout == "bnhd")
    return {batches, positions, heads, columns};
  return {batches, heads, positions, columns};
}

std::vector<TensorRef> fovea::test::normalInputs(const Spec &spec, const Sizes &s, Random &random) {
  return {normal(shapeOf(spec, s.batches, s.heads, s.queries, spec.keySize), random),
          normal(shapeOf(spec, s.batches, s.kvHeads, s.keys, spec.keySize), random),
          normal(shapeOf(spec, s.batches, s.kvHeads, s.keys, spec.valueSize), random)};
}

int64_t fovea::test::positionOf(const std::string &layout, const Shape &shape, int64_t b, int64_t h, int64_t n,
                                int64_t d) {
  if (layout == "bnhd")
    std::swap(h, n);
  return ((b * shape[1] + h) * shape[2] + n) * shape[3] + d;
}

/// Loading the dialects takes longer than most evaluations: one context for all.
static mlir::MLIRContext &sharedContext() {
  static mlir::MLIRContext *context = [] {
    mlir::DialectRegistry registry;
    fovea::registerDialects(registry);
    auto *created = new mlir::MLIRContext(registry, mlir::MLIRContext::Threading::DISABLED);
    created->getDiagEngine().registerHandler([](mlir::Diagnostic &diagnostic) {
      std::string text;
      llvm::raw_string_ostream(text) << diagnostic.getLocation() << ": " << diagnostic;
      ADD_FAILURE() << text;
    });
    return created;
  }();
  return *context;
}

Oracle::Oracle(const std::string &text) {
  std::string message, location;
  mlir::OwningOpRef<mlir::ModuleOp> parsed = parseModule(text, "module.mlir", sharedContext(), message, location);
  EXPECT_TRUE(parsed) << location << ": " << message << "\n" << text;
  if (!parsed)
    return;
  main = *parsed->getOps<mlir::func::FuncOp>().begin();
  module = parsed.release().getOperation();
}

Oracle::~Oracle() = default;

Evaluation Oracle::evaluate(llvm::ArrayRef<TensorRef> inputs) {
  if (!main)
    return {};
  EvaluationOptions everyRow;
  everyRow.maxMultiplyAdds = INFINITY;
  mlir::FailureOr<Evaluation> evaluation = evaluateFunction(main, inputs, everyRow);
  EXPECT_TRUE(succeeded(evaluation)) << "the reference cannot evaluate this";
  return succeeded(evaluation) ? std::move(*evaluation) : Evaluation();
}

Kernel::Kernel(const std::string &text, const CompileRequest &request) {
  fovea_compile_options options = {};
  options.struct_size = sizeof(options);
  options.target = request.target.c_str();
  options.from_phase = request.fromPhase.empty() ? nullptr : request.fromPhase.c_str();
  options.dump_directory = request.dumpDirectory.empty() ? nullptr : request.dumpDirectory.c_str();
  fovea_error *error = nullptr;
  fovea_status status = fovea_compile(text.data(), text.size(), &options, &module, &error);
  if (status == FOVEA_OK)
    status = fovea_module_kernel(module, nullptr, &kernel, &error);
  if (status != FOVEA_OK) {
    ADD_FAILURE() << "does not compile for " << request.target << ": " << fovea_error_location(error) << ": "
                  << fovea_error_message(error) << "\n"
                  << text;
    fovea_error_destroy(error);
  }
}

const Kernel &fovea::test::compiled(const std::string &text, const std::string &target) {
  static std::map<std::pair<std::string, std::string>, std::unique_ptr<Kernel>> kernels;
  std::unique_ptr<Kernel> &kernel = kernels[{target, text}];
  if (!kernel)
    kernel = std::make_unique<Kernel>(text, CompileRequest{target, "", ""});
  return *kernel;
}

std::vector<Shape> fovea::test::outputShapes(const Evaluation &evaluation) {
  std::vector<Shape> shapes;
  for (const Output &output : evaluation.outputs)
    shapes.push_back(output.value.shape);
  return shapes;
}

bool fovea::test::execute(Call &call, uint32_t slots) {
  fovea_status status = call.plan(slots);
  if (status == FOVEA_OK)
    status = call.run();
  EXPECT_EQ(status, FOVEA_OK) << call.message;
  return status == FOVEA_OK;
}

static double gWorstRatio = 0;
double fovea::test::worstRatio() { return gWorstRatio; }

testing::AssertionResult fovea::test::matches(const Evaluation &expected, const std::vector<HostTensor> &actual) {
  if (expected.outputs.empty() || expected.outputs.size() != actual.size())
    return testing::AssertionFailure() << actual.size() << " outputs for " << expected.outputs.size();
  for (size_t k = 0; k < actual.size(); ++k) {
    Comparison c = compare(expected.outputs[k], actual[k]);
    if (c.maxRatio > 1)
      return testing::AssertionFailure() << "output " << k << " at " << formatShape(unravel(c.worst, actual[k].shape))
                                         << " of " << formatShape(actual[k].shape) << ": got " << c.got
                                         << ", reference " << c.want << ", bound " << c.bound << ", ratio "
                                         << c.maxRatio;
    gWorstRatio = std::max(gWorstRatio, c.maxRatio);
  }
  return testing::AssertionSuccess();
}

void fovea::test::expectMatch(Call &call, const Evaluation &expected) {
  if (execute(call)) {
    EXPECT_TRUE(matches(expected, call.outputs()));
  }
}

testing::AssertionResult fovea::test::sameBits(const HostTensor &a, const HostTensor &b) {
  if (a.shape != b.shape || a.dtype != b.dtype)
    return testing::AssertionFailure() << "shapes " << formatShape(a.shape) << " and " << formatShape(b.shape);
  size_t width = byteWidth(a.dtype);
  for (int64_t k = 0; k < a.size(); ++k)
    if (std::memcmp(&a.bytes[k * width], &b.bytes[k * width], width))
      return testing::AssertionFailure() << "element " << formatShape(unravel(k, a.shape)) << " of "
                                         << formatShape(a.shape) << ": " << a.floatAt(k) << " and " << b.floatAt(k);
  return testing::AssertionSuccess();
}

void fovea::test::expectRight(const Spec &spec, llvm::ArrayRef<TensorRef> inputs) {
  Evaluation expected = Oracle(moduleText(spec)).evaluate(inputs);
  for (const Variant &variant : variants()) {
    SCOPED_TRACE(variant.name);
    Spec scheduled = spec;
    scheduled.schedule = variant.schedule;
    const Kernel &kernel = compiled(moduleText(scheduled), variant.target);
    if (!kernel)
      continue;
    Call call(kernel, inputs, outputShapes(expected));
    expectMatch(call, expected);
  }
}
