// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Safetensors.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <cstring>

using namespace llvm;
using namespace fovea::reference;
using namespace fovea::run;

static constexpr StringLiteral kExtension(".safetensors");
static constexpr size_t kMaxHeaderBytes = 100'000'000; // the format's own limit
static constexpr size_t kMaxNesting = 8;               // a header needs 3; the parser is recursive
static constexpr size_t kMaxRank = 32;

namespace {

struct Entry {
  StringRef name, dtype;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0; // bytes of the data
};

Error damaged(const Twine &what) { return createStringError("damaged safetensors file: " + what); }

std::optional<DType> dtypeOf(StringRef text) {
  static constexpr std::pair<StringLiteral, DType> kDtypes[] = {
      {"F16", DType::F16}, {"BF16", DType::BF16}, {"F32", DType::F32}, {"F64", DType::F64}, {"I8", DType::I8},
      {"I16", DType::I16}, {"I32", DType::I32},   {"I64", DType::I64}, {"U8", DType::U8},   {"BOOL", DType::Bool}};
  for (auto &[known, dtype] : kDtypes)
    if (text == known)
      return dtype;
  return std::nullopt;
}

bool nestsTooDeep(StringRef text) {
  size_t depth = 0;
  bool inString = false;
  for (size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (inString && c == '\\')
      ++at;
    else if (c == '"')
      inString = !inString;
    else if (!inString && (c == '{' || c == '[') && ++depth > kMaxNesting)
      return true;
    else if (!inString && (c == '}' || c == ']') && depth > 0)
      --depth;
  }
  return false;
}

Expected<Entry> readEntry(StringRef name, const json::Value &value) {
  auto wrong = [&](const Twine &what) { return damaged("tensor '" + name + "' " + what); };
  const json::Object *object = value.getAsObject();
  if (!object)
    return wrong("is not described by a JSON object");
  Entry entry;
  entry.name = name;
  std::optional<StringRef> dtype = object->getString("dtype");
  const json::Array *shape = object->getArray("shape"), *offsets = object->getArray("data_offsets");
  if (!dtype || !shape || !offsets)
    return wrong("needs dtype, shape and data_offsets");
  entry.dtype = *dtype;
  if (shape->size() > kMaxRank)
    return wrong("has rank " + Twine(shape->size()) + "; at most " + Twine(kMaxRank) + " is supported");
  for (const json::Value &size : *shape) {
    std::optional<int64_t> integer = size.getAsInteger();
    if (!integer || *integer < 0)
      return wrong("has a shape that is no list of sizes");
    entry.shape.push_back(*integer);
  }
  std::optional<uint64_t> begin, end;
  if (offsets->size() == 2) {
    begin = (*offsets)[0].getAsUINT64();
    end = (*offsets)[1].getAsUINT64();
  }
  if (!begin || !end || *begin > *end)
    return wrong("has data_offsets that are no pair of begin and end");
  entry.begin = *begin;
  entry.end = *end;
  return entry;
}

/// Tensors lie side by side: no gap, no overlap, nothing after the last.
Error checkPlaces(std::vector<Entry> entries, uint64_t dataBytes) {
  llvm::sort(entries,
             [](const Entry &a, const Entry &b) { return std::tie(a.begin, a.end) < std::tie(b.begin, b.end); });
  uint64_t reached = 0;
  for (const Entry &entry : entries) {
    if (entry.end > dataBytes)
      return damaged("tensor '" + entry.name + "' ends at byte " + Twine(entry.end) +
                     " of the data, but the file has " + Twine(dataBytes));
    if (entry.begin < reached)
      return damaged("tensor '" + entry.name + "' overlaps the one before it");
    if (entry.begin > reached)
      return damaged("bytes " + Twine(reached) + " to " + Twine(entry.begin) + " of the data belong to no tensor");
    reached = entry.end;
  }
  if (reached != dataBytes)
    return damaged("the last " + Twine(dataBytes - reached) + " bytes belong to no tensor");
  return Error::success();
}

Expected<std::vector<Entry>> readEntries(const json::Object &header, uint64_t dataBytes) {
  std::vector<Entry> entries;
  for (const auto &[key, value] : header) {
    if (StringRef(key) == "__metadata__")
      continue;
    Expected<Entry> entry = readEntry(key, value);
    if (!entry)
      return entry.takeError();
    entries.push_back(std::move(*entry));
  }
  if (Error error = checkPlaces(entries, dataBytes))
    return error;
  return entries;
}

Expected<Entry> pick(ArrayRef<Entry> entries, StringRef name) {
  std::vector<std::string> names;
  for (const Entry &entry : entries) {
    if (entry.name == name)
      return entry;
    names.push_back(("'" + entry.name + "'").str());
  }
  if (entries.size() == 1)
    return entries[0];
  llvm::sort(names);
  constexpr size_t kListed = 10;
  std::string more = names.size() > kListed ? " and " + utostr(names.size() - kListed) + " more" : "";
  names.resize(std::min(names.size(), kListed));
  return createStringError(
      "has no tensor '" + name + "'; " +
      (names.empty() ? "it is empty" : "pick one as FILE.safetensors:TENSOR: " + join(names, ", ") + more));
}

Expected<HostTensor> load(const Entry &entry, StringRef data) {
  std::optional<DType> dtype = dtypeOf(entry.dtype);
  if (!dtype)
    return createStringError("tensor '" + entry.name + "' has dtype " + entry.dtype +
                             ", which is not supported; F16, BF16, F32, F64, I8, I16, I32, I64, U8 and BOOL are");
  uint64_t bytes = byteWidth(*dtype);
  for (int64_t size : entry.shape)
    if (__builtin_mul_overflow(bytes, uint64_t(size), &bytes))
      return damaged("tensor '" + entry.name + "' has the shape " + formatShape(entry.shape) +
                     ", which is larger than the address space");
  // Sizes are claims: compare them with what is there before any memory is asked for.
  if (bytes != entry.end - entry.begin)
    return damaged("tensor '" + entry.name + "' of shape " + formatShape(entry.shape) + " and dtype " + entry.dtype +
                   " takes " + Twine(bytes) + " bytes, but has " + Twine(entry.end - entry.begin));
  Expected<HostTensor> tensor = HostTensor::allocate(*dtype, entry.shape);
  if (!tensor)
    return tensor.takeError();
  if (bytes)
    std::memcpy(tensor->bytes.data(), data.data() + entry.begin, bytes);
  if (*dtype == DType::Bool)
    for (char &byte : tensor->bytes)
      byte = byte != 0;
  return tensor;
}

} // namespace

Expected<HostTensor> fovea::run::parseSafetensors(StringRef bytes, StringRef name) {
  constexpr size_t kLengthBytes = 8;
  if (bytes.size() < kLengthBytes)
    return createStringError("not a safetensors file: it has no room for the length of a header");
  uint64_t length = support::endian::read64le(bytes.data());
  bytes = bytes.drop_front(kLengthBytes);
  if (length > bytes.size() || length > kMaxHeaderBytes)
    return damaged("its header claims " + Twine(length) + " bytes, but " +
                   (length > bytes.size() ? "the file has " + Twine(bytes.size()) + " more"
                                          : "at most " + Twine(kMaxHeaderBytes) + " are accepted"));
  StringRef text = bytes.take_front(length);
  if (nestsTooDeep(text))
    return damaged("its header nests more than " + Twine(kMaxNesting) + " brackets deep");
  if (!json::isUTF8(text))
    return damaged("its header is not UTF-8");
  Expected<json::Value> header = json::parse(text);
  if (!header)
    return damaged("its header is not JSON: " + toString(header.takeError()));
  if (!header->getAsObject())
    return damaged("its header is not a JSON object");
  StringRef data = bytes.drop_front(length);
  Expected<std::vector<Entry>> entries = readEntries(*header->getAsObject(), data.size());
  if (!entries)
    return entries.takeError();
  Expected<Entry> entry = pick(*entries, name);
  if (!entry)
    return entry.takeError();
  return load(*entry, data);
}

Expected<HostTensor> fovea::run::readSafetensors(StringRef path, StringRef name) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return createStringError("cannot read it: " + file.getError().message());
  return parseSafetensors((*file)->getBuffer(), name);
}

std::pair<StringRef, StringRef> fovea::run::splitSafetensorsPath(StringRef text) {
  size_t at = text.rfind(kExtension.str() + ":");
  if (at == StringRef::npos)
    return {text, ""};
  at += kExtension.size();
  return {text.take_front(at), text.drop_front(at + 1)};
}

bool fovea::run::isSafetensorsPath(StringRef text) { return splitSafetensorsPath(text).first.ends_with(kExtension); }
