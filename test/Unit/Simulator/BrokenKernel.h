// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A right kernel, to be broken in one place: its text after phase 7, which both the simulator and PTX are made of.
#ifndef FOVEA_TEST_UNIT_SIMULATOR_BROKEN_KERNEL_H
#define FOVEA_TEST_UNIT_SIMULATOR_BROKEN_KERNEL_H

#include "Fixture.h"

namespace fovea::test {

/// The case's module after phase 7.
std::string kernelText(const Case &c, const std::string &target);

class BrokenKernel {
public:
  /// Still right. What it computes is `c`.
  explicit BrokenKernel(const Case &c, const std::string &target = "sim:sm_80");

  /// From here on only what stands behind the first `marker` is looked at.
  BrokenKernel &behind(const std::string &marker);
  /// The `which`-th occurrence from there, from 0; -1: the last.
  BrokenKernel &replace(const std::string &what, const std::string &with, int which = 0);
  /// The `which`-th `op` goes `bytes` further with its `operand`-th operand, a pointer to memory space `space`.
  BrokenKernel &movePointer(const std::string &op, int operand, int space, int64_t bytes, int which = 0);
  /// The `which`-th line with `op`, if it has no result, happens only if `condition`: code that defines %bug.
  BrokenKernel &guard(const std::string &op, const std::string &condition, int which = 0);
  /// The `which`-th line with `what` moves behind the first one after it with `anchor`.
  BrokenKernel &moveBehind(const std::string &what, const std::string &anchor, int which = 0);
  /// The name of the `operand`-th operand of the `which`-th `op`, with its %.
  std::string operandOf(const std::string &op, int operand, int which = 0) const;

  /// Its code, and what it is run with.
  std::string text;
  Case c;
  std::string target;

private:
  size_t find(const std::string &what, int which) const;
  size_t lineOf(size_t at) const { return text.rfind('\n', at) + 1; }

  size_t from = 0;
};

/// Under every order of warps a report says so, and names a place; the run fails.
void expectFound(const BrokenKernel &kernel, const std::string &report);
/// No report, but a wrong result: only the reference can tell.
void expectWrong(const BrokenKernel &kernel, int runs = 1);

} // namespace fovea::test

#endif
