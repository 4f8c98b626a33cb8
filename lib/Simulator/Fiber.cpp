// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A switch happens at every collective operation of every lane: on x86-64 it is a dozen instructions, since swapcontext
// asks the kernel for the signal mask each time.
#include "Fiber.h"

#include <cstdint>
#include <cstdlib>
#include <new>
#include <sys/mman.h>

using namespace fovea::simulator;

Fiber::Fiber() {
  void *mapped = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    throw std::bad_alloc();
  memory = static_cast<char *>(mapped);
  mprotect(memory, kGuardBytes, PROT_NONE); // stacks grow down: too deep a call ends the process, not another fiber
}

Fiber::~Fiber() { munmap(memory, kStackBytes); }

void Fiber::run() {
  entry(argument);
  suspend();
  std::abort(); // resumed after its end
}

#if defined(__x86_64__)

/// *save = this stack; continue on `load`. Only what a callee must preserve is kept.
extern "C" void fovea_sim_switch(void **save, void *load);
asm(R"(
  .text
  .hidden fovea_sim_switch
  .globl fovea_sim_switch
  .type fovea_sim_switch, @function
fovea_sim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size fovea_sim_switch, .-fovea_sim_switch

  .hidden fovea_sim_begin
  .globl fovea_sim_begin
  .type fovea_sim_begin, @function
fovea_sim_begin:
  movq %rbx, %rdi
  jmp fovea_sim_enter
  .size fovea_sim_begin, .-fovea_sim_begin
)");
extern "C" void fovea_sim_begin();
extern "C" __attribute__((visibility("hidden"), used)) void fovea_sim_enter(Fiber *fiber) { fiber->run(); }

void Fiber::start(Entry newEntry, void *newArgument) {
  entry = newEntry;
  argument = newArgument;
  auto top = reinterpret_cast<uintptr_t *>(memory + kStackBytes);
  *--top = 0; // the caller that fovea_sim_enter never returns to; the stack is aligned as after a call
  *--top = reinterpret_cast<uintptr_t>(&fovea_sim_begin);
  *--top = 0;                                 // rbp
  *--top = reinterpret_cast<uintptr_t>(this); // rbx
  for (int k = 0; k < 4; ++k)                 // r12 to r15
    *--top = 0;
  inside = top;
}

void Fiber::resume() { fovea_sim_switch(&outside, inside); }
void Fiber::suspend() { fovea_sim_switch(&inside, outside); }

#else

static void enter(unsigned high, unsigned low) { reinterpret_cast<Fiber *>(uintptr_t(high) << 32 | low)->run(); }

void Fiber::start(Entry newEntry, void *newArgument) {
  entry = newEntry;
  argument = newArgument;
  getcontext(&inside);
  inside.uc_stack.ss_sp = memory + kGuardBytes;
  inside.uc_stack.ss_size = kStackBytes - kGuardBytes;
  inside.uc_link = nullptr;
  auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&inside, reinterpret_cast<void (*)()>(enter), 2, unsigned(self >> 32), unsigned(self));
}

void Fiber::resume() { swapcontext(&outside, &inside); }
void Fiber::suspend() { swapcontext(&inside, &outside); }

#endif
