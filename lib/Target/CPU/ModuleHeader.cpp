// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Target/CPU/EmitObject.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/Support/raw_ostream.h"

#include <algorithm>

using namespace llvm;

/// Names are the module's own: none may end the comment.
static std::string inComment(mlir::StringAttr name) {
  std::string text = name.getValue().str();
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

/// One line: name, element type and sizes, what it is for.
static void describeParam(raw_ostream &out, mlir::DictionaryAttr param) {
  mlir::Type type = cast<mlir::TypeAttr>(param.get("type")).getValue();
  auto memref = dyn_cast<mlir::MemRefType>(type);
  out << inComment(param.getAs<mlir::StringAttr>("name")) << ": " << (memref ? memref.getElementType() : type);
  if (memref) {
    auto names = param.getAs<mlir::ArrayAttr>("dims");
    out << "[";
    for (int64_t dim = 0; dim < memref.getRank(); ++dim) {
      out << (dim ? ", " : "");
      if (!memref.isDynamicDim(dim))
        out << memref.getDimSize(dim);
      else
        out << (names ? inComment(cast<mlir::StringAttr>(names[dim])) : "?");
    }
    out << "]";
  }
  out << (param.get("output") ? ", output" : "") << (param.get("frozen") ? ", read by the plan" : "") << "\n";
}

std::string fovea::describeArguments(mlir::DictionaryAttr kernel) {
  std::string text;
  raw_string_ostream out(text);
  out << "/* Kernel '" << inComment(kernel.getAs<mlir::StringAttr>("name")) << "', arguments in order:\n";
  for (mlir::Attribute param : kernel.getAs<mlir::ArrayAttr>("params"))
    describeParam(out << " *   ", cast<mlir::DictionaryAttr>(param));
  out << " */\n";
  return text;
}

std::string fovea::moduleHeader(mlir::ArrayAttr kernels, StringRef symbol, StringRef target) {
  std::string text, guard = symbol.upper() + "_H";
  raw_string_ostream out(text);
  out << "/* Written by fovea-compile for " << target << ". fovea_module_create(&" << symbol
      << ", ...) makes a module of it (fovea.h); link libfovea-runtime and libm. */\n"
      << "#ifndef " << guard << "\n#define " << guard << "\n\n#include \"fovea/fovea_abi.h\"\n\n"
      << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  for (auto kernel : kernels.getAsRange<mlir::DictionaryAttr>())
    out << describeArguments(kernel);
  out << "extern const fovea_module_table " << symbol << ";\n\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return text;
}
