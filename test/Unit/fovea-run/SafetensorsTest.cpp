// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Safetensors.h"

#include "llvm/Support/Endian.h"
#include "gtest/gtest.h"

#include <random>

using namespace fovea::reference;
using namespace fovea::run;

namespace {

std::string file(const std::string &header, const std::string &data) {
  char length[8];
  llvm::support::endian::write64le(length, header.size());
  return std::string(length, 8) + header + data;
}

std::string entry(const std::string &name, const std::string &dtype, const std::string &shape,
                  const std::string &offsets) {
  return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

const std::string kTwo = file(R"({"__metadata__":{"format":"pt"},)" + entry("a", "U8", "[2,1]", "[0,2]") + "," +
                                  entry("b", "I16", "[]", "[2,4]") + "}",
                              "\x05\x06\x01\x02");

std::string messageOf(const std::string &file, const std::string &name = "a") {
  llvm::Expected<HostTensor> tensor = parseSafetensors(file, name);
  return tensor ? "" : toString(tensor.takeError());
}

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Safetensors, picksByName) {
  llvm::Expected<HostTensor> a = parseSafetensors(kTwo, "a"), b = parseSafetensors(kTwo, "b");
  ASSERT_TRUE(bool(a)) << toString(a.takeError());
  EXPECT_EQ(a->shape, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(a->intAt(1), 6);
  ASSERT_TRUE(bool(b)) << toString(b.takeError());
  EXPECT_TRUE(b->shape.empty());
  EXPECT_EQ(b->intAt(0), 0x201);
  EXPECT_SAYS(messageOf(kTwo, "c"), "has no tensor 'c'; pick one as FILE.safetensors:TENSOR: 'a', 'b'");
}

TEST(Safetensors, takesTheOnlyTensorUnderAnyName) {
  llvm::Expected<HostTensor> only =
      parseSafetensors(file("{" + entry("x", "BOOL", "[2]", "[0,2]") + "}", {"\x02\0", 2}), "q");
  ASSERT_TRUE(bool(only)) << toString(only.takeError());
  EXPECT_EQ(only->dtype, DType::Bool);
  EXPECT_EQ(only->intAt(0), 1);
  EXPECT_EQ(only->intAt(1), 0);
}

TEST(Safetensors, readsEveryDtype) {
  for (auto [name, dtype] : {std::pair("F16", DType::F16),
                             {"BF16", DType::BF16},
                             {"F32", DType::F32},
                             {"F64", DType::F64},
                             {"I8", DType::I8},
                             {"I16", DType::I16},
                             {"I32", DType::I32},
                             {"I64", DType::I64},
                             {"U8", DType::U8},
                             {"BOOL", DType::Bool}}) {
    std::string twice = std::to_string(2 * byteWidth(dtype));
    std::string bytes =
        file("{" + entry("a", name, "[2]", "[0," + twice + "]") + "}", std::string(2 * byteWidth(dtype), 0));
    llvm::Expected<HostTensor> tensor = parseSafetensors(bytes, "a");
    ASSERT_TRUE(bool(tensor)) << name << ": " << toString(tensor.takeError());
    EXPECT_EQ(tensor->dtype, dtype) << name;
    EXPECT_EQ(tensor->size(), 2) << name;
  }
}

TEST(Safetensors, readsEmptyTensors) {
  llvm::Expected<HostTensor> empty = parseSafetensors(file("{" + entry("a", "F32", "[3,0]", "[0,0]") + "}", ""), "a");
  ASSERT_TRUE(bool(empty)) << toString(empty.takeError());
  EXPECT_EQ(empty->shape, (std::vector<int64_t>{3, 0}));
}

TEST(Safetensors, splitsPaths) {
  EXPECT_EQ(splitSafetensorsPath("d/w.safetensors"), std::pair(llvm::StringRef("d/w.safetensors"), llvm::StringRef()));
  EXPECT_EQ(splitSafetensorsPath("w.safetensors:a:b"),
            std::pair(llvm::StringRef("w.safetensors"), llvm::StringRef("a:b")));
  EXPECT_TRUE(isSafetensorsPath("w.safetensors:a"));
  EXPECT_FALSE(isSafetensorsPath("safetensors.npy"));
}

TEST(Safetensors, saysWhatIsWrongWithTheHeader) {
  EXPECT_SAYS(messageOf("1234567"), "not a safetensors file");
  EXPECT_SAYS(messageOf(std::string(7, '\0') + "\x7f{}"), "claims 9151314442816847872 bytes, but the file has 2 more");
  EXPECT_SAYS(messageOf(kTwo.substr(0, 20)), "claims");
  EXPECT_SAYS(messageOf(file("{\"a\":", "")), "is not JSON");
  EXPECT_SAYS(messageOf(file("[]", "")), "not a JSON object");
  EXPECT_SAYS(messageOf(file("{\"\xff\":1}", "")), "not UTF-8");
  EXPECT_SAYS(messageOf(file(std::string(1 << 20, '['), "")), "more than 8 brackets deep");
  EXPECT_SAYS(messageOf(file("{}", "")), "it is empty");
}

TEST(Safetensors, saysWhatIsWrongWithATensor) {
  auto one = [](const char *dtype, const char *shape, const char *offsets, size_t bytes) {
    return messageOf(file("{" + entry("a", dtype, shape, offsets) + "}", std::string(bytes, 0)));
  };
  EXPECT_SAYS(messageOf(file(R"({"a":3})", "")), "not described by a JSON object");
  EXPECT_SAYS(messageOf(file(R"({"a":{"dtype":"F32","shape":[1]}})", "")), "needs dtype, shape and data_offsets");
  EXPECT_SAYS(one("F8_E4M3", "[2]", "[0,2]", 2), "dtype F8_E4M3, which is not supported; F16, BF16, F32,");
  EXPECT_SAYS(one("Q9", "[2]", "[0,4]", 4), "dtype Q9, which is not supported");
  EXPECT_SAYS(one("F32", "[2]", "[0,4]", 4), "takes 8 bytes, but has 4");
  EXPECT_SAYS(one("F32", "[-1]", "[0,4]", 4), "no list of sizes");
  EXPECT_SAYS(one("F32", "[1.5]", "[0,4]", 4), "no list of sizes");
  EXPECT_SAYS(one("F32", "[4611686018427387904,4]", "[0,4]", 4), "larger than the address space");
  EXPECT_SAYS(one("F32", "[1]", "[0]", 4), "no pair");
  EXPECT_SAYS(one("F32", "[1]", "[4,0]", 4), "no pair");
  EXPECT_SAYS(one("F32", "[1]", "[-4,0]", 4), "no pair");
  EXPECT_SAYS(one("F32", "[1]", "[0,18446744073709551616]", 4), "no pair");
  EXPECT_SAYS(one("F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]", 4), "rank 33");
}

TEST(Safetensors, tensorsLieSideBySide) {
  auto two = [](const char *first, const char *second, size_t bytes) {
    return messageOf(file("{" + entry("a", "U8", "[2]", first) + "," + entry("b", "U8", "[2]", second) + "}",
                          std::string(bytes, 0)));
  };
  EXPECT_EQ(two("[0,2]", "[2,4]", 4), "");
  EXPECT_EQ(two("[2,4]", "[0,2]", 4), "");
  EXPECT_SAYS(two("[0,2]", "[1,3]", 3), "'b' overlaps the one before it");
  EXPECT_SAYS(two("[0,2]", "[0,2]", 2), "overlaps");
  EXPECT_SAYS(two("[0,2]", "[3,5]", 5), "bytes 2 to 3 of the data belong to no tensor");
  EXPECT_SAYS(two("[0,2]", "[2,4]", 5), "the last 1 bytes belong to no tensor");
  EXPECT_SAYS(two("[0,2]", "[2,4]", 3), "'b' ends at byte 4 of the data, but the file has 3");
}

TEST(Safetensors, survivesDamage) {
  ASSERT_EQ(messageOf(kTwo), "");
  for (size_t length = 0; length < kTwo.size(); ++length)
    EXPECT_NE(messageOf(kTwo.substr(0, length)), "") << "cut to " << length;
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = kTwo;
    for (int change = 0; change < 3; ++change)
      bytes[random() % bytes.size()] = char(random());
    llvm::Expected<HostTensor> tensor = parseSafetensors(bytes, "a");
    if (!tensor)
      EXPECT_NE(toString(tensor.takeError()), "");
    else
      EXPECT_LE(tensor->bytes.size(), bytes.size());
  }
}

} // namespace
