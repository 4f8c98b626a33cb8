// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the runtime says no. Inside, functions return a Status; at the C boundary `guarded` turns it, and any C++
// exception, into a fovea_status and an optional fovea_error.
#ifndef FOVEA_RUNTIME_ERROR_H
#define FOVEA_RUNTIME_ERROR_H

#include "fovea/fovea.h"

#include <exception>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace fovea {

/// A status with the message that goes with it. The good one owns no memory: a run that succeeds does not allocate.
struct [[nodiscard]] Status {
  fovea_status code = FOVEA_OK;
  std::string message;

  bool failed() const { return code != FOVEA_OK; }
};

/// failure(FOVEA_INVALID, "slot ", 3, " ..."): the message is the pieces in order.
template <typename... Pieces> Status failure(fovea_status code, const Pieces &...pieces) {
  std::ostringstream text;
  text.precision(17); // two different doubles must not look equal
  (text << ... << pieces);
  return {code, text.str()};
}

/// Stores an error behind `error`, if there is a place for it; never throws.
fovea_status report(fovea_error **error, fovea_status code, const char *message) noexcept;

/// Runs `body`, which returns a Status, behind a C function: no exception leaves it. `error` is written on failure
/// only, so that slots which share a place for it do not race when all is well.
template <typename Body> fovea_status guarded(fovea_error **error, Body &&body) noexcept {
  try {
    Status status = std::forward<Body>(body)();
    return status.failed() ? report(error, status.code, status.message.c_str()) : FOVEA_OK;
  } catch (const std::bad_alloc &) {
    return report(error, FOVEA_NO_MEMORY, "out of memory");
  } catch (const std::length_error &) { // a container beyond its max_size()
    return report(error, FOVEA_NO_MEMORY, "out of memory");
  } catch (const std::exception &exception) {
    return report(error, FOVEA_INTERNAL, exception.what());
  } catch (...) {
    return report(error, FOVEA_INTERNAL, "unknown C++ exception");
  }
}

} // namespace fovea

#endif
