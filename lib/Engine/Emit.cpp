// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Engine/Emit.h"

#include "Compilation.h"
#include "fovea/Target/CPU/EmitObject.h"
#include "fovea/Target/NVPTX/Assemble.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace fovea;

/// Kernels of two files may have one name: only the table is seen by the linker.
static void hideFunctions(llvm::Module &module) {
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
}

static std::string print(const llvm::Module &module) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module.print(stream, nullptr);
  return text;
}

/// Why this target has no file of this kind, or "".
static std::string mismatch(const Target &target, FileKind kind) {
  bool isForGpu = kind == FileKind::PTX || kind == FileKind::Cubin, isGpu = target.gpu && !target.gpu->isSimulated;
  if (target.gpu && target.gpu->isSimulated)
    return "target '" + target.name + "' runs in the process that compiled it, and has no file; use fovea-run";
  if (isGpu && !isForGpu && kind != FileKind::LLVMIR)
    return "target '" + target.name + "' is a GPU; write its kernels with --emit=ptx or --emit=cubin";
  if (!isGpu && isForGpu)
    return "target '" + target.name + "' is a CPU; PTX and cubin are for GPUs, for example --target=cuda:sm_80";
  return "";
}

/// What a launch needs to know and PTX has no place for.
static std::string describeLaunches(mlir::DictionaryAttr launches) {
  std::string text;
  for (mlir::NamedAttribute launch : launches) {
    auto numbers = llvm::cast<mlir::DictionaryAttr>(launch.getValue());
    auto number = [&](llvm::StringRef name) { return std::to_string(numbers.getAs<mlir::IntegerAttr>(name).getInt()); };
    text += "// kernel " + launch.getName().str() + ": one block per task, " + number("threads") + " threads, " +
            number("shared_bytes") + " bytes of dynamic shared memory\n";
  }
  return text;
}

static std::optional<EmittedFiles> emitKernels(Compilation &compilation, FileKind kind, llvm::StringRef ptxas) {
  auto fail = [&](llvm::Error reason) {
    compilation.fail(FOVEA_UNSUPPORTED, std::move(reason));
    return std::nullopt;
  };
  llvm::Module &module = compilation.getModule();
  if (kind == FileKind::LLVMIR)
    return EmittedFiles{print(module), ""};
  if (kind == FileKind::Cubin && ptxas.empty())
    return fail(llvm::createStringError(
        "--emit=cubin needs ptxas, which is neither in PATH nor in CUDA_HOME, CUDA_PATH or /usr/local/cuda: install "
        "the CUDA toolkit's compiler (Debian: nvidia-cuda-toolkit; pip: nvidia-cuda-nvcc) and name its folder in "
        "CUDA_HOME, or use --emit=ptx"));
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> ptx =
      emitCode(module, compilation.getMachine(), llvm::CodeGenFileType::AssemblyFile);
  if (!ptx)
    return fail(ptx.takeError());
  if (kind == FileKind::PTX)
    return EmittedFiles{describeLaunches(compilation.getLaunches()) + (*ptx)->getBuffer().str(), ""};
  llvm::Expected<std::string> cubin = assemblePtx((*ptx)->getBuffer(), compilation.getTarget().cpu, ptxas);
  if (!cubin)
    return fail(cubin.takeError());
  return EmittedFiles{std::move(*cubin), ""};
}

std::optional<EmittedFiles> fovea::emitFiles(llvm::StringRef text, const CompileOptions &options, llvm::StringRef name,
                                             FileKind kind, llvm::StringRef ptxas, CompileError &error) {
  fovea_compile_times times = {};
  Compilation compilation(options, times, error);
  std::string symbol = ("fovea_module_" + name).str();
  if (llvm::Expected<Target> target = Target::parse(options.target); !target) {
    llvm::consumeError(target.takeError()); // the compilation says so
  } else if (std::string fault = mismatch(*target, kind); !fault.empty()) {
    compilation.fail(FOVEA_UNSUPPORTED, llvm::createStringError(fault));
    return std::nullopt;
  }
  if (!compilation.run(text, symbol, /*toRunHere=*/false))
    return std::nullopt;
  if (compilation.getTarget().gpu)
    return emitKernels(compilation, kind, ptxas);
  llvm::Module &module = compilation.getModule();
  module.setModuleIdentifier(options.sourceName);
  hideFunctions(module);
  EmittedFiles files;
  files.header = moduleHeader(compilation.getKernels(), symbol, options.target);
  if (kind == FileKind::LLVMIR) {
    files.code = print(module);
    return files;
  }
  auto type = kind == FileKind::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> code = emitCode(module, compilation.getMachine(), type);
  if (!code) {
    compilation.fail(FOVEA_INTERNAL, code.takeError());
    return std::nullopt;
  }
  files.code = (*code)->getBuffer().str();
  return files;
}
