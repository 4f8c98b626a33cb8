// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the driver's side and the tests' side share.
#ifndef FOVEA_TEST_FAKE_DRIVER_STATE_H
#define FOVEA_TEST_FAKE_DRIVER_STATE_H

#include "FakeDriver.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>

namespace fovea::fake {

using Result = int;
enum : Result {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNoDevice = 100,
  kInvalidContext = 201,
  kInvalidHandle = 400,
  kNotFound = 500,
  kCaptureUnsupported = 900,
};

struct Context {
  int device;
};
struct Module {
  Context *context;
};
struct Function {
  std::string name;
  Module *module;
  int allowedShared = 48 * 1024;
};
struct Event {
  std::chrono::steady_clock::time_point at;
};

struct Settings {
  int devices = 1, major = 8, minor = 0, shared = 163 * 1024, threads = 1024, blocks = 0x7FFFFFFF;
  bool isCapturing = false;
  std::string loadLog;
  std::map<std::string, std::pair<int, bool>> failures; // result, and whether all calls fail
  std::map<std::string, std::vector<size_t>> parameters;
  std::function<int(const Launch &)> body;
};

extern std::recursive_mutex gMutex;
extern std::vector<std::string> gCalls;
extern std::vector<Launch> gLaunches;
extern std::map<uintptr_t, size_t> gMemory;
extern std::set<Module *> gModules;
extern std::map<std::string, Function> gFunctions;
extern Context gPrimary[4];
extern Context gOwn[4];
extern thread_local std::vector<Context *> gStack;

/// As the environment and the tests want it.
Settings &settings();
Settings fromEnvironment();

} // namespace fovea::fake

#endif
