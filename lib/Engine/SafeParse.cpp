// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Engine/SafeParse.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace fovea;

namespace {

/// Walks the text once, outside strings and comments, and stops at the first place that would nest too deep.
class NestingScan {
public:
  explicit NestingScan(StringRef text) : text(text) {}

  /// True when the text is fit to be parsed; otherwise `problem` and `at` say why not.
  bool run();
  std::string problem;
  size_t at = 0;

private:
  void skipString();
  void skipComment() { at = std::min(text.find('\n', at), text.size()); }
  bool open(char bracket);
  void close(char bracket);
  bool isAffine() const;

  StringRef text;
  SmallVector<char, kMaxNesting> stack;
  std::optional<size_t> affineBegin; // the outermost affine_map< or affine_set<
  size_t affineDepth = 0;
};

/// Up to the closing quote or the end of the line, where the lexer gives up too.
void NestingScan::skipString() {
  for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at)
    if (text[at] == '\\')
      ++at;
}

bool NestingScan::isAffine() const {
  StringRef before = text.take_front(at).rtrim();
  return before.ends_with("affine_map") || before.ends_with("affine_set");
}

bool NestingScan::open(char bracket) {
  if (bracket == '<' && !affineBegin && isAffine()) {
    affineBegin = at;
    affineDepth = stack.size();
  }
  stack.push_back(bracket);
  return stack.size() <= size_t(kMaxNesting);
}

/// '<' and '>' are also parts of operators, so a '<' that stayed open ends with the bracket around it, and a '>' that
/// nothing opened is ignored.
void NestingScan::close(char bracket) {
  char opening = bracket == ')' ? '(' : bracket == ']' ? '[' : bracket == '}' ? '{' : '<';
  if (bracket == '>' && (stack.empty() || stack.back() != '<'))
    return;
  size_t depth = stack.size();
  while (depth > 0 && stack[depth - 1] != opening)
    --depth;
  if (depth > 0)
    stack.resize(depth - 1);
  if (affineBegin && stack.size() <= affineDepth)
    affineBegin.reset();
}

bool NestingScan::run() {
  for (; at < text.size(); ++at) {
    char c = text[at];
    char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (c == '"') {
      skipString();
    } else if (c == '/' && next == '/') {
      skipComment();
    } else if ((c == '-' && next == '>') || ((c == '<' || c == '>') && next == '=')) {
      ++at; // one token: -> <= >=
    } else if (StringRef("([{<").contains(c)) {
      if (!open(c)) {
        problem = "nested more than " + std::to_string(kMaxNesting) + " brackets deep";
        return false;
      }
    } else if (StringRef(")]}>").contains(c)) {
      close(c);
    }
    if (affineBegin && at - *affineBegin > kMaxAffineBytes) {
      problem = "an affine map or set is longer than " + std::to_string(kMaxAffineBytes) + " bytes";
      at = *affineBegin;
      return false;
    }
  }
  return true;
}

std::string place(StringRef name, unsigned line, unsigned column) {
  return (name + ":" + Twine(line) + ":" + Twine(column)).str();
}

std::string placeOf(StringRef text, size_t at, StringRef name) {
  StringRef before = text.take_front(at);
  size_t lineBegin = before.rfind('\n') + 1; // npos + 1 == 0
  return place(name, unsigned(before.count('\n')) + 1, unsigned(at - lineBegin) + 1);
}

std::string placeOf(Location location) {
  std::string result;
  location->walk([&](Location inner) {
    auto file = dyn_cast<FileLineColLoc>(inner);
    if (file)
      result = place(file.getFilename(), file.getLine(), file.getColumn());
    return file ? WalkResult::interrupt() : WalkResult::advance();
  });
  return result;
}

/// "window" when the text says %window there; "" for numbers.
StringRef nameAt(const char *at, const char *end) {
  StringRef text(at, end - at);
  if (!text.consume_front("%") || text.empty() || !(llvm::isAlpha(text.front()) || text.front() == '_'))
    return "";
  return text.take_while([](char c) { return llvm::isAlnum(c) || StringRef("_.$-").contains(c); });
}

/// MLIR forgets what values are called. Callers of a kernel should not: names of arguments go into their locations.
void nameArguments(ModuleOp module, llvm::SourceMgr &sources) {
  const char *end = sources.getMemoryBuffer(sources.getMainFileID())->getBufferEnd();
  for (auto function : module.getOps<func::FuncOp>())
    for (BlockArgument argument : function.getArguments())
      if (auto location = dyn_cast<FileLineColLoc>(argument.getLoc())) {
        llvm::SMLoc at =
            sources.FindLocForLineAndColumn(sources.getMainFileID(), location.getLine(), location.getColumn());
        if (StringRef name = at.isValid() ? nameAt(at.getPointer(), end) : ""; !name.empty())
          argument.setLoc(NameLoc::get(StringAttr::get(module.getContext(), name), location));
      }
}

} // namespace

OwningOpRef<ModuleOp> fovea::parseModule(StringRef text, StringRef name, MLIRContext &context,
                                         std::string &errorMessage, std::string &errorLocation) {
  errorMessage.clear();
  errorLocation = name.str();
  if (text.size() > kMaxModuleBytes) {
    errorMessage = "the module has " + std::to_string(text.size()) + " bytes; at most " +
                   std::to_string(kMaxModuleBytes) + " are accepted (large constants belong into arguments)";
    return {};
  }
  if (text.starts_with("ML\xefR")) {
    errorMessage = "this is MLIR bytecode, and only text is accepted; convert it with fovea-opt";
    return {};
  }
  NestingScan scan(text);
  if (!scan.run()) {
    errorMessage = scan.problem;
    errorLocation = placeOf(text, scan.at, name);
    return {};
  }
  ScopedDiagnosticHandler collect(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error || !errorMessage.empty())
      return success();
    errorMessage = diagnostic.str();
    for (Diagnostic &note : diagnostic.getNotes())
      errorMessage += "\nnote: " + note.str();
    if (std::string found = placeOf(diagnostic.getLocation()); !found.empty())
      errorLocation = found;
    return success();
  });
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, name), llvm::SMLoc());
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, ParserConfig(&context));
  if (!module && errorMessage.empty())
    errorMessage = "not a module";
  if (module)
    nameArguments(*module, sources);
  return module;
}
