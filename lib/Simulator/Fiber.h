// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_FIBER_H
#define FOVEA_LIB_SIMULATOR_FIBER_H

#include <cstddef>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace fovea::simulator {

/// A call that can be left in the middle and resumed: its own stack, no thread. Whoever resumes it waits meanwhile.
class Fiber {
public:
  using Entry = void (*)(void *);
  static constexpr size_t kStackBytes = 128 << 10, kGuardBytes = 4 << 10;

  Fiber();
  ~Fiber();
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;

  /// Calls entry(argument) on the next resume. Whatever the fiber did before is forgotten.
  void start(Entry entry, void *argument);
  /// Until it suspends or returns.
  void resume();
  /// From inside: back to resume().
  void suspend();

  void run(); // on its own stack; never returns

private:
  char *memory;
  Entry entry = nullptr;
  void *argument = nullptr;
#if defined(__x86_64__)
  void *inside = nullptr, *outside = nullptr; // stack pointers; registers are on the stacks
#else
  ucontext_t inside, outside;
#endif
};

} // namespace fovea::simulator

#endif
