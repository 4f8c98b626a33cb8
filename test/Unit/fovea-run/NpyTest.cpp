// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Npy.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

using namespace fovea::reference;
using namespace fovea::run;

namespace {

/// A file of the given format version, with its length field filled in.
std::string npy(int version, const std::string &header, const std::string &data) {
  std::string file = "\x93NUMPY";
  file += char(version);
  file += '\0';
  for (int byte = 0; byte < (version == 1 ? 2 : 4); ++byte)
    file += char(header.size() >> (8 * byte));
  return file + header + data;
}

std::string header(const std::string &descr, const std::string &shape, const std::string &order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

std::string messageOf(const std::string &file) {
  llvm::Expected<HostTensor> tensor = parseNpy(file);
  return tensor ? "" : toString(tensor.takeError());
}

TEST(Npy, readsAllVersions) {
  for (int version : {1, 2, 3}) {
    llvm::Expected<HostTensor> tensor = parseNpy(npy(version, header("|i1", "(2, 1)"), "\x01\xff"));
    ASSERT_TRUE(bool(tensor)) << toString(tensor.takeError());
    EXPECT_EQ(tensor->shape, (std::vector<int64_t>{2, 1}));
    EXPECT_EQ(tensor->intAt(1), -1);
  }
}

TEST(Npy, readsScalarsAndEmptyArrays) {
  llvm::Expected<HostTensor> scalar = parseNpy(npy(1, header("|u1", "()"), "\x07"));
  ASSERT_TRUE(bool(scalar)) << toString(scalar.takeError());
  EXPECT_EQ(scalar->intAt(0), 7);
  llvm::Expected<HostTensor> empty = parseNpy(npy(1, header("<f4", "(3, 0, 2)"), ""));
  ASSERT_TRUE(bool(empty)) << toString(empty.takeError());
  EXPECT_EQ(empty->size(), 0);
}

TEST(Npy, turnsFortranOrderAround) {
  // [[1, 2, 3], [4, 5, 6]] by columns
  llvm::Expected<HostTensor> tensor = parseNpy(npy(1, header("|u1", "(2, 3)", "True"), "\x01\x04\x02\x05\x03\x06"));
  ASSERT_TRUE(bool(tensor)) << toString(tensor.takeError());
  for (int k = 0; k < 6; ++k)
    EXPECT_EQ(tensor->intAt(k), k + 1);
}

TEST(Npy, makesBooleansZeroOrOne) {
  llvm::Expected<HostTensor> tensor = parseNpy(npy(1, header("|b1", "(2,)"), std::string("\x02\0", 2)));
  ASSERT_TRUE(bool(tensor)) << toString(tensor.takeError());
  EXPECT_EQ(tensor->intAt(0), 1);
  EXPECT_EQ(tensor->intAt(1), 0);
}

TEST(Npy, writesWhatItReads) {
  llvm::SmallString<128> path;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("fovea", "npy", path));
  HostTensor tensor = HostTensor::of<float>(DType::F32, {2, 2}, {1, -2, 0.5f, 1e30f});
  ASSERT_FALSE(bool(writeNpy(path, tensor)));
  llvm::Expected<HostTensor> again = readNpy(path);
  ASSERT_TRUE(bool(again)) << toString(again.takeError());
  EXPECT_EQ(again->shape, tensor.shape);
  EXPECT_EQ(again->bytes, tensor.bytes);
  auto file = llvm::MemoryBuffer::getFile(path);
  EXPECT_EQ((*file)->getBufferSize() % 64, 16u) << "elements begin at a multiple of 64 bytes";
  llvm::sys::fs::remove(path);
  EXPECT_NE(toString(writeNpy("/nonexistent/x.npy", tensor)), "");
}

TEST(Npy, saysWhatIsWrong) {
  EXPECT_NE(messageOf("hello").find("not an .npy file"), std::string::npos);
  EXPECT_NE(messageOf(npy(4, header("<f4", "()"), "    ")).find("version 4"), std::string::npos);
  EXPECT_NE(messageOf(npy(1, header("<f4", "(2,)"), "    ")).find("takes 8 bytes, but the file has 4"),
            std::string::npos);
  EXPECT_NE(messageOf(npy(1, header(">f4", "()"), "    ")).find("big-endian"), std::string::npos);
  EXPECT_NE(messageOf(npy(1, header("<c8", "()"), "  ")).find("'<c8' is not supported"), std::string::npos);
  EXPECT_NE(messageOf(npy(1, "{'descr': [('a', '<f4')], ", "")).find("structured"), std::string::npos);
  EXPECT_NE(messageOf(npy(1, header("<f4", "(-1,)"), "")).find("sizes"), std::string::npos);
  EXPECT_NE(messageOf(npy(1, header("<f4", "(9223372036854775807, 8)"), "")).find("address space"), std::string::npos);
  EXPECT_NE(messageOf(npy(1, header("<f4", "()", "Maybe"), "    ")).find("fortran_order"), std::string::npos);
  EXPECT_NE(messageOf(npy(1, "{'descr': '<f4'}", "")).find("needs"), std::string::npos);
}

TEST(Npy, survivesDamage) {
  std::string file = npy(1, header("<i4", "(2, 3)", "True"), std::string(24, 'x'));
  ASSERT_EQ(messageOf(file), "");
  for (size_t length = 0; length < file.size(); ++length)
    EXPECT_NE(messageOf(file.substr(0, length)), "") << "cut to " << length;
  for (size_t at = 0; at + 24 < file.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = file;
      damaged[at] = char(damaged[at] ^ (1 << bit));
      messageOf(damaged);
    }
}

} // namespace
