// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Target/NVPTX/Assemble.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

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

} // namespace

Expected<std::string> fovea::assemblePtx(StringRef ptx, StringRef arch, StringRef ptxas) {
  Expected<std::unique_ptr<Scratch>> input = Scratch::create("ptx", ptx), output = Scratch::create("cubin"),
                                     messages = Scratch::create("txt");
  for (auto *file : {&input, &output, &messages})
    if (!*file)
      return file->takeError();
  std::string archFlag = ("-arch=" + arch).str();
  StringRef arguments[] = {ptxas, archFlag, (*input)->path, "-o", (*output)->path};
  std::string reason;
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef((*messages)->path), StringRef((*messages)->path)};
  int status =
      sys::ExecuteAndWait(ptxas, arguments, std::nullopt, redirects, /*SecondsToWait=*/0, /*MemoryLimit=*/0, &reason);
  if (status == 0)
    return readAll((*output)->path);
  (*input)->remover.releaseFile();
  if (reason.empty())
    reason = StringRef(readAll((*messages)->path)).trim().str();
  return createStringError("ptxas failed: " + reason + "\nto repeat: " + ptxas + " " + archFlag + " " + (*input)->path);
}
