// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Target/Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Config/Targets.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Target/TargetOptions.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

using namespace llvm;
using fovea::VectorUnit;

static constexpr StringLiteral kX86Triple = "x86_64-unknown-linux-gnu";
static constexpr StringLiteral kAArch64Triple = "aarch64-unknown-linux-gnu";
static constexpr StringLiteral kCudaTriple = "nvptx64-nvidia-cuda";

static void initializeNative() {
  static std::once_flag once;
  std::call_once(once, [] {
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
  });
}

/// The architectures that this file knows the vectors of, as far as this LLVM has them.
static void initializeOthers() {
  static std::once_flag once;
  std::call_once(once, [] {
#if LLVM_HAS_X86_TARGET
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
#endif
#if LLVM_HAS_NVPTX_TARGET
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
#endif
#if LLVM_HAS_AARCH64_TARGET
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
#endif
  });
}

static std::string hostFeatures() {
  SubtargetFeatures featureList;
  for (const auto &feature : sys::getHostCPUFeatures())
    featureList.AddFeature(feature.first(), feature.second);
  return featureList.getString();
}

/// Null when this LLVM cannot make code for the triple.
static std::unique_ptr<MCSubtargetInfo> subtarget(StringRef triple, StringRef cpu = "", StringRef features = "") {
  std::string error;
  const llvm::Target *target = TargetRegistry::lookupTarget(Triple(triple), error);
  return std::unique_ptr<MCSubtargetInfo>(target ? target->createMCSubtargetInfo(Triple(triple), cpu, features)
                                                 : nullptr);
}

static bool has(const MCSubtargetInfo &info, StringRef feature) { return info.checkFeatures(("+" + feature).str()); }

/// The first architecture that has the processor, this machine's before the others; "" when none has.
static std::string tripleOf(StringRef cpu) {
  // Asked of the plain architecture, because LLVM prints its own line about a name that it does not know.
  auto knows = [&](StringRef triple) {
    std::unique_ptr<MCSubtargetInfo> plain = subtarget(triple);
    return plain && plain->isCPUStringValid(cpu);
  };
  std::string here = sys::getProcessTriple();
  if (knows(here))
    return here;
  initializeOthers();
  for (StringRef triple : {kX86Triple, kAArch64Triple})
    if (knows(triple))
      return triple.str();
  return "";
}

static VectorUnit vectorUnitOf(const Triple &triple, const MCSubtargetInfo &info) {
  if (triple.isX86() && has(info, "avx512f"))
    return {16, 32};
  if (triple.isX86())
    return {has(info, "avx") ? 8 : 4, 16};
  if (triple.isAArch64())
    return {4, 32};
  return {4, 16}; // right everywhere: LLVM splits what is too wide
}

static Error unknownFeature(StringRef feature, const fovea::Target &target) {
  StringRef example = Triple(target.triple).isAArch64() ? "fullfp16 or dotprod" : "avx512f or avx2";
  return createStringError("unknown feature '" + feature + "' in target '" + target.name +
                           "'; use LLVM's names, for example " + example);
}

/// cpu:ARCH[+feature...], without the first four letters
static Error parseProcessor(StringRef text, fovea::Target &target) {
  auto [cpu, features] = text.split('+');
  target.cpu = cpu == "aarch64" ? "generic" : cpu.str();
  target.triple = cpu == "aarch64" ? kAArch64Triple.str() : tripleOf(cpu);
  if (cpu == "aarch64")
    initializeOthers();
  std::unique_ptr<MCSubtargetInfo> plain = subtarget(target.triple);
  if (target.triple.empty() || !plain)
    return createStringError("unknown processor '" + cpu + "' in target '" + target.name +
                             "'; use LLVM's names, for example x86-64-v3, x86-64-v4, znver5, neoverse-n1 or apple-m1");
  target.features.clear();
  for (StringRef feature : split(features, '+')) {
    if (feature.empty())
      continue;
    auto isKnown = [&](const SubtargetFeatureKV &known) { return feature == known.Key; };
    if (llvm::none_of(plain->getAllProcessorFeatures(), isKnown))
      return unknownFeature(feature, target);
    target.features += (target.features.empty() ? "+" : ",+") + feature.str();
  }
  return Error::success();
}

/// Bytes that one thread block may have (CUDA C++ Programming Guide, technical specifications per compute capability);
/// nothing for what is older than sm_80, or unknown.
static std::optional<int64_t> sharedBytesOf(StringRef arch) {
  constexpr int64_t kKiB = 1024;
  return StringSwitch<std::optional<int64_t>>(arch.rtrim("af"))
      .Cases({"sm_80", "sm_87"}, 163 * kKiB)
      .Cases({"sm_86", "sm_89", "sm_120", "sm_121"}, 99 * kKiB)
      .Cases({"sm_90", "sm_100", "sm_103"}, 227 * kKiB)
      .Default(std::nullopt);
}

/// cuda:ARCH or sim:ARCH[+seed=N], without what stands before the colon
static Error parseGpu(StringRef text, bool isSimulated, fovea::Target &target) {
  auto [arch, option] = text.split('+');
  initializeOthers();
  std::unique_ptr<MCSubtargetInfo> plain = subtarget(kCudaTriple);
  if (!plain)
    return createStringError("this LLVM makes no code for GPUs, so target '" + target.name + "' is not there");
  std::optional<int64_t> sharedBytes = sharedBytesOf(arch);
  if (!sharedBytes || !plain->isCPUStringValid(arch))
    return createStringError("unknown GPU '" + arch + "' in target '" + target.name +
                             "'; sm_80, 86, 87, 89, 90, 90a, 100, 103, 120 and 121 are known, for example cuda:sm_80");
  target.gpu = fovea::GpuUnit{*sharedBytes, /*hasWarpgroups=*/arch == "sm_90a", isSimulated, 0};
  bool hasSeed = isSimulated && option.consume_front("seed=") && !option.getAsInteger(10, target.gpu->seed);
  if (!hasSeed && text.contains('+'))
    return createStringError("unknown option in target '" + target.name +
                             "'; only the simulator takes one, for example sim:sm_80+seed=1");
  if (!isSimulated) {
    target.triple = kCudaTriple.str();
    target.cpu = arch.str();
    target.features = "";
  }
  return Error::success();
}

Expected<fovea::Target> fovea::Target::parse(StringRef text) {
  initializeNative();
  Target target;
  target.name = text.str();
  target.loops = text == "loops";
  StringRef processor = text;
  bool isCuda = text.starts_with("cuda:"), isSimulated = text.starts_with("sim:");
  bool isHost = text == "host" || text == "loops";
  if (isHost || isSimulated) {
    target.triple = sys::getProcessTriple();
    target.cpu = sys::getHostCPUName().str();
    target.features = hostFeatures();
  }
  if (isCuda || isSimulated) {
    if (Error error = parseGpu(text.split(':').second, isSimulated, target))
      return error;
  } else if (!isHost && !processor.consume_front("cpu:")) {
    return createStringError(
        "unknown target '" + text +
        "'; targets are host, loops, cpu:ARCH[+feature...], for example cpu:x86-64-v3, and cuda:sm_80 "
        "or later, simulated as sim:sm_80");
  } else if (!isHost) {
    if (Error error = parseProcessor(processor, target))
      return error;
  }
  std::unique_ptr<MCSubtargetInfo> info = subtarget(target.triple, target.cpu, target.features);
  if (!info)
    return createStringError("this LLVM makes no code for " + target.triple);
  Triple triple(target.triple);
  if (triple.getArch() == Triple::x86_64 && !has(*info, "64bit"))
    return createStringError("target '" + text + "' is a 32-bit processor; use cpu:x86-64 or a later one");
  target.vectors = vectorUnitOf(triple, *info);
  return target;
}

Error fovea::Target::checkRunsHere() const {
  if (gpu && !gpu->isSimulated)
    return Error::success(); // whether there is such a GPU, a plan finds out
  Triple wanted(triple), here(sys::getProcessTriple());
  if (wanted.getArch() != here.getArch())
    return createStringError("target '" + name + "' is a processor of " + wanted.getArchName() +
                             ", but this machine is " + here.getArchName() +
                             "; use host, or fovea-compile to write an object file for it");
  std::unique_ptr<MCSubtargetInfo> info = subtarget(triple, cpu, features);
  for (const auto &feature : sys::getHostCPUFeatures()) {
    // What kernels are made of; protection keys and the like never appear in them, and hypervisors hide those.
    bool isUsed = llvm::any_of(
        ArrayRef<StringRef>{"sse", "ssse", "avx", "fma", "f16c", "bmi", "lzcnt", "popcnt", "amx", "neon", "sve"},
        [&](StringRef prefix) { return feature.first().starts_with(prefix); });
    bool isKnown = llvm::any_of(info->getAllProcessorFeatures(),
                                [&](const SubtargetFeatureKV &known) { return feature.first() == known.Key; });
    if (!feature.second && isUsed && isKnown && has(*info, feature.first()))
      return createStringError("target '" + name + "' needs the CPU feature '" + feature.first().str() +
                               "', which this machine (" + sys::getHostCPUName().str() +
                               ") lacks; use host, or an older cpu:ARCH such as cpu:x86-64-v2");
  }
  return Error::success();
}

std::unique_ptr<TargetMachine> fovea::Target::createTargetMachine() const {
  std::string error;
  const llvm::Target *llvmTarget = TargetRegistry::lookupTarget(Triple(triple), error);
  if (!llvmTarget)
    return nullptr;
  // Less: full speed of the inner loops at half the time of Default. None drops to a third of the speed.
  return std::unique_ptr<TargetMachine>(llvmTarget->createTargetMachine(
      Triple(triple), cpu, features, TargetOptions(), Reloc::PIC_, std::nullopt, CodeGenOptLevel::Less));
}
