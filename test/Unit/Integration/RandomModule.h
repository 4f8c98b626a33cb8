// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Masks and scores nobody would write, some of them made of those that have a name, valid by construction: array
// indices are in bounds, divisors are positive constants, and scores never amplify a rounding error by more than a
// small factor.
#ifndef FOVEA_TEST_UNIT_INTEGRATION_RANDOMMODULE_H
#define FOVEA_TEST_UNIT_INTEGRATION_RANDOMMODULE_H

#include "Harness.h"
#include "NamedMasks.h"

#include <map>

namespace fovea::test {

class RandomModule {
public:
  explicit RandomModule(uint64_t seed);
  const Spec &spec() const { return theSpec; }
  int64_t queryTile() const { return rowsPerTask; }
  int64_t keyBlock() const { return keysPerBlock; }

  Sizes randomSizes(Random &random) const;
  /// All inputs for the sizes.
  std::vector<TensorRef> inputs(const Sizes &sizes, Random &random) const;

private:
  using Name = std::string;
  enum class Content { Ids, Sorted, Positions }; // of a captured array of integers

  Name line(const std::string &code); // "%x7 = code", returns "%x7"
  /// "%x7 = op operands : type". Operands in braces are evaluated in their order, so that a seed is one module.
  Name line(const std::string &op, const std::vector<Name> &operands, const std::string &type);
  Name constant(int64_t value);
  Name real(double value);
  Name parameter(const std::string &name, const std::string &type);

  Name mask(int depth);
  Name namedMask();
  Name argumentFor(const Symbol &symbol);
  Name compare(int depth);
  Name narrowCompare(int depth);
  Name index(int depth);
  Name indexLeaf();
  Name load();
  Name clamped(Name value, int64_t last);
  Name score(int depth);
  Name bias();

  std::string maskBody();
  std::string scoreBody();

  Random random;
  Spec theSpec;
  int64_t rowsPerTask, keysPerBlock;
  bool negativeOffsets;
  std::string body;
  int counter = 0;
  std::map<std::string, std::string> parameters; // name -> type, in the order of the function's arguments
  std::map<std::string, Content> contents;
};

} // namespace fovea::test

#endif
