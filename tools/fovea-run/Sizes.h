// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The size of every dimension of every tensor, from whatever says something about it: static types, files, --dims, and
// which dimensions must be equal.
#ifndef FOVEA_TOOLS_FOVEARUN_SIZES_H
#define FOVEA_TOOLS_FOVEARUN_SIZES_H

#include "llvm/ADT/IntEqClasses.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fovea::run {

class Sizes {
public:
  /// One parameter's tensor; returns its number. `names` are empty where a dimension has none, `sizes` -1 where
  /// dynamic.
  unsigned addTensor(const std::string &name, const std::vector<int64_t> &sizes, const std::vector<std::string> &names);
  void setName(unsigned tensor, unsigned dim, const std::string &name);
  void makeEqual(unsigned tensorA, unsigned dimA, unsigned tensorB, unsigned dimB);

  /// After all of the above. From here on contradictions end the program, naming both sources.
  void seal();
  void set(unsigned tensor, unsigned dim, int64_t size, const std::string &source);
  /// "Nq=4096" or "query.2=4096".
  void setFromOption(llvm::StringRef option);
  /// Ends the program with a list of what is missing.
  std::vector<int64_t> shapeOf(unsigned tensor) const;
  size_t rank(unsigned tensor) const { return tensors[tensor].nodes.size(); }
  /// Name and size of every named dimension.
  std::map<std::string, int64_t> named() const;

private:
  struct Tensor {
    std::string name;
    std::vector<unsigned> nodes;
  };
  struct Fact {
    int64_t size;
    std::string source;
  };
  void setNode(unsigned node, int64_t size, const std::string &source);
  std::string describe(unsigned node) const;
  std::string knownNames() const;

  std::vector<Tensor> tensors;
  std::vector<std::string> nodeLabels; // "query.2"
  llvm::IntEqClasses classes;
  std::map<std::string, unsigned> nodeOfName;
  std::vector<std::pair<unsigned, Fact>> staticFacts;
  std::map<unsigned, Fact> facts; // by class
};

} // namespace fovea::run

#endif
