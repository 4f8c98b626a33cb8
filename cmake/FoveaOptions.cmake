# Warnings and sanitizers for the project's own code.
option(FOVEA_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)

add_compile_options(-Wall -Wextra -Wno-unused-parameter $<$<COMPILE_LANGUAGE:CXX>:-fvisibility-inlines-hidden>)
if(CMAKE_COMPILER_IS_GNUCXX)
  # g++ 12 sees dangling pointers and uninitialised values in LLVM's headers where there are none.
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-dangling-pointer> -Wno-maybe-uninitialized)
endif()
if(FOVEA_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=address,undefined)
endif()
