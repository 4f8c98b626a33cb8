// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "BrokenKernel.h"

#include "fovea/Engine/Engine.h"
#include "fovea/Simulator/Simulator.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <map>

using namespace fovea::test;

std::string fovea::test::kernelText(const Case &c, const std::string &target) {
  llvm::SmallString<128> directory;
  EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("fovea-injected", directory));
  fovea::CompileOptions options;
  options.target = target;
  options.dumpDirectory = directory.str().str();
  fovea_compile_times times;
  fovea::CompileError error;
  fovea_module *module = fovea::compile(c.text(), options, times, error);
  EXPECT_TRUE(module) << error.message;
  fovea_module_release(module);
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, "7-target.mlir");
  auto file = llvm::MemoryBuffer::getFile(path);
  EXPECT_TRUE(bool(file));
  std::string kernel = file ? (*file)->getBuffer().str() : "";
  llvm::sys::fs::remove_directories(directory);
  return kernel;
}

BrokenKernel::BrokenKernel(const Case &c, const std::string &target) : c(c), target(target) {
  static std::map<std::string, std::string> dumps;
  std::string &known = dumps[target + c.text()];
  if (known.empty()) {
    known = kernelText(c, target);
    Outcome run = simulate(c, known, {target, "target"});
    EXPECT_EQ(run.reports + run.error, "") << "it is right as it is";
  }
  text = known;
  behind("@main_task(");
}

size_t BrokenKernel::find(const std::string &what, int which) const {
  std::vector<size_t> places;
  for (size_t at = text.find(what, from); at != std::string::npos; at = text.find(what, at + 1))
    places.push_back(at);
  EXPECT_GT(int(places.size()), which) << what;
  if (places.empty() || int(places.size()) <= which)
    return from;
  return which < 0 ? places.back() : places[size_t(which)];
}

BrokenKernel &BrokenKernel::behind(const std::string &marker) {
  from = find(marker, 0) + 1;
  return *this;
}

BrokenKernel &BrokenKernel::replace(const std::string &what, const std::string &with, int which) {
  text.replace(find(what, which), what.size(), with);
  return *this;
}

std::string BrokenKernel::operandOf(const std::string &op, int operand, int which) const {
  size_t at = find(op, which);
  for (; operand >= 0; --operand)
    at = text.find('%', at + 1);
  return text.substr(at, text.find_first_of(" ,{}[]()\n", at) - at);
}

BrokenKernel &BrokenKernel::movePointer(const std::string &op, int operand, int space, int64_t bytes, int which) {
  std::string pointer = operandOf(op, operand, which), type = "!llvm.ptr<" + std::to_string(space) + ">";
  size_t at = find(op, which);
  text.replace(text.find(pointer, at), pointer.size(), "%bug");
  text.insert(lineOf(at), "%bug = llvm.getelementptr " + pointer + "[" + std::to_string(bytes) + "] : (" + type +
                              ") -> " + type + ", i8\n");
  return *this;
}

BrokenKernel &BrokenKernel::guard(const std::string &op, const std::string &condition, int which) {
  size_t at = find(op, which);
  text.insert(text.find('\n', at), "\n}");
  text.insert(lineOf(at), condition + "\nscf.if %bug {\n");
  return *this;
}

BrokenKernel &BrokenKernel::moveBehind(const std::string &what, const std::string &anchor, int which) {
  size_t begin = lineOf(find(what, which)), end = text.find('\n', begin) + 1;
  std::string line = text.substr(begin, end - begin);
  size_t at = text.find(anchor, end);
  EXPECT_NE(at, std::string::npos) << anchor;
  text.insert(text.find('\n', at) + 1, line);
  text.erase(begin, line.size());
  return *this;
}

void fovea::test::expectFound(const BrokenKernel &kernel, const std::string &report) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    fovea::simulator::setSeed(seed);
    Outcome run = simulate(kernel.c, kernel.text, {kernel.target, "target"});
    EXPECT_NE(run.reports.find(report), std::string::npos) << "seed " << seed << ": " << run.reports << run.error;
    EXPECT_NE(run.reports.find("case.mlir:"), std::string::npos) << "no place: " << run.reports;
    EXPECT_EQ(run.error, "a task of kernel 'main' returned 1");
  }
  fovea::simulator::setSeed(std::nullopt);
}

void fovea::test::expectWrong(const BrokenKernel &kernel, int runs) {
  Outcome run = simulate(kernel.c, kernel.text, {kernel.target, "target", /*slots=*/1, runs});
  ASSERT_EQ(run.reports + run.error, "");
  EXPECT_GT(worstRatio(evaluate(kernel.c), run), 1);
}
