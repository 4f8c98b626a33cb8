// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tests' side.
#include "State.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fovea::fake {

std::recursive_mutex gMutex;
std::vector<std::string> gCalls;
std::vector<Launch> gLaunches;
std::map<uintptr_t, size_t> gMemory;
std::set<Module *> gModules;
std::map<std::string, Function> gFunctions;
Context gPrimary[4] = {{0}, {1}, {2}, {3}};
Context gOwn[4] = {{0}, {1}, {2}, {3}};
thread_local std::vector<Context *> gStack;

Settings fromEnvironment() {
  Settings settings;
  if (const char *text = std::getenv("FOVEA_FAKE_CAPABILITY"))
    std::sscanf(text, "%d.%d", &settings.major, &settings.minor);
  if (settings.major == 9)
    settings.shared = 227 * 1024;
  if (const char *text = std::getenv("FOVEA_FAKE_DEVICES"))
    settings.devices = std::atoi(text);
  if (const char *text = std::getenv("FOVEA_FAKE_FAIL"))
    if (const char *sign = std::strchr(text, '='))
      settings.failures[std::string(text, sign)] = {std::atoi(sign + 1), true};
  return settings;
}

Settings &settings() {
  static Settings current = fromEnvironment();
  return current;
}

} // namespace fovea::fake

using namespace fovea::fake;

void fovea::fake::reset() {
  std::lock_guard<std::recursive_mutex> lock(gMutex);
  gCalls.clear();
  gLaunches.clear();
  settings() = fromEnvironment();
}
std::vector<std::string> fovea::fake::calls() { return gCalls; }
void fovea::fake::clearCalls() { gCalls.clear(); }
std::vector<Launch> fovea::fake::launches() { return gLaunches; }
void fovea::fake::fail(const std::string &function, int result, bool always) {
  settings().failures[function] = {result, always};
}
void fovea::fake::setDevices(int count) { settings().devices = count; }
void fovea::fake::setCapability(int major, int minor) {
  settings().major = major;
  settings().minor = minor;
}
void fovea::fake::setLimits(int sharedBytes, int threads, int blocks) {
  settings().shared = sharedBytes;
  settings().threads = threads;
  settings().blocks = blocks;
}
void fovea::fake::setCapturing(bool isCapturing) { settings().isCapturing = isCapturing; }
void fovea::fake::setLoadLog(const std::string &text) { settings().loadLog = text; }
void fovea::fake::setParameters(const std::string &kernel, std::vector<size_t> bytes) {
  settings().parameters[kernel] = std::move(bytes);
}
void fovea::fake::onLaunch(std::function<int(const Launch &)> body) { settings().body = std::move(body); }
size_t fovea::fake::liveMemory() { return gMemory.size(); }
size_t fovea::fake::liveModules() { return gModules.size(); }
size_t fovea::fake::depth() { return gStack.size(); }
void *fovea::fake::pushOwnContext(int device) {
  gStack.push_back(&gOwn[device]);
  return &gOwn[device];
}
void fovea::fake::popContext() { gStack.pop_back(); }
