// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "fovea/Target/NVPTX/Launcher.h"

#include "fovea/Target/CPU/EmitObject.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using mlir::ArrayAttr;
using mlir::DictionaryAttr;

static constexpr StringLiteral kDriver = R"(
/* The driver's functions (CUDA Driver API), of libcuda. 0 is success. */
extern int cuModuleLoadData(void **module, const void *image);
extern int cuModuleGetFunction(void **function, void *module, const char *name);
extern int cuFuncSetAttribute(void *function, int attribute, int value);
extern int cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                          unsigned block_y, unsigned block_z, unsigned shared_bytes, void *stream, void **parameters,
                          void **extra);

static int launch(void *module, const char *name, unsigned threads, unsigned shared_bytes, void *stream,
                  unsigned num_tasks, void **parameters) {
  enum { kMaxDynamicSharedBytes = 8 };
  void *function = 0;
  int result = cuModuleGetFunction(&function, module, name);
  if (result == 0)
    result = cuFuncSetAttribute(function, kMaxDynamicSharedBytes, (int)shared_bytes);
  if (result == 0 && num_tasks != 0)
    result = cuLaunchKernel(function, num_tasks, 1, 1, threads, 1, 1, shared_bytes, stream, parameters, 0);
  return result;
}
)";

static constexpr StringLiteral kTensorMaps = R"(
typedef struct tensor_map { _Alignas(64) uint64_t opaque[16]; } tensor_map;
extern int cuTensorMapEncodeTiled(tensor_map *map, int type, uint32_t rank, void *address, const uint64_t *sizes,
                                  const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,
                                  int swizzle, int promotion, int fill);

/* The innermost dimension comes first, its stride is not said. An empty tensor has no map, and nothing reads one. */
static int encode(tensor_map *map, const fovea_value *value, int type, uint64_t element_bytes, uint32_t rank,
                  const uint32_t *box_of_dims, int swizzle) {
  enum { kPromoteL2To256 = 3, kGranuleBytes = 16 };
  uint64_t sizes[FOVEA_MAX_RANK], strides[FOVEA_MAX_RANK];
  uint32_t box[FOVEA_MAX_RANK], steps[FOVEA_MAX_RANK];
  static const tensor_map none;
  *map = none;
  for (uint32_t n = 0; n < rank; ++n) {
    uint32_t d = rank - 1 - n;
    if (value->sizes[d] == 0)
      return 0;
    sizes[n] = (uint64_t)value->sizes[d];
    box[n] = box_of_dims[d];
    steps[n] = 1;
    if (n > 0)
      strides[n - 1] = value->sizes[d] == 1 ? kGranuleBytes : (uint64_t)value->strides[d] * element_bytes;
  }
  return cuTensorMapEncodeTiled(map, type, rank, value->as.data, sizes, strides, box, steps, 0, swizzle,
                                kPromoteL2To256, 0);
}
)";

static std::string inC(StringRef name) {
  std::string text = name.str();
  for (char &letter : text)
    if (!isAlnum(letter))
      letter = '_';
  return text;
}

static StringRef nameOf(DictionaryAttr kernel) { return kernel.getAs<mlir::StringAttr>("name").getValue(); }

static std::string loadSignature(StringRef name) { return ("int " + name + "_load(void **module)").str(); }

static std::string launchSignature(StringRef name, DictionaryAttr kernel) {
  return ("int " + name + "_" + inC(nameOf(kernel)) +
          "_launch(void *module, void *stream, const fovea_value *values, const void *tasks, unsigned num_tasks)")
      .str();
}

static void writeImage(StringRef bytes, raw_ostream &out) {
  constexpr size_t kPerLine = 24;
  out << "\nstatic _Alignas(64) const unsigned char kImage[] = {";
  for (size_t at = 0; at < bytes.size(); ++at)
    out << (at % kPerLine ? "" : "\n    ") << int(uint8_t(bytes[at])) << ',';
  out << "\n};\n\n";
}

static size_t numSummaries(DictionaryAttr kernel) {
  auto summaries = kernel.getAs<ArrayAttr>("summaries");
  return summaries ? summaries.size() : 0;
}

static size_t numValues(DictionaryAttr kernel) {
  return kernel.getAs<ArrayAttr>("params").size() + numSummaries(kernel) + kernel.contains("partials");
}

static std::string describeValues(StringRef name, DictionaryAttr kernel) {
  std::string text;
  raw_string_ostream out(text);
  out << "enum { " << name << "_" << inC(nameOf(kernel)) << "_values = " << numValues(kernel) << " }; /* "
      << kernel.getAs<ArrayAttr>("params").size() << " of arguments, " << numSummaries(kernel) << " of summaries, "
      << int(kernel.contains("partials")) << " for partial results */\n";
  return text;
}

/// CUtensorMapDataType of a 16-bit float: TMA brings the operands of matrix products.
static int mapTypeOf(mlir::Type element) { return element.isBF16() ? 9 : 6; }

static int swizzleCode(int64_t bytes) { return bytes == 128 ? 3 : bytes == 64 ? 2 : bytes == 32 ? 1 : 0; }

static void writeEncode(DictionaryAttr kernel, const fovea::GpuLaunch::Map &map, size_t index, raw_ostream &out) {
  auto param = cast<DictionaryAttr>(kernel.getAs<ArrayAttr>("params")[size_t(map.param)]);
  auto type = cast<mlir::MemRefType>(cast<mlir::TypeAttr>(param.get("type")).getValue());
  out << "  static const uint32_t box" << index << "[] = {";
  interleaveComma(map.box, out);
  out << "};\n  if (refused == 0)\n    refused = encode(&maps[" << index << "], &values[" << map.param << "], "
      << mapTypeOf(type.getElementType()) << ", " << type.getElementTypeBitWidth() / 8 << ", " << type.getRank()
      << ", box" << index << ", " << swizzleCode(map.swizzle) << ");\n";
}

static void writeLaunch(StringRef indent, StringRef result, StringRef entry, const fovea::GpuLaunch &launch,
                        raw_ostream &out) {
  out << indent << result << "launch(module, \"" << entry << "\", " << launch.threads << ", " << launch.sharedBytes
      << ", stream, num_tasks, parameters);\n";
}

static void writeKernel(const fovea::GpuImage &image, DictionaryAttr kernel, StringRef name, raw_ostream &out) {
  auto launches = image.launches.getAs<DictionaryAttr>(nameOf(kernel));
  fovea::GpuLaunch launch(launches);
  out << "\n" << launchSignature(name, kernel) << " {\n";
  // By value: the driver copies as many bytes as the entry point takes.
  out << "  void *parameters[" << 2 + launch.maps.size() << "] = {(void *)values, &tasks};\n";
  if (!launch.maps.empty()) {
    out << "  tensor_map maps[" << launch.maps.size() << "];\n  int refused = 0;\n";
    for (auto [index, map] : enumerate(launch.maps)) {
      writeEncode(kernel, map, index, out);
      out << "  parameters[" << 2 + index << "] = &maps[" << index << "];\n";
    }
    if (DictionaryAttr fallback = fovea::fallbackLaunch(launches)) {
      out << "  if (refused != 0) /* by TMA: the same tasks without it */\n";
      writeLaunch("    ", "return ", fovea::entryName(nameOf(kernel), true), fovea::GpuLaunch(fallback), out);
    } else {
      out << "  if (refused != 0)\n    return refused;\n";
    }
  }
  writeLaunch("  ", "return ", fovea::entryName(nameOf(kernel), false), launch, out);
  out << "}\n";
}

std::string fovea::launcherSource(const GpuImage &image, ArrayAttr kernels, StringRef name, StringRef target) {
  std::string text;
  raw_string_ostream out(text);
  out << "/* Written by fovea-compile for " << target << ": kernels, and how to launch them. C11; link libcuda. */\n"
      << "#include \"fovea/fovea_abi.h\"\n"
      << kDriver;
  bool hasMaps = any_of(image.launches, [](mlir::NamedAttribute launch) {
    return !GpuLaunch(cast<DictionaryAttr>(launch.getValue())).maps.empty();
  });
  if (hasMaps)
    out << kTensorMaps;
  writeImage(image.bytes, out);
  for (auto kernel : kernels.getAsRange<DictionaryAttr>()) // or a compiler warns about what no header declares
    out << launchSignature(name, kernel) << ";\n";
  out << loadSignature(name) << ";\n\n";
  out << loadSignature(name) << " { return cuModuleLoadData(module, kImage); }\n";
  for (auto kernel : kernels.getAsRange<DictionaryAttr>())
    writeKernel(image, kernel, name, out);
  return text;
}

std::string fovea::launcherHeader(ArrayAttr kernels, StringRef name, StringRef target) {
  std::string text, guard = name.upper() + "_LAUNCHER_H";
  raw_string_ostream out(text);
  out << "/* Written by fovea-compile for " << target << ". Results are the driver's: 0 is success.\n"
      << " *\n"
      << " * values: of the arguments in order, then of the summaries, then for partial results, as many as each "
         "kernel "
         "takes\n"
      << " *   and as fovea_abi.h has them; tensors in device memory.\n"
      << " * tasks: `num_tasks` records in device memory, as the kernel's plan function lists them: that of the object "
         "which\n"
      << " *   --emit=obj makes of the same file, or fovea_plan_tasks.\n"
      << " * A launch waits for nothing; a CUDA graph may capture it. */\n"
      << "#ifndef " << guard << "\n#define " << guard << "\n\n#include \"fovea/fovea_abi.h\"\n\n"
      << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
      << "/* Into the current context; cuModuleUnload gives it back. */\n"
      << loadSignature(name) << ";\n\n";
  for (auto kernel : kernels.getAsRange<DictionaryAttr>())
    out << describeArguments(kernel) << describeValues(name, kernel) << launchSignature(name, kernel) << ";\n\n";
  out << "#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return text;
}
