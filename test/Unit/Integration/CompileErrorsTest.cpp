// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The door of the compiler: whatever is wrong with a request, a status, a message, a place, and no module.
#include "fovea/fovea_compile.h"
#include "gtest/gtest.h"

namespace {

const std::string kModule = R"(func.func @main(%q: tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32> {
  %o = attn.attention %q, %q, %q : (tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) -> tensor<?x2x?x8xf32>
  return %o : tensor<?x2x?x8xf32>
}
)";

struct CompileErrors : testing::Test {
  CompileErrors() { options.struct_size = sizeof(options); }
  ~CompileErrors() override { fovea_module_release(module); }

  fovea_status compile(const std::string &text) {
    fovea_module_release(module);
    module = nullptr;
    fovea_error *error = nullptr;
    fovea_status status = fovea_compile(text.data(), text.size(), &options, &module, &error);
    message = fovea_error_message(error);
    location = fovea_error_location(error);
    EXPECT_EQ(status == FOVEA_OK, module != nullptr);
    EXPECT_EQ(status == FOVEA_OK, message.empty()) << message;
    fovea_error_destroy(error);
    return status;
  }
  void expectMessage(const std::string &part) { EXPECT_NE(message.find(part), std::string::npos) << message; }

  fovea_compile_options options = {};
  fovea_module *module = nullptr;
  std::string message, location;
};

TEST_F(CompileErrors, ARightRequestIsOne) { EXPECT_EQ(compile(kModule), FOVEA_OK); }

TEST_F(CompileErrors, NullsAndOtherVersions) {
  EXPECT_EQ(fovea_compile(nullptr, 0, nullptr, &module, nullptr), FOVEA_INVALID);
  EXPECT_EQ(fovea_compile(kModule.data(), kModule.size(), nullptr, nullptr, nullptr), FOVEA_INVALID);
  options.struct_size = 4;
  EXPECT_EQ(compile(kModule), FOVEA_INVALID);
  expectMessage("struct_size must be sizeof(fovea_compile_options)");
}

TEST_F(CompileErrors, TextThatIsNoModule) {
  options.source_name = "host.mlir";
  EXPECT_EQ(compile(""), FOVEA_INVALID);
  expectMessage("no public function");
  EXPECT_EQ(compile("\x01\xff"), FOVEA_INVALID);
  EXPECT_EQ(location, "host.mlir:1:1");
  EXPECT_EQ(compile(kModule.substr(0, kModule.size() / 2)), FOVEA_INVALID);
  EXPECT_EQ(location.substr(0, 12), "host.mlir:2:");
  EXPECT_EQ(compile(std::string(1 << 20, '(')), FOVEA_INVALID);
  EXPECT_EQ(location, "host.mlir:1:257");
  expectMessage("nested more than 256 brackets deep");
}

TEST_F(CompileErrors, ModulesThatNoPassTakes) {
  EXPECT_EQ(compile("func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {\n  return %x : tensor<4xf32>\n}"),
            FOVEA_INVALID);
  expectMessage("result 0 of kernel 'main' is its argument 0, unchanged");
  EXPECT_EQ(location, "<mlir>:1:1");
}

TEST_F(CompileErrors, UnknownTargetsNameTheKnown) {
  options.target = "abacus";
  EXPECT_EQ(compile(kModule), FOVEA_UNSUPPORTED);
  expectMessage("unknown target 'abacus'; targets are host");
  options.target = "cpu:abacus";
  EXPECT_EQ(compile(kModule), FOVEA_UNSUPPORTED);
  expectMessage("unknown processor 'abacus'");
}

TEST_F(CompileErrors, PhasesThatDoNotFit) {
  options.from_phase = "later";
  EXPECT_EQ(compile(kModule), FOVEA_INVALID);
  expectMessage("unknown phase 'later'; phases are import,");
  options.from_phase = "emit";
  EXPECT_EQ(compile(kModule), FOVEA_INVALID);
  expectMessage("no kernels");
}

TEST_F(CompileErrors, DumpsThatCannotBeWritten) {
  options.dump_directory = "/nonexistent/dumps";
  EXPECT_EQ(compile(kModule), FOVEA_INVALID);
  expectMessage("cannot dump phase simplify: cannot open output file '/nonexistent/dumps/2-simplify.mlir'");
}

} // namespace
