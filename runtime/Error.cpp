// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Error.h"

struct fovea_error {
  fovea_status status;
  std::string message;
  std::string location;
};

/// Reporting that memory ran out must not need memory.
static fovea_error *outOfMemoryError() noexcept {
  static fovea_error error{FOVEA_NO_MEMORY, "out of memory", ""}; // short enough for the strings' own storage
  return &error;
}

extern "C" const char *fovea_status_name(fovea_status status) {
  switch (status) {
  case FOVEA_OK:
    return "OK";
  case FOVEA_INVALID:
    return "INVALID";
  case FOVEA_UNSUPPORTED:
    return "UNSUPPORTED";
  case FOVEA_OUT_OF_RANGE:
    return "OUT_OF_RANGE";
  case FOVEA_NO_DEVICE:
    return "NO_DEVICE";
  case FOVEA_NO_MEMORY:
    return "NO_MEMORY";
  case FOVEA_CANCELLED:
    return "CANCELLED";
  case FOVEA_CORRUPT:
    return "CORRUPT";
  case FOVEA_INTERNAL:
    return "INTERNAL";
  }
  return "UNKNOWN";
}

extern "C" fovea_error *fovea_error_create(fovea_status status, const char *message, const char *location) {
  try {
    return new fovea_error{status, message ? message : "", location ? location : ""};
  } catch (...) {
    return outOfMemoryError();
  }
}

extern "C" const char *fovea_error_message(const fovea_error *error) { return error ? error->message.c_str() : ""; }

extern "C" const char *fovea_error_location(const fovea_error *error) { return error ? error->location.c_str() : ""; }

extern "C" void fovea_error_destroy(fovea_error *error) {
  if (error != outOfMemoryError())
    delete error;
}

fovea_status fovea::report(fovea_error **error, fovea_status code, const char *message) noexcept {
  if (error)
    *error = fovea_error_create(code, message, nullptr);
  return code;
}
