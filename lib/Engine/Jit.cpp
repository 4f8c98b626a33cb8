// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Jit.h"

#include "fovea/Simulator/Simulator.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/ExecutionUtils.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"

using namespace llvm;
using namespace fovea;

JitCode::JitCode(std::unique_ptr<orc::LLJIT> jit, const fovea_module_table *table)
    : jit(std::move(jit)), moduleTable(table) {}
JitCode::~JitCode() = default;

Expected<std::unique_ptr<JitCode>> JitCode::link(std::unique_ptr<MemoryBuffer> object, StringRef tableSymbol) {
  Expected<std::unique_ptr<orc::LLJIT>> jit = orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  // logf, tanhf and memcpy come from the process.
  auto process = orc::DynamicLibrarySearchGenerator::GetForCurrentProcess((*jit)->getDataLayout().getGlobalPrefix());
  if (!process)
    return process.takeError();
  (*jit)->getMainJITDylib().addGenerator(std::move(*process));
  orc::SymbolMap simulator; // what simulated kernels call
  for (const simulator::Symbol &symbol : simulator::symbols())
    simulator[(*jit)->mangleAndIntern(symbol.name)] = {orc::ExecutorAddr::fromPtr(symbol.address),
                                                       JITSymbolFlags::Exported | JITSymbolFlags::Callable};
  if (Error error = (*jit)->getMainJITDylib().define(orc::absoluteSymbols(std::move(simulator))))
    return error;
  if (Error error = (*jit)->addObjectFile(std::move(object)))
    return error;
  Expected<orc::ExecutorAddr> table = (*jit)->lookup(tableSymbol);
  if (!table)
    return table.takeError();
  return std::unique_ptr<JitCode>(new JitCode(std::move(*jit), table->toPtr<const fovea_module_table *>()));
}
