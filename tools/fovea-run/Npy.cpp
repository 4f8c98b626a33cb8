// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Npy.h"

#include "NpyHeader.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace llvm;
using namespace fovea::reference;
using namespace fovea::run;

static constexpr StringLiteral kMagic("\x93NUMPY");
static constexpr size_t kAlignment = 64; // of the elements in the file
static constexpr size_t kMaxRank = 32;   // NumPy's

/// Column-major elements in row-major order.
static void transpose(const char *from, HostTensor &to) {
  size_t width = byteWidth(to.dtype), rank = to.shape.size();
  std::vector<int64_t> index(rank, 0), strides(rank);
  int64_t stride = 1;
  for (size_t dim = 0; dim < rank; ++dim) {
    strides[dim] = stride;
    stride *= to.shape[dim];
  }
  int64_t position = 0;
  for (int64_t k = 0, size = to.size(); k < size; ++k) {
    std::memcpy(to.bytes.data() + k * width, from + position * width, width);
    for (size_t dim = rank; dim-- > 0;) {
      position += strides[dim];
      if (++index[dim] < to.shape[dim])
        break;
      position -= strides[dim] * to.shape[dim];
      index[dim] = 0;
    }
  }
}

Expected<HostTensor> fovea::run::parseNpy(StringRef bytes) {
  if (!bytes.consume_front(kMagic) || bytes.size() < 2)
    return createStringError("not an .npy file: it does not start with \\x93NUMPY and a version");
  unsigned version = uint8_t(bytes[0]);
  bytes = bytes.drop_front(2);
  if (version < 1 || version > 3)
    return createStringError("version %u of the .npy format is not known; 1 to 3 are", version);
  size_t lengthBytes = version == 1 ? 2 : 4;
  if (bytes.size() < lengthBytes)
    return createStringError("damaged .npy header: the file ends in it");
  size_t length = version == 1 ? support::endian::read16le(bytes.data()) : support::endian::read32le(bytes.data());
  bytes = bytes.drop_front(lengthBytes);
  if (bytes.size() < length)
    return createStringError("damaged .npy header: it claims %zu bytes, the file has %zu more", length, bytes.size());
  Expected<NpyHeader> header = parseNpyHeader(bytes.take_front(length));
  if (!header)
    return header.takeError();
  if (header->shape.size() > kMaxRank)
    return createStringError("rank %zu is not supported", header->shape.size());
  bytes = bytes.drop_front(length);
  // Sizes are claims: compare them with what is there before any memory is asked for.
  size_t expected = byteWidth(header->dtype);
  for (int64_t size : header->shape)
    if (__builtin_mul_overflow(expected, size_t(size), &expected))
      return createStringError("the shape %s is larger than the address space", formatShape(header->shape).c_str());
  if (bytes.size() != expected)
    return createStringError("shape %s of %s takes %zu bytes, but the file has %zu", formatShape(header->shape).c_str(),
                             name(header->dtype).data(), expected, bytes.size());
  Expected<HostTensor> tensor = HostTensor::allocate(header->dtype, header->shape);
  if (!tensor)
    return tensor.takeError();
  if (header->fortranOrder && header->shape.size() > 1)
    transpose(bytes.data(), *tensor);
  else if (expected)
    std::memcpy(tensor->bytes.data(), bytes.data(), expected);
  if (tensor->dtype == DType::Bool)
    for (char &byte : tensor->bytes)
      byte = byte != 0;
  return tensor;
}

Expected<HostTensor> fovea::run::readNpy(StringRef path) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> file =
      MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!file)
    return createStringError("cannot read it: " + file.getError().message());
  return parseNpy((*file)->getBuffer());
}

Error fovea::run::writeNpy(StringRef path, const HostTensor &tensor) {
  if (tensor.dtype == DType::BF16)
    return createStringError("NumPy has no bfloat16; declare this output as f32");
  std::string header = printNpyHeader({tensor.dtype, /*fortranOrder=*/false, tensor.shape});
  size_t prefix = kMagic.size() + 4;
  size_t padding = kAlignment - (prefix + header.size() + 1) % kAlignment;
  header += std::string(padding % kAlignment, ' ') + "\n";
  // At most 32 sizes of 20 digits: version 1 with its 16-bit length is enough.
  char length[2];
  support::endian::write16le(length, uint16_t(header.size()));

  Expected<sys::fs::TempFile> temporary = sys::fs::TempFile::create(path + ".%%%%%%.tmp");
  if (!temporary)
    return temporary.takeError();
  raw_fd_ostream stream(temporary->FD, /*shouldClose=*/false);
  stream << kMagic << '\x01' << '\0' << StringRef(length, 2) << header;
  stream.write(tensor.bytes.data(), tensor.bytes.size());
  stream.flush();
  if (stream.has_error()) {
    std::error_code error = stream.error();
    stream.clear_error();
    return joinErrors(createStringError(error, "cannot write it"), temporary->discard());
  }
  return temporary->keep(path);
}
