// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Target/Target.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
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

static void initializeNative() {
  static std::once_flag once;
  std::call_once(once, [] {
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
  });
}

static std::string hostFeatures() {
  SubtargetFeatures featureList;
  for (const auto &feature : sys::getHostCPUFeatures())
    featureList.AddFeature(feature.first(), feature.second);
  return featureList.getString();
}

Expected<fovea::Target> fovea::Target::parse(StringRef text) {
  initializeNative();
  Target target;
  target.name = text.str();
  target.triple = sys::getProcessTriple();
  target.cpu = sys::getHostCPUName().str();
  target.features = hostFeatures();
  StringRef arch = text;
  if (text == "loops") {
    target.loops = true;
  } else if (arch.consume_front("cpu:")) {
    auto [cpu, features] = arch.split('+');
    target.cpu = cpu.str();
    target.features.clear();
    for (StringRef feature : split(features, '+'))
      if (!feature.empty())
        target.features += (target.features.empty() ? "+" : ",+") + feature.str();
  } else if (text != "host") {
    return createStringError("unknown target '" + text.str() +
                             "'; targets are host, loops and cpu:ARCH[+feature...], for example cpu:x86-64-v3");
  }
  std::string error;
  const llvm::Target *llvmTarget = TargetRegistry::lookupTarget(Triple(target.triple), error);
  if (!llvmTarget)
    return createStringError(error);
  // Asked of the plain processor, because LLVM prints its own line about a name it does not know.
  std::unique_ptr<MCSubtargetInfo> plain(llvmTarget->createMCSubtargetInfo(Triple(target.triple), "", ""));
  if (!plain || !plain->isCPUStringValid(target.cpu))
    return createStringError("unknown processor '" + target.cpu + "' in target '" + text.str() +
                             "'; use LLVM's names, for example x86-64-v3, x86-64-v4 or znver5");
  for (StringRef feature : split(StringRef(target.features), ','))
    if (text.starts_with("cpu:") && !feature.empty() &&
        llvm::none_of(plain->getAllProcessorFeatures(),
                      [&](const SubtargetFeatureKV &known) { return feature.drop_front() == known.Key; }))
      return createStringError("unknown feature '" + feature.drop_front().str() + "' in target '" + text.str() +
                               "'; use LLVM's names, for example avx512f or avx2");
  std::unique_ptr<MCSubtargetInfo> info(
      llvmTarget->createMCSubtargetInfo(Triple(target.triple), target.cpu, target.features));
  bool isX86 = Triple(target.triple).isX86();
  target.lanes = isX86 && info->checkFeatures("+avx512f") ? 16 : 8;
  return target;
}

Error fovea::Target::checkRunsHere() const {
  std::string error;
  const llvm::Target *llvmTarget = TargetRegistry::lookupTarget(Triple(triple), error);
  if (!llvmTarget)
    return createStringError(error);
  std::unique_ptr<MCSubtargetInfo> info(llvmTarget->createMCSubtargetInfo(Triple(triple), cpu, features));
  for (const auto &feature : sys::getHostCPUFeatures()) {
    // What kernels are made of; protection keys and the like never appear in them, and hypervisors hide those.
    bool isUsed = llvm::any_of(
        ArrayRef<StringRef>{"sse", "ssse", "avx", "fma", "f16c", "bmi", "lzcnt", "popcnt", "amx", "neon", "sve"},
        [&](StringRef prefix) { return feature.first().starts_with(prefix); });
    bool isKnown = llvm::any_of(info->getAllProcessorFeatures(),
                                [&](const SubtargetFeatureKV &known) { return feature.first() == known.Key; });
    if (!feature.second && isUsed && isKnown && info->checkFeatures(("+" + feature.first()).str()))
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
