// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Target/CPU/EmitObject.h"

#include "fovea/fovea_abi.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace {

/// DLPack's type codes, which the table uses.
enum DataTypeCode : uint8_t { kSigned = 0, kUnsigned = 1, kFloat = 2, kBfloat = 4 };

class TableBuilder {
public:
  explicit TableBuilder(Module &module) : module(module), context(module.getContext()) {}

  Constant *i8(uint64_t value) { return ConstantInt::get(Type::getInt8Ty(context), value); }
  Constant *i16(uint64_t value) { return ConstantInt::get(Type::getInt16Ty(context), value); }
  Constant *i32(int64_t value) { return ConstantInt::getSigned(Type::getInt32Ty(context), value); }
  Constant *i64(int64_t value) { return ConstantInt::getSigned(Type::getInt64Ty(context), value); }
  Constant *null() { return ConstantPointerNull::get(PointerType::get(context, 0)); }

  Constant *global(Constant *value) {
    return new GlobalVariable(module, value->getType(), /*isConstant=*/true, GlobalValue::PrivateLinkage, value);
  }
  Constant *text(StringRef string) { return global(ConstantDataArray::getString(context, string)); }
  Constant *record(ArrayRef<Constant *> fields) { return ConstantStruct::getAnon(fields); }
  Constant *array(ArrayRef<Constant *> elements, Type *type) {
    return ConstantArray::get(ArrayType::get(type, elements.size()), elements);
  }
  /// Address of a constant array; null when it is empty.
  Constant *list(ArrayRef<Constant *> elements) {
    return elements.empty() ? null() : global(array(elements, elements.front()->getType()));
  }

  Constant *param(mlir::DictionaryAttr attributes) {
    mlir::Type type = cast<mlir::TypeAttr>(attributes.get("type")).getValue();
    auto memref = dyn_cast<mlir::MemRefType>(type);
    mlir::Type element = memref ? memref.getElementType() : type;
    bool isFloat = isa<mlir::FloatType>(element);
    DataTypeCode floatCode = element.isBF16() ? kBfloat : kFloat;
    unsigned bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
    int64_t rank = memref ? memref.getRank() : 0;
    auto dimNames = attributes.getAs<mlir::ArrayAttr>("dims");
    SmallVector<Constant *> sizes, names;
    for (int64_t dim = 0; dim < FOVEA_MAX_RANK; ++dim) {
      bool isStatic = dim < rank && !memref.isDynamicDim(dim);
      sizes.push_back(i64(dim < rank ? (isStatic ? memref.getDimSize(dim) : -1) : 0));
      StringRef name = dim < rank && dimNames ? cast<mlir::StringAttr>(dimNames[dim]).getValue() : StringRef();
      names.push_back(name.empty() ? null() : text(name)); // "" leaves a dimension unnamed
    }
    auto indexed = attributes.getAs<mlir::IntegerAttr>("indexes");
    unsigned flags = (attributes.get("output") ? FOVEA_PARAM_OUTPUT : 0) |
                     (attributes.get("frozen") ? FOVEA_PARAM_FROZEN : 0) |
                     (attributes.get("sorted") ? FOVEA_PARAM_SORTED : 0) | (indexed ? FOVEA_PARAM_INDEX : 0);
    unsigned kind = memref ? FOVEA_PARAM_TENSOR : isFloat ? FOVEA_PARAM_FLOAT : FOVEA_PARAM_INT;
    return record({text(attributes.getAs<mlir::StringAttr>("name").getValue()), i32(kind), i32(flags),
                   i8(isFloat     ? floatCode
                      : bits == 1 ? kUnsigned
                                  : kSigned),
                   i8(bits), i16(rank), i32(indexed ? indexed.getInt() : 0), array(sizes, Type::getInt64Ty(context)),
                   array(names, PointerType::get(context, 0))});
  }

  /// What is missing in the second place is filled.
  Constant *pair(mlir::DenseI64ArrayAttr values, int64_t filler) {
    ArrayRef<int64_t> list = values.asArrayRef();
    return array({i32(list[0]), i32(list.size() > 1 ? list[1] : filler)}, Type::getInt32Ty(context));
  }

  Constant *summary(mlir::DictionaryAttr attributes) {
    bool isRange = attributes.getAs<mlir::StringAttr>("kind").getValue() == "range";
    return record({i32(attributes.getAs<mlir::IntegerAttr>("param").getInt()),
                   i32(isRange ? FOVEA_SUMMARY_RANGE : FOVEA_SUMMARY_COUNT),
                   pair(attributes.getAs<mlir::DenseI64ArrayAttr>("dims"), -1),
                   pair(attributes.getAs<mlir::DenseI64ArrayAttr>("grains"), 1)});
  }

  Constant *kernel(mlir::DictionaryAttr attributes) {
    StringRef name = attributes.getAs<mlir::StringAttr>("name").getValue();
    SmallVector<Constant *> params, summaries, messages;
    for (mlir::Attribute attribute : attributes.getAs<mlir::ArrayAttr>("params"))
      params.push_back(param(cast<mlir::DictionaryAttr>(attribute)));
    for (mlir::Attribute attribute : attributes.getAs<mlir::ArrayAttr>("messages"))
      messages.push_back(text(cast<mlir::StringAttr>(attribute).getValue()));
    if (auto list = attributes.getAs<mlir::ArrayAttr>("summaries"))
      for (mlir::Attribute attribute : list)
        summaries.push_back(summary(cast<mlir::DictionaryAttr>(attribute)));
    int64_t arena = attributes.getAs<mlir::IntegerAttr>("arena").getInt();
    auto function = [&](StringRef suffix) { return module.getFunction((name + suffix).str()); };
    return record({text(name), list(params), list(summaries), list(messages), function("_plan"), function("_task"),
                   function("_classify"), i64(arena), i32(params.size()), i32(summaries.size()), i32(messages.size()),
                   i32(0)});
  }

private:
  Module &module;
  LLVMContext &context;
};

} // namespace

void fovea::emitModuleTable(Module &module, mlir::ArrayAttr kernels, StringRef symbol, StringRef buildId) {
  TableBuilder table(module);
  SmallVector<Constant *> entries;
  for (mlir::Attribute attribute : kernels)
    entries.push_back(table.kernel(cast<mlir::DictionaryAttr>(attribute)));
  Constant *root = table.record({table.i32(FOVEA_ABI_MAGIC), table.i32(FOVEA_ABI_VERSION), table.text(buildId),
                                 table.list(entries), table.i32(entries.size()), table.i32(0)});
  new GlobalVariable(module, root->getType(), /*isConstant=*/true, GlobalValue::ExternalLinkage, root, symbol);
}
