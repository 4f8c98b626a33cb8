// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RandomModule.h"

using namespace fovea::test;

namespace {

struct Schedule {
  const char *text;
  int64_t queryTile, keyBlock;
};
const std::vector<Schedule> kTiles = {
    {kSchedules[0], 64, 64},
    {kSchedules[1], 72, 64},
    {kSchedules[2], 60, 64},
    {kSchedules[3], 64, 64},
    {"query_tile = 128, key_block = 256, lanes = 16, panel = 32, micro_keys = 8", 128, 256},
    {"query_tile = 120, key_block = 256, lanes = 8, panel = 24, micro_keys = 4", 120, 256},
    {"query_tile = 16, key_block = 16, lanes = 8, panel = 16, micro_keys = 8", 16, 16},
    {"query_tile = 4, key_block = 6, lanes = 2, panel = 4, micro_keys = 3", 4, 6},
};

constexpr int64_t kFixed = 37; // elements of %fixed, which any index may be clamped to
constexpr int64_t kReach = 20; // of the relative bias

} // namespace

RandomModule::RandomModule(uint64_t seed) : random(seed) {
  const Schedule &schedule = random.pick(kTiles);
  rowsPerTask = schedule.queryTile;
  keysPerBlock = schedule.keyBlock;
  theSpec.schedule = schedule.text;
  theSpec.layout = random.chance(50) ? "bhnd" : "bnhd";
  theSpec.keySize = random.pick<int64_t>({1, 3, 8, 16, 24, 33, 64});
  theSpec.valueSize = random.pick<int64_t>({1, 5, 8, 16, 24, 40, 64});
  theSpec.offset = random.pick<Offset>({Offset::None, Offset::Scalar, Offset::PerBatch});
  theSpec.lse = random.chance(80);
  negativeOffsets = theSpec.offset != Offset::None && random.chance(20);
  if (random.chance(20))
    theSpec.scale = random.pick<std::string>({"0.5", "1.0", "-0.25", "0.0", "0.08838834764831845"});
  if (random.chance(90))
    theSpec.mask = maskBody();
  if (random.chance(50))
    theSpec.score = scoreBody();
  for (const auto &[name, type] : parameters)
    theSpec.parameters += (theSpec.parameters.empty() ? "" : ", ") + name + ": " + type;
}

std::string RandomModule::maskBody() {
  body.clear();
  Name keep = mask(int(random.between(1, 3)));
  return body + "      attn.yield " + keep + " : i1\n";
}

std::string RandomModule::scoreBody() {
  body.clear();
  Name t = score(int(random.between(1, 4)));
  return body + "      attn.yield " + t + " : f32\n";
}

RandomModule::Name RandomModule::line(const std::string &code) {
  Name name = "%x" + std::to_string(counter++);
  body += "      " + name + " = " + code + "\n";
  return name;
}

RandomModule::Name RandomModule::line(const std::string &op, const std::vector<Name> &operands,
                                      const std::string &type) {
  std::string list;
  for (const Name &operand : operands)
    list += (list.empty() ? "" : ", ") + operand;
  return line(op + " " + list + " : " + type);
}

RandomModule::Name RandomModule::constant(int64_t value) {
  return line("arith.constant " + std::to_string(value) + " : index");
}

RandomModule::Name RandomModule::real(double value) {
  return line("arith.constant " + std::to_string(value) + " : f32");
}

RandomModule::Name RandomModule::parameter(const std::string &name, const std::string &type) {
  parameters["%" + name] = type;
  return "%" + name;
}

RandomModule::Name RandomModule::mask(int depth) {
  if (depth == 0 && !negativeOffsets && random.chance(15)) // an element for every row and key
    return line("tensor.extract " + parameter("dense", "tensor<?x?xi1>") + "[%i, %j] : tensor<?x?xi1>");
  if (depth == 0 || random.chance(15))
    return random.chance(35) ? namedMask() : random.chance(25) ? narrowCompare(2) : compare(2);
  switch (random.below(6)) {
  case 0:
  case 1:
    return line("arith.andi", {mask(depth - 1), mask(depth - 1)}, "i1");
  case 2:
  case 3:
    return line("arith.ori", {mask(depth - 1), mask(depth - 1)}, "i1");
  case 4:
    return line("arith.xori", {mask(depth - 1), random.chance(50) ? line("arith.constant true") : mask(depth - 1)},
                "i1");
  default:
    return line("arith.select", {mask(depth - 1), mask(depth - 1), mask(depth - 1)}, "i1");
  }
}

/// One of the library's, with constants and arguments for its symbols.
RandomModule::Name RandomModule::namedMask() {
  const NamedMask &mask = random.pick(namedMasks());
  if (mask.needsRowsFromZero && negativeOffsets)
    return compare(2);
  std::vector<Name> symbols;
  for (const Symbol &symbol : mask.symbols)
    symbols.push_back(argumentFor(symbol));
  MaskLines lines = writeMask(mask, symbols, [&] { return "%x" + std::to_string(counter++); });
  body += lines.text;
  return lines.result;
}

RandomModule::Name RandomModule::argumentFor(const Symbol &symbol) {
  auto integers = [&](const std::string &name) {
    Name array = parameter(name, "tensor<?xi32>");
    contents.try_emplace(array, random.pick<Content>({Content::Ids, Content::Sorted, Content::Positions}));
    return array;
  };
  switch (symbol.kind) {
  case Symbol::Number:
    return random.chance(50)
               ? parameter(random.chance(50) ? "w" : "p", "index")
               : constant(random.between(std::max<int64_t>(symbol.low, -20), std::min<int64_t>(symbol.high, 150)));
  case Symbol::PerSequence:
    return integers("by_b");
  case Symbol::PerHead:
    return integers("by_h");
  case Symbol::PerPosition:
    return integers("by_n");
  case Symbol::SequenceAndPosition:
    return parameter("ids_of_batch", "tensor<?x?xi32>");
  case Symbol::Flags:
    return parameter("flags", "tensor<?xi8>");
  case Symbol::Words:
    return parameter("words", "tensor<" + std::to_string(kTokens) + "xi64>");
  case Symbol::Ancestors:
    return parameter("ancestors", "tensor<" + std::to_string(kTokens) + "x" + std::to_string(kTokens) + "xi8>");
  case Symbol::Blocks:
    return parameter("blocks", "tensor<?x?xi8>");
  }
  llvm_unreachable("unknown kind");
}

static std::string predicate(Random &random) {
  // Signed comparisons are what masks are made of.
  return random.pick<std::string>({"sge", "sge", "sgt", "slt", "slt", "sle", "eq", "ne", "ult", "ule", "ugt", "uge"});
}

RandomModule::Name RandomModule::compare(int depth) {
  std::string op = "arith.cmpi " + predicate(random) + ",";
  return line(op, {index(depth), index(depth - 1)}, "index");
}

/// In 32 bits, as front ends write it.
RandomModule::Name RandomModule::narrowCompare(int depth) {
  auto narrow = [&](Name value) { return line("arith.index_cast " + value + " : index to i32"); };
  Name left = narrow(index(depth)), right = narrow(index(depth - 1));
  if (random.chance(50))
    left = line("arith.addi", {left, parameter("small", "i32")}, "i32");
  if (random.chance(30))
    right = line("arith.maxsi", {right, parameter("small", "i32")}, "i32");
  return line("arith.cmpi " + predicate(random) + ",", {left, right}, "i32");
}

RandomModule::Name RandomModule::index(int depth) {
  if (depth <= 0 || random.chance(20))
    return indexLeaf();
  auto binary = [&](const std::string &op) {
    return line("arith." + op, {index(depth - 1), index(depth - 1)}, "index");
  };
  auto byConstant = [&](const std::string &op, int64_t low, int64_t high) {
    return line("arith." + op, {index(depth - 1), constant(random.between(low, high))}, "index");
  };
  switch (random.below(12)) {
  case 0:
    return line("arith.subi %i, %j : index");
  case 1:
    return binary("subi");
  case 2:
    return binary("addi");
  case 3:
    return binary("minsi");
  case 4:
    return binary("maxsi");
  case 5:
    return byConstant("floordivsi", 1, 40);
  case 6:
    return byConstant(random.chance(50) ? "remui" : "remsi", 1, 50);
  case 7:
    return byConstant("muli", -2, 3);
  case 8:
    return byConstant(random.chance(50) ? "divui" : "ceildivsi", 1, 40);
  case 9:
    return line("arith.select", {compare(1), index(depth - 1), index(depth - 1)}, "index");
  case 10:
    return line("math.absi", {index(depth - 1)}, "index");
  default:
    return load();
  }
}

RandomModule::Name RandomModule::indexLeaf() {
  switch (random.below(9)) {
  case 0:
  case 1:
    return "%i";
  case 2:
  case 3:
    return "%j";
  case 4:
    return random.chance(50) ? "%b" : "%h";
  case 5:
    return parameter("w", "index");
  case 6:
    return parameter("p", "index");
  case 7:
    return load();
  default:
    return constant(random.between(-10, 150));
  }
}

/// An element of an array with one element per sequence, head, query position or key, or of one with a fixed size.
RandomModule::Name RandomModule::load() {
  std::string axis = random.pick<std::string>({"b", "h", "i", "j", "fixed"});
  if (axis == "i" && negativeOffsets)
    axis = "j";
  bool isWide = random.chance(20);
  std::string name = "by_" + axis + (isWide ? "_wide" : ""), element = isWide ? "i64" : "i32";
  std::string type = "tensor<" + (axis == "fixed" ? std::to_string(kFixed) : "?") + "x" + element + ">";
  Name array = parameter(name, type);
  contents.try_emplace(array, random.pick<Content>({Content::Ids, Content::Sorted, Content::Positions}));
  Name at = axis == "fixed" ? clamped(random.chance(50) ? "%i" : "%j", kFixed - 1) : "%" + axis;
  Name element0 = line("tensor.extract " + array + "[" + at + "] : " + type);
  return line("arith.index_cast " + element0 + " : " + element + " to index");
}

RandomModule::Name RandomModule::clamped(Name value, int64_t last) {
  Name low = line("arith.maxsi", {value, constant(0)}, "index");
  return line("arith.minsi", {low, constant(last)}, "index");
}

/// Every step is continuous in the score, with a slope of at most 1.5.
RandomModule::Name RandomModule::score(int depth) {
  if (depth == 0)
    return "%s";
  Name s = score(depth - 1);
  switch (random.below(9)) {
  case 0:
    return line("arith.mulf", {s, real(random.uniform() * 3 - 1.5)}, "f32");
  case 1:
  case 2:
    return line("arith.addf", {s, bias()}, "f32");
  case 3: {
    Name cap = real(1 + 4 * random.uniform());
    Name small = line("arith.divf", {s, cap}, "f32");
    return line("arith.mulf", {line("math.tanh", {small}, "f32"), cap}, "f32");
  }
  case 4: {
    Name condition = mask(int(random.below(2)));
    return line("arith.select", {condition, s, line("arith.addf", {s, bias()}, "f32")}, "f32");
  }
  case 5:
    return line(random.chance(50) ? "arith.maximumf" : "arith.minimumf", {s, real(random.uniform() * 4 - 2)}, "f32");
  case 6:
    return line(random.chance(50) ? "math.absf" : "arith.negf", {s}, "f32");
  case 7:
    return line("math.exp", {line("arith.minimumf", {s, real(0.4)}, "f32")}, "f32");
  default:
    return line("arith.subf", {s, bias()}, "f32");
  }
}

RandomModule::Name RandomModule::bias() {
  switch (random.below(4)) {
  case 0:
    return line("tensor.extract " + parameter("slopes", "tensor<?xf32>") + "[%h] : tensor<?xf32>");
  case 1: {
    std::string type = "tensor<" + std::to_string(2 * kReach + 1) + "xf32>";
    Name age = line("arith.subi %i, %j : index");
    Name shifted = line("arith.addi", {age, constant(kReach)}, "index");
    return line("tensor.extract " + parameter("table", type) + "[" + clamped(shifted, 2 * kReach) + "] : " + type);
  }
  case 2: {
    Name age = line("arith.subi %j, %i : index");
    Name narrow = line("arith.index_cast " + age + " : index to i32");
    Name distance = line("arith.sitofp " + narrow + " : i32 to f32");
    return line("arith.mulf", {distance, real(random.uniform() * 0.1)}, "f32");
  }
  default:
    return parameter("temperature", "f32");
  }
}

Sizes RandomModule::randomSizes(Random &random) const {
  Sizes s;
  s.batches = random.between(1, 3);
  s.kvHeads = random.between(1, 2);
  s.heads = s.kvHeads * random.pick<int64_t>({1, 1, 2, 3});
  auto length = [&] {
    if (random.chance(30))
      return random.pick<int64_t>({0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129});
    return random.between(1, random.chance(30) ? 280 : 90);
  };
  s.queries = length();
  s.keys = length();
  return s;
}

/// A table that only named masks read; null for other names.
static TensorRef tableOfMask(const std::string &name, const Sizes &s, int64_t longest, Random &random) {
  auto fill = [&](DType dtype, Shape shape, int64_t high) {
    auto table = std::make_shared<HostTensor>(HostTensor::zeros(dtype, shape));
    for (int64_t k = 0; k < table->size(); ++k) {
      int64_t value = random.between(0, high);
      if (dtype == DType::I8)
        table->data<int8_t>()[k] = int8_t(value);
      else if (dtype == DType::I64)
        table->data<int64_t>()[k] = value;
      else
        table->data<int32_t>()[k] = int32_t(value);
    }
    return table;
  };
  if (name == "%ids_of_batch")
    return fill(DType::I32, {s.batches, longest}, 3);
  if (name == "%flags")
    return fill(DType::I8, {longest}, 1);
  if (name == "%words")
    return fill(DType::I64, {kTokens}, (int64_t(1) << kTokens) - 1);
  if (name == "%ancestors")
    return fill(DType::I8, {kTokens, kTokens}, 1);
  if (name == "%blocks")
    return fill(DType::I8, {longest / kBlockRows + 1, longest / kBlockKeys + 1}, 1);
  return nullptr;
}

std::vector<TensorRef> RandomModule::inputs(const Sizes &s, Random &random) const {
  std::vector<TensorRef> inputs = normalInputs(theSpec, s, random);
  int64_t highest = 0;
  auto offset = [&] {
    int64_t value = negativeOffsets     ? random.between(-60, 20)
                    : random.chance(50) ? std::max<int64_t>(s.keys - s.queries, 0)
                                        : random.between(0, 90);
    highest = std::max(highest, value);
    return value;
  };
  if (theSpec.offset == Offset::Scalar)
    inputs.push_back(integer(offset()));
  if (theSpec.offset == Offset::PerBatch) {
    std::vector<int32_t> values;
    for (int64_t b = 0; b < s.batches; ++b)
      values.push_back(int32_t(offset()));
    inputs.push_back(ints({s.batches}, values));
  }
  int64_t longest = std::max(s.keys, highest + s.queries);
  auto number = [&](Content content, int64_t k, int64_t previous) {
    if (content == Content::Ids)
      return random.between(0, 3);
    if (content == Content::Sorted)
      return k ? previous + (random.chance(10) ? random.between(1, 3) : 0) : 0;
    return random.between(-20, longest + 20);
  };
  for (const auto &[name, type] : parameters) {
    if (type == "index" || type == "i32") {
      inputs.push_back(integer(random.between(-10, random.chance(50) ? 30 : longest)));
    } else if (type == "f32") {
      inputs.push_back(fovea::test::real(random.normal()));
    } else if (TensorRef table = tableOfMask(name, s, longest, random)) {
      inputs.push_back(std::move(table));
    } else if (name == "%dense") {
      auto dense = std::make_shared<HostTensor>(HostTensor::zeros(DType::Bool, {highest + s.queries, s.keys}));
      for (int64_t k = 0, i = 0; k < dense->size(); ++k, i = k / s.keys) // blocks of one kind, one of them mixed
        dense->data<uint8_t>()[k] = (i / 40 + k % s.keys / 50) % 3 < 2 ? (i / 40) % 2 : random.chance(50);
      inputs.push_back(std::move(dense));
    } else if (name == "%slopes") {
      inputs.push_back(normal({s.heads}, random));
    } else if (name == "%table") {
      inputs.push_back(normal({2 * kReach + 1}, random));
    } else {
      char axis = name[4];
      int64_t size = axis == 'b'   ? s.batches
                     : axis == 'h' ? s.heads
                     : axis == 'i' ? highest + s.queries
                     : axis == 'j' ? s.keys
                     : axis == 'n' ? longest
                                   : kFixed;
      bool isWide = type.find("i64") != std::string::npos;
      auto array = std::make_shared<HostTensor>(HostTensor::zeros(isWide ? DType::I64 : DType::I32, {size}));
      int64_t previous = 0;
      for (int64_t k = 0; k < size; ++k) {
        previous = number(contents.at(name), k, previous);
        if (isWide)
          array->data<int64_t>()[k] = previous;
        else
          array->data<int32_t>()[k] = int32_t(previous);
      }
      inputs.push_back(std::move(array));
    }
  }
  return inputs;
}
