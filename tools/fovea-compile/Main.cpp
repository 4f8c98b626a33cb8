// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fovea-compile: a file with attention to a file with machine code.
#include "fovea/Engine/Emit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;
using fovea::FileKind;

namespace {

constexpr const char *kOverview = R"(Compiles an .mlir file with attn.attention ahead of time.

The object holds one data symbol, fovea_module_NAME (fovea/fovea_abi.h), and code for one instruction set: compile once
per set, under different names, and choose at run time. It needs libc and libm; fovea_module_create (fovea/fovea.h)
makes a module of the symbol.

EXAMPLES:
  fovea-compile causal.mlir --target=cpu:x86-64-v3 -o causal.o --header=causal.h
  fovea-compile causal.mlir --target=cpu:neoverse-n1 -o causal-arm.o
      an object for Linux on AArch64, from any machine
  fovea-compile causal.mlir --target=cuda:sm_80 -o causal.o --header=causal.h
      kernels for GPUs from sm_80 on, in an object for this machine that libfovea-runtime launches them from
  fovea-compile causal.mlir --target=cuda:sm_80 --emit=ptx -o causal.ptx
      the kernels alone; --emit=cubin calls ptxas, --emit=fatbin also fatbinary (found in PATH, CUDA_HOME, CUDA_PATH,
      /usr/local/cuda or the Python package nvidia-cuda-nvcc)
  fovea-compile causal.mlir --target=cuda:sm_80 --emit=launcher -o causal.c --header=causal.h
      the same as a C source that launches them through the driver
  fovea-compile causal.mlir --emit=asm -o -
      what this machine would run, to read

EXIT STATUS:
  0 written   1 bad input   3 target not supported
)";

enum ExitCode { kWritten = 0, kBadInput = 1, kUnsupported = 3 };

[[noreturn]] void fail(const llvm::Twine &message, ExitCode code = kBadInput) {
  llvm::errs() << "fovea-compile: error: " << message << '\n';
  std::exit(code);
}

/// causal-64.mlir -> causal_64
std::string nameOf(llvm::StringRef path) {
  std::string name = path == "-" ? "stdin" : llvm::sys::path::stem(path).str();
  for (char &letter : name)
    if (!llvm::isAlnum(letter))
      letter = '_';
  return name;
}

void write(const std::string &path, llvm::StringRef content, bool isText) {
  std::error_code error;
  llvm::ToolOutputFile file(path, error, isText ? llvm::sys::fs::OF_Text : llvm::sys::fs::OF_None);
  if (error)
    fail(path + ": cannot write it: " + error.message());
  file.os() << content;
  file.os().flush();
  if (file.os().has_error()) {
    std::string reason = file.os().error().message();
    file.os().clear_error();
    fail(path + ": cannot write it: " + reason);
  }
  file.keep();
}

} // namespace

int main(int argc, char **argv) {
  cl::ResetCommandLineParser(); // LLVM's own options
  cl::OptionCategory category("fovea-compile options");
  cl::opt<std::string> input(cl::Positional, cl::Required, cl::desc("F.mlir"), cl::cat(category));
  cl::opt<std::string> output("o", cl::desc("Where to write the code; - is standard output"), cl::value_desc("FILE"),
                              cl::Required, cl::cat(category));
  cl::opt<std::string> target("target", cl::desc("host, loops, cpu:ARCH[+feature...], cuda:sm_80"), cl::init("host"),
                              cl::cat(category));
  cl::opt<FileKind> kind("emit", cl::desc("What to write"), cl::init(FileKind::Object), cl::cat(category),
                         cl::values(clEnumValN(FileKind::Object, "obj", "an ELF object (default)"),
                                    clEnumValN(FileKind::Assembly, "asm", "assembly"),
                                    clEnumValN(FileKind::LLVMIR, "llvm", "LLVM IR"),
                                    clEnumValN(FileKind::PTX, "ptx", "PTX, of a GPU"),
                                    clEnumValN(FileKind::Cubin, "cubin", "machine code of a GPU, by ptxas"),
                                    clEnumValN(FileKind::Fatbin, "fatbin", "cubin and PTX, by fatbinary"),
                                    clEnumValN(FileKind::Launcher, "launcher",
                                               "C source with a GPU's kernels, to launch through the driver")));
  cl::opt<std::string> name("name", cl::desc("The symbol is fovea_module_NAME; default: from the input's name"),
                            cl::cat(category));
  cl::opt<std::string> header("header", cl::desc("Also write a C header with the symbol and every kernel's arguments"),
                              cl::value_desc("FILE"), cl::cat(category));
  cl::opt<std::string> from("from", cl::desc("The phase that F.mlir is in, by name or number"), cl::value_desc("PHASE"),
                            cl::cat(category));
  cl::HideUnrelatedOptions(category);
  cl::ParseCommandLineOptions(argc, argv, kOverview);

  std::string symbolName = name.empty() ? nameOf(input) : name;
  if (!name.empty() && name != nameOf(name))
    fail("--name=" + name + ": use letters, digits and underscores: it is part of a C symbol");
  auto text = llvm::MemoryBuffer::getFileOrSTDIN(input);
  if (!text)
    fail(input + ": cannot read it: " + text.getError().message());
  fovea::CompileError error;
  fovea::CompileOptions options{target, input, from, "", {}};
  if (llvm::StringRef(target).starts_with("cuda:"))
    options.remark = [](const fovea_remark &remark) { // PTX where machine code was wanted
      if (llvm::StringRef(remark.name) == "Assemble" && llvm::StringRef(remark.kind) == "missed")
        llvm::errs() << "fovea-compile: remark: " << remark.text << '\n';
    };
  auto files = fovea::emitFiles((*text)->getBuffer(), options, symbolName, kind, error);
  if (!files)
    fail((error.location.empty() ? "" : error.location + ": ") + error.message,
         error.status == FOVEA_UNSUPPORTED ? kUnsupported : kBadInput);
  if (!header.empty() && files->header.empty())
    fail("--header=" + header + ": these files have nothing to declare; --emit=obj and --emit=launcher have",
         kUnsupported);
  bool isBinary = kind == FileKind::Object || kind == FileKind::Cubin || kind == FileKind::Fatbin;
  write(output, files->code, /*isText=*/!isBinary);
  if (!header.empty())
    write(header, files->header, /*isText=*/true);
  return kWritten;
}
