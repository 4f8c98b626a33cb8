// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Target/NVPTX/Toolkit.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

#include <dlfcn.h>

using namespace llvm;

const char *const fovea::kCudaToolPlaces = "PATH, CUDA_HOME, CUDA_PATH, /usr/local/cuda or the Python package "
                                           "nvidia-cuda-nvcc of VIRTUAL_ENV";

static std::string environment(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : "";
}

/// The site-packages folders in which NVIDIA's Python package may be.
static SmallVector<std::string> sitePackages() {
  SmallVector<std::string> found;
  if (std::string root = environment("VIRTUAL_ENV"); !root.empty()) {
    SmallString<128> lib(root);
    sys::path::append(lib, "lib");
    std::error_code error;
    for (sys::fs::directory_iterator it(lib, error), end; it != end && !error; it.increment(error))
      if (sys::path::filename(it->path()).starts_with("python3"))
        found.push_back(it->path() + "/site-packages");
  }
  Dl_info self; // site-packages/fovea/libfovea.so, where our own package is installed
  if (dladdr(reinterpret_cast<void *>(&fovea::findCudaTool), &self) && self.dli_fname)
    found.push_back(sys::path::parent_path(sys::path::parent_path(self.dli_fname)).str());
  return found;
}

std::string fovea::findCudaTool(StringRef name) {
  if (auto found = sys::findProgramByName(name))
    return *found;
  SmallVector<std::string> folders;
  for (const std::string &home : {environment("CUDA_HOME"), environment("CUDA_PATH"), std::string("/usr/local/cuda")})
    if (!home.empty())
      folders.push_back(home + "/bin");
  for (const std::string &site : sitePackages())
    for (const char *package : {"cu13", "cuda_nvcc"}) // of CUDA 13, of those before
      folders.push_back(site + "/nvidia/" + package + "/bin");
  for (const std::string &folder : folders)
    if (std::string path = folder + "/" + name.str(); sys::fs::can_execute(path))
      return path;
  return "";
}

namespace {

/// A file that goes away unless it is kept.
struct Scratch {
  SmallString<128> path;
  FileRemover remover;

  static Expected<std::unique_ptr<Scratch>> create(StringRef suffix, StringRef content = "") {
    auto scratch = std::make_unique<Scratch>();
    int descriptor;
    if (std::error_code error = sys::fs::createTemporaryFile("fovea", suffix, descriptor, scratch->path))
      return createStringError(error, "cannot make a temporary file");
    scratch->remover.setFile(scratch->path);
    raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
    stream << content;
    return scratch;
  }
};

std::string readAll(StringRef path) {
  auto file = MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  return file ? (*file)->getBuffer().str() : "";
}

/// Runs a program that writes the file behind `output`, the arguments being `before`, its path and `inputs`. A failure
/// keeps the inputs.
Expected<std::string> runTool(StringRef program, ArrayRef<std::string> before, ArrayRef<std::string> after,
                              ArrayRef<Scratch *> inputs, const Scratch &output) {
  Expected<std::unique_ptr<Scratch>> messages = Scratch::create("txt");
  if (!messages)
    return messages.takeError();
  SmallVector<StringRef> arguments = {program};
  arguments.append(before.begin(), before.end());
  arguments.push_back(output.path);
  arguments.append(after.begin(), after.end());
  std::string reason;
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef((*messages)->path), StringRef((*messages)->path)};
  if (sys::ExecuteAndWait(program, arguments, std::nullopt, redirects, /*SecondsToWait=*/0, /*MemoryLimit=*/0,
                          &reason) == 0)
    return readAll(output.path);
  for (Scratch *input : inputs)
    input->remover.releaseFile();
  if (reason.empty())
    reason = StringRef(readAll((*messages)->path)).trim().str();
  return createStringError(sys::path::filename(program) + " failed: " + reason +
                           "\nto repeat: " + join(arguments, " "));
}

} // namespace

Expected<std::string> fovea::assemblePtx(StringRef ptx, StringRef arch, StringRef ptxas) {
  Expected<std::unique_ptr<Scratch>> input = Scratch::create("ptx", ptx), output = Scratch::create("cubin");
  for (auto *file : {&input, &output})
    if (!*file)
      return file->takeError();
  SmallVector<std::string> arguments = {("-arch=" + arch).str(), (*input)->path.str().str(), "-o"};
  if (ptx.count(".entry ") > 1)
    arguments.insert(arguments.begin(), "--split-compile=0"); // each kernel on a thread of its own; since CUDA 12.1
  return runTool(ptxas, arguments, {}, {input->get()}, **output);
}

Expected<std::string> fovea::makeFatbin(StringRef cubin, StringRef ptx, StringRef arch, StringRef fatbinary) {
  Expected<std::unique_ptr<Scratch>> code = Scratch::create("cubin", cubin), text = Scratch::create("ptx", ptx),
                                     output = Scratch::create("fatbin");
  for (auto *file : {&code, &text, &output})
    if (!*file)
      return file->takeError();
  std::string chip = arch.drop_front(3).str(); // without "sm_"
  auto image = [&](StringRef kind, const Scratch &file) {
    return ("--image3=kind=" + kind + ",sm=" + chip + ",file=" + file.path).str();
  };
  return runTool(fatbinary, {"-64", "--create"}, {image("elf", **code), image("ptx", **text)},
                 {code->get(), text->get()}, **output);
}
