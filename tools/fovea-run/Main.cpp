// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fovea-run: compile a file, run it, check it against the reference, time it.
#include "Explain.h"
#include "Fail.h"
#include "Npy.h"
#include "Report.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TargetParser/Host.h"

#include <cmath>
#include <fstream>

using namespace fovea::reference;
using namespace fovea::run;

void fovea::run::fail(const llvm::Twine &message, ExitCode code) {
  llvm::outs().flush();
  llvm::errs() << "fovea-run: error: " << message << '\n';
  std::exit(code);
}

std::string fovea::run::cpuName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (llvm::StringRef(line).starts_with("model name"))
      return llvm::StringRef(line).split(':').second.trim().str();
  return llvm::sys::getHostCPUName().str();
}

double Check::maxRatio() const {
  double ratio = 0;
  for (const OutputCheck &output : outputs)
    ratio = std::max(ratio, output.comparison.maxRatio);
  return ratio;
}

bool Check::isUndecided() const {
  return llvm::any_of(outputs, [](const OutputCheck &output) {
    return output.comparison.compared == 0 && output.comparison.unbounded != 0;
  });
}

static std::unique_ptr<llvm::MemoryBuffer> readFile(const std::string &path) {
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!file)
    fail(path + ": cannot read it: " + file.getError().message());
  return std::move(*file);
}

static Check checkOutputs(Program &program, const Kernel &kernel, const Arguments &arguments) {
  Evaluation evaluation = program.evaluate(arguments.values);
  Check check;
  check.rows = evaluation.rows;
  check.evaluatedRows = evaluation.evaluatedRows;
  for (size_t k = 0; k < evaluation.outputs.size(); ++k) {
    unsigned param = program.outputs()[k];
    const HostTensor &actual = *arguments.values[param];
    const Output &expected = evaluation.outputs[k];
    if (actual.shape != expected.value.shape)
      fail("output '" + llvm::Twine(kernel.param(param).name) + "' has shape " + formatShape(actual.shape) +
           ", but the reference makes it " + formatShape(expected.value.shape));
    Comparison comparison = compare(expected, actual);
    std::vector<int64_t> worst;
    if (comparison.worst >= 0)
      worst = unravel(comparison.worst, actual.shape);
    check.outputs.push_back({kernel.param(param).name, std::move(worst), comparison});
  }
  return check;
}

static void writeOutputs(const Options &options, const Kernel &kernel, const Arguments &arguments) {
  size_t next = 0;
  for (size_t k = 0; k < kernel.numParams() && next < options.outputs.size(); ++k)
    if (isOutput(kernel.param(k))) {
      const std::string &path = options.outputs[next++];
      if (llvm::Error error = writeNpy(path, *arguments.values[k]))
        fail("--output=" + path + ": " + toString(std::move(error)));
    }
}

static void requireOutputs(const Options &options, const Kernel &kernel) {
  size_t count = 0;
  for (size_t k = 0; k < kernel.numParams(); ++k)
    count += isOutput(kernel.param(k));
  if (options.outputs.size() > count)
    fail("--output is given " + llvm::Twine(options.outputs.size()) + " times, but '" + kernel.name() + "' has " +
         llvm::Twine(count) + (count == 1 ? " output" : " outputs"));
}

int main(int argc, char **argv) {
  Options options = parseOptions(argc, argv);
  if (options.bench && llvm::StringRef(options.target).starts_with("sim:"))
    fail("--bench: the time of a simulation says nothing about a GPU", kUnsupported);
  std::unique_ptr<llvm::MemoryBuffer> file = readFile(options.file);
  Kernel kernel(options, file->getBuffer(), options.file);
  std::optional<Device> device;
  if (llvm::StringRef(options.target).starts_with("cuda:"))
    device.emplace();
  requireOutputs(options, kernel);
  std::unique_ptr<llvm::MemoryBuffer> original;
  if (!options.reference.empty())
    original = readFile(options.reference);
  Program program(original ? original->getBuffer() : file->getBuffer(), original ? options.reference : options.file);
  program.bind(kernel);

  Arguments arguments = makeArguments(options, kernel, &program);
  Execution execution(kernel, arguments.values, options.threads, device ? &*device : nullptr);
  execution.run();
  execution.finish();
  Report report{options,        kernel,       arguments,    execution.stats(), execution.workspaceBytes(),
                execution.on(), std::nullopt, std::nullopt, std::nullopt};
  if (options.check)
    report.check = checkOutputs(program, kernel, arguments);
  if (options.bench) {
    report.work = program.countWork(arguments.values);
    auto flops = report.work ? std::optional<double>(report.work->flops) : std::nullopt;
    report.timing = device ? benchmarkOnDevice(execution, flops) : benchmark(execution, report.plan.slots, flops);
  }
  report.plan = execution.stats();
  writeOutputs(options, kernel, arguments);
  if (!options.map.empty())
    Explanation(kernel, execution).writeMap(options.map, options.file);
  if (options.json)
    printJson(report, llvm::outs());
  else
    printText(report, llvm::outs());
  if (options.explain && !options.json)
    Explanation(kernel, execution).print(llvm::outs());
  return report.check && !report.check->passed() ? kCheckFailed : kRight;
}
