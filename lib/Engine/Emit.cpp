// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Engine/Emit.h"

#include "GpuCode.h"
#include "fovea/Target/CPU/EmitObject.h"
#include "fovea/Target/NVPTX/Launcher.h"
#include "fovea/Target/NVPTX/Toolkit.h"
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
  bool isForGpu =
      kind == FileKind::PTX || kind == FileKind::Cubin || kind == FileKind::Fatbin || kind == FileKind::Launcher;
  bool isGpu = target.gpu && !target.gpu->isSimulated;
  if (target.gpu && target.gpu->isSimulated)
    return "target '" + target.name + "' runs in the process that compiled it, and has no file; use fovea-run";
  if (isGpu && kind == FileKind::Assembly)
    return "target '" + target.name + "' is a GPU; what its kernels are, --emit=ptx shows";
  if (!isGpu && isForGpu)
    return "target '" + target.name +
           "' is a CPU; PTX, cubins, fatbins and launchers are for GPUs, for example --target=cuda:sm_80";
  return "";
}

/// What a launch needs to know and PTX has no place for.
static std::string describeLaunches(mlir::DictionaryAttr launches) {
  std::string text;
  for (mlir::NamedAttribute launch : launches) {
    GpuLaunch numbers(llvm::cast<mlir::DictionaryAttr>(launch.getValue()));
    text += "// kernel " + launch.getName().str() + ": one block per task, " + std::to_string(numbers.threads) +
            " threads, " + std::to_string(numbers.sharedBytes) + " bytes of dynamic shared memory\n";
  }
  return text;
}

/// The path of a program that cannot be done without, or an error.
static llvm::Expected<std::string> requireTool(llvm::StringRef name, llvm::StringRef kind) {
  std::string path = findCudaTool(name);
  if (!path.empty())
    return path;
  return llvm::createStringError("--emit=" + kind + " needs " + name + ", which is in none of " + kCudaToolPlaces +
                                 ": install the CUDA toolkit's compiler (Debian: nvidia-cuda-toolkit; pip: "
                                 "nvidia-cuda-nvcc) and name its folder in CUDA_HOME, or use --emit=ptx");
}

static llvm::Expected<std::string> emitBinary(FileKind kind, llvm::StringRef ptx, llvm::StringRef arch) {
  llvm::StringRef name = kind == FileKind::Cubin ? "cubin" : "fatbin";
  llvm::Expected<std::string> ptxas = requireTool("ptxas", name);
  if (!ptxas)
    return ptxas;
  llvm::Expected<std::string> cubin = assemblePtx(ptx, arch, *ptxas);
  if (!cubin || kind == FileKind::Cubin)
    return cubin;
  llvm::Expected<std::string> fatbinary = requireTool("fatbinary", name);
  return fatbinary ? makeFatbin(*cubin, ptx, arch, *fatbinary) : std::move(fatbinary);
}

/// The kernels alone.
static std::optional<EmittedFiles> emitKernels(Compilation &compilation, FileKind kind) {
  if (kind == FileKind::LLVMIR)
    return EmittedFiles{print(compilation.getModule()), ""};
  std::optional<std::string> ptx = emitPtx(compilation);
  if (!ptx)
    return std::nullopt;
  if (kind == FileKind::PTX)
    return EmittedFiles{describeLaunches(compilation.getLaunches()) + *ptx, ""};
  llvm::Expected<std::string> binary = emitBinary(kind, *ptx, compilation.getTarget().cpu);
  if (binary)
    return EmittedFiles{std::move(*binary), ""};
  compilation.fail(FOVEA_UNSUPPORTED, binary.takeError());
  return std::nullopt;
}

static std::optional<EmittedFiles> emitLauncher(Compilation &compilation, llvm::StringRef name,
                                                llvm::StringRef target) {
  std::optional<GpuImage> image = emitImage(compilation);
  if (!image)
    return std::nullopt;
  return EmittedFiles{launcherSource(*image, compilation.getKernels(), name, target),
                      launcherHeader(compilation.getKernels(), name, target)};
}

std::optional<EmittedFiles> fovea::emitFiles(llvm::StringRef text, const CompileOptions &options, llvm::StringRef name,
                                             FileKind kind, CompileError &error) {
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
  if (compilation.isForGpu()) {
    if (kind == FileKind::Launcher)
      return emitLauncher(compilation, name, options.target);
    if (kind != FileKind::Object)
      return emitKernels(compilation, kind);
    std::optional<GpuImage> image = emitImage(compilation);
    if (!image || !compilation.addHost(*image, symbol))
      return std::nullopt;
  }
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
