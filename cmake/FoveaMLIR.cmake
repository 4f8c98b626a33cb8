# LLVM and MLIR as shared libraries only, from the distribution or, with LLVM_DIR and MLIR_DIR, from the Python packages of
# `tools/dev test --assertions`: static LLVM components beside libLLVM.so abort at load.
set(FOVEA_LLVM_ROOT "/usr/lib/llvm-22" CACHE PATH "Where LLVM and MLIR 22.1 are installed")
find_package(MLIR 22.1 CONFIG HINTS ${FOVEA_LLVM_ROOT}/lib/cmake/mlir)
if(NOT MLIR_FOUND)
  message(FATAL_ERROR "LLVM/MLIR 22.1 not found. On Debian 12: apt install libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools "
    "(they come from bookworm-security), or set FOVEA_LLVM_ROOT. For the runtime alone: -DFOVEA_BUILD_COMPILER=OFF.")
endif()
message(STATUS "LLVM ${LLVM_PACKAGE_VERSION} from ${LLVM_DIR}")

set(MLIR_BINARY_DIR ${PROJECT_BINARY_DIR})
set(LLVM_RUNTIME_OUTPUT_INTDIR ${PROJECT_BINARY_DIR}/bin)
set(LLVM_LIBRARY_OUTPUT_INTDIR ${PROJECT_BINARY_DIR}/lib)
list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
separate_arguments(_fovea_llvm_definitions NATIVE_COMMAND "${LLVM_DEFINITIONS}")
add_definitions(${_fovea_llvm_definitions})
# LLVM headers decide their ABI by this, so it follows the installed LLVM, not our build type.
if(NOT LLVM_ENABLE_ASSERTIONS)
  add_compile_definitions($<$<CONFIG:Debug>:LLVM_DISABLE_ABI_BREAKING_CHECKS_ENFORCING=1>)
endif()
if(NOT LLVM_ENABLE_RTTI)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fno-rtti>)
endif()

# MLIR's headers take most of the time in which a file of ours is compiled: they are read once, for all libraries and tools.
# -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON shows whether every file includes what it uses.
file(WRITE ${PROJECT_BINARY_DIR}/precompiled.cpp "// What the precompiled headers belong to.\n")
add_library(fovea_precompiled OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
add_dependencies(fovea_precompiled mlir-generic-headers)
target_precompile_headers(fovea_precompiled PRIVATE
  <mlir/Dialect/Arith/IR/Arith.h> <mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h> <mlir/Dialect/Func/IR/FuncOps.h>
  <mlir/Dialect/LLVMIR/NVVMDialect.h> <mlir/Dialect/Math/IR/Math.h> <mlir/Dialect/MemRef/IR/MemRef.h> <mlir/Dialect/SCF/IR/SCF.h>
  <mlir/Dialect/Vector/IR/VectorOps.h> <mlir/IR/ImplicitLocOpBuilder.h> <mlir/IR/Matchers.h> <mlir/Pass/PassManager.h>
  <mlir/Transforms/DialectConversion.h> <llvm/ADT/TypeSwitch.h> <llvm/Support/FileSystem.h>)

# fovea_mlir_library(NAME SOURCES... [DEPENDS ...] [LINK ...]): an object-like static library of the compiler. One LLVM per
# process, so MLIR and LLVM are linked as the two shared libraries, at the end, by whoever makes an executable or libfovea.
function(fovea_mlir_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  add_dependencies(${name} fovea-headers)
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
  target_precompile_headers(${name} REUSE_FROM fovea_precompiled)
endfunction()
