// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "GpuCode.h"

#include "fovea/Target/CPU/EmitObject.h"
#include "fovea/Target/NVPTX/Toolkit.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/OptBisect.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace fovea;

namespace {

/// Strength reduction of addresses took half of the code generator's time and spared 1 % of the instructions of a loop
/// over keys, all of them of addresses; ptxas reduces most by itself.
struct WithoutStrengthReduction : llvm::OptPassGate {
  bool shouldRunPass(llvm::StringRef pass, llvm::StringRef) const override {
    return pass != "slsr";
  }
  bool isEnabled() const override { return true; }
};

} // namespace

std::optional<std::string> fovea::emitPtx(Compilation &compilation) {
  static WithoutStrengthReduction gate;
  compilation.getModule().getContext().setOptPassGate(gate);
  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> ptx =
      emitCode(compilation.getModule(), compilation.getMachine(), llvm::CodeGenFileType::AssemblyFile);
  if (ptx)
    return (*ptx)->getBuffer().str();
  compilation.fail(FOVEA_INTERNAL, ptx.takeError());
  return std::nullopt;
}

std::optional<GpuImage> fovea::emitImage(Compilation &compilation) {
  std::optional<std::string> ptx = emitPtx(compilation);
  if (!ptx)
    return std::nullopt;
  GpuImage image;
  image.arch = compilation.getTarget().cpu;
  image.launches = compilation.getLaunches();
  std::string ptxas = findCudaTool("ptxas");
  if (ptxas.empty()) {
    compilation.remark(
        "missed", "Assemble",
        std::string("there is no ptxas in ") + kCudaToolPlaces +
            ": the driver assembles the PTX when it is first planned, with other results and less speed");
    image.isPtx = true;
    image.bytes = std::move(*ptx) + '\0';
    return image;
  }
  llvm::Expected<std::string> cubin = assemblePtx(*ptx, image.arch, ptxas);
  if (!cubin) {
    compilation.fail(FOVEA_UNSUPPORTED, cubin.takeError());
    return std::nullopt;
  }
  image.bytes = std::move(*cubin);
  compilation.remark("passed", "Assemble", "by " + ptxas);
  return image;
}
