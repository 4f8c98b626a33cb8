// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NpyHeader.h"

#include "llvm/ADT/StringExtras.h"

using namespace llvm;
using fovea::reference::DType;
using fovea::run::NpyHeader;

namespace {

struct Descriptor {
  StringRef text;
  DType dtype;
};
constexpr Descriptor kDescriptors[] = {{"<f2", DType::F16}, {"<f4", DType::F32}, {"<f8", DType::F64},
                                       {"|i1", DType::I8},  {"<i2", DType::I16}, {"<i4", DType::I32},
                                       {"<i8", DType::I64}, {"|u1", DType::U8},  {"|b1", DType::Bool}};

/// Just as much of Python's literals as headers use.
class Parser {
public:
  explicit Parser(StringRef text) : rest(text) {}
  Expected<NpyHeader> parse();

private:
  bool take(StringRef token) {
    rest = rest.ltrim();
    return rest.consume_front(token);
  }
  bool takeString(StringRef &value);
  Error takeEntry();
  Error takeShape();
  Error damaged(const Twine &what) { return createStringError("damaged .npy header: " + what); }

  StringRef rest;
  NpyHeader header;
  bool hasDescr = false, hasOrder = false, hasShape = false;
};

bool Parser::takeString(StringRef &value) {
  for (StringRef quote : {"'", "\""})
    if (take(quote)) {
      std::tie(value, rest) = rest.split(quote);
      return true;
    }
  return false;
}

Error Parser::takeShape() {
  if (!take("("))
    return damaged("shape is not a tuple");
  header.shape.clear();
  while (!take(")")) {
    int64_t size;
    rest = rest.ltrim();
    if (rest.consumeInteger(10, size) || size < 0)
      return damaged("shape is not a tuple of sizes");
    header.shape.push_back(size);
    if (!take(",") && !rest.ltrim().starts_with(")"))
      return damaged("shape is not a tuple of sizes");
  }
  hasShape = true;
  return Error::success();
}

Error Parser::takeEntry() {
  StringRef key, descr;
  if (!takeString(key) || !take(":"))
    return damaged("expected 'key': value");
  if (key == "shape")
    return takeShape();
  if (key == "fortran_order") {
    hasOrder = true;
    header.fortranOrder = take("True");
    return header.fortranOrder || take("False") ? Error::success() : damaged("fortran_order is neither True nor False");
  }
  if (key != "descr")
    return damaged("unknown key '" + key + "'");
  if (!takeString(descr))
    return createStringError("structured arrays are not supported; use a plain dtype such as float32");
  for (const Descriptor &known : kDescriptors)
    if (descr == known.text ||
        (known.text[0] == '|' && descr.size() == 3 && descr.drop_front() == known.text.drop_front())) {
      header.dtype = known.dtype;
      hasDescr = true;
      return Error::success();
    }
  if (descr.starts_with(">"))
    return createStringError("its dtype '" + descr +
                             "' is big-endian; use array.astype(array.dtype.newbyteorder('<'))");
  return createStringError("its dtype '" + descr +
                           "' is not supported; float16, float32, float64, int8, int16, int32, int64, uint8 "
                           "and bool are");
}

Expected<NpyHeader> Parser::parse() {
  if (!take("{"))
    return damaged("it is not a dict");
  while (!take("}")) {
    if (Error error = takeEntry())
      return error;
    if (!take(",") && !rest.ltrim().starts_with("}"))
      return damaged("expected , or }");
  }
  if (!hasDescr || !hasOrder || !hasShape)
    return damaged("it needs descr, fortran_order and shape");
  return header;
}

} // namespace

Expected<NpyHeader> fovea::run::parseNpyHeader(StringRef text) { return Parser(text).parse(); }

std::string fovea::run::printNpyHeader(const NpyHeader &header) {
  StringRef descr;
  for (const Descriptor &known : kDescriptors)
    if (known.dtype == header.dtype)
      descr = known.text;
  std::string shape;
  for (int64_t size : header.shape)
    shape += itostr(size) + ", ";
  return ("{'descr': '" + descr + "', 'fortran_order': " + (header.fortranOrder ? "True" : "False") + ", 'shape': (" +
          shape + "), }")
      .str();
}
