// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Sizes.h"

#include "Fail.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using namespace fovea::run;

unsigned Sizes::addTensor(const std::string &name, const std::vector<int64_t> &sizes,
                          const std::vector<std::string> &names) {
  Tensor tensor{name, {}};
  for (size_t dim = 0; dim < sizes.size(); ++dim) {
    unsigned node = unsigned(nodeLabels.size());
    tensor.nodes.push_back(node);
    nodeLabels.push_back(name + "." + utostr(dim));
    if (sizes[dim] >= 0)
      staticFacts.push_back({node, {sizes[dim], "the type of '" + name + "'"}});
  }
  classes.grow(unsigned(nodeLabels.size()));
  tensors.push_back(std::move(tensor));
  unsigned number = unsigned(tensors.size()) - 1;
  for (size_t dim = 0; dim < names.size(); ++dim)
    setName(number, unsigned(dim), names[dim]);
  return number;
}

void Sizes::setName(unsigned tensor, unsigned dim, const std::string &name) {
  if (name.empty())
    return;
  unsigned node = tensors[tensor].nodes[dim];
  auto [known, isNew] = nodeOfName.try_emplace(name, node);
  if (!isNew)
    classes.join(known->second, node);
}

void Sizes::makeEqual(unsigned tensorA, unsigned dimA, unsigned tensorB, unsigned dimB) {
  classes.join(tensors[tensorA].nodes[dimA], tensors[tensorB].nodes[dimB]);
}

void Sizes::seal() {
  classes.compress();
  for (const auto &[node, fact] : staticFacts)
    setNode(node, fact.size, fact.source);
}

std::string Sizes::describe(unsigned node) const {
  for (const auto &[name, named] : nodeOfName)
    if (classes[named] == classes[node])
      return "'" + name + "' (" + nodeLabels[node] + ")";
  return "'" + nodeLabels[node] + "'";
}

void Sizes::setNode(unsigned node, int64_t size, const std::string &source) {
  auto [known, isNew] = facts.try_emplace(classes[node], Fact{size, source});
  if (!isNew && known->second.size != size)
    fail(source + " says that " + describe(node) + " is " + Twine(size) + ", but " + known->second.source + " says " +
         Twine(known->second.size));
}

void Sizes::set(unsigned tensor, unsigned dim, int64_t size, const std::string &source) {
  setNode(tensors[tensor].nodes[dim], size, source);
}

std::string Sizes::knownNames() const {
  std::vector<std::string> names;
  for (const auto &[name, node] : nodeOfName)
    if (name.find('.') == std::string::npos)
      names.push_back(name);
  for (unsigned node = 0; node < nodeLabels.size(); ++node)
    if (!facts.count(classes[node]))
      names.push_back(nodeLabels[node]);
  return names.empty() ? "all sizes are static" : "known are " + join(names, ", ");
}

void Sizes::setFromOption(StringRef option) {
  auto [name, value] = option.split('=');
  int64_t size;
  if (value.getAsInteger(10, size) || size < 0)
    fail("--dims=" + option + ": expected NAME=SIZE with a size of at least 0, for example --dims=Nq=4096");
  auto known = nodeOfName.find(name.str());
  if (known != nodeOfName.end())
    return setNode(known->second, size, "--dims=" + option.str());
  auto label = find(nodeLabels, name);
  if (label == nodeLabels.end())
    fail("--dims=" + option + ": no dimension is called '" + name + "'; " + knownNames());
  setNode(unsigned(label - nodeLabels.begin()), size, "--dims=" + option.str());
}

std::vector<int64_t> Sizes::shapeOf(unsigned tensor) const {
  std::vector<int64_t> shape;
  std::vector<std::string> missing;
  for (unsigned node : tensors[tensor].nodes) {
    auto fact = facts.find(classes[node]);
    if (fact == facts.end())
      missing.push_back(describe(node));
    else
      shape.push_back(fact->second.size);
  }
  if (!missing.empty()) {
    StringRef first = StringRef(missing[0]).drop_front().split('\'').first;
    fail("the size of " + join(missing, ", ") + " is not known: give it with --dims=" + first +
         "=..., or an --input for '" + tensors[tensor].name + "'");
  }
  return shape;
}

std::map<std::string, int64_t> Sizes::named() const {
  std::map<std::string, int64_t> result;
  for (const auto &[name, node] : nodeOfName)
    if (auto fact = facts.find(classes[node]); fact != facts.end())
      result[name] = fact->second.size;
  return result;
}
