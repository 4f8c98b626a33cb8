// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef FOVEA_LIB_SIMULATOR_SHARED_MEMORY_H
#define FOVEA_LIB_SIMULATOR_SHARED_MEMORY_H

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace fovea::simulator {

/// Who touches shared memory, and where in the source.
struct Access {
  int thread;
  const char *where;
  int warp() const { return thread / 32; }
};

/// The shared memory of a block, with a shadow of who wrote and read every 16 bytes since which barrier. Each function
/// says what is wrong, or nothing.
class SharedMemory {
public:
  static constexpr int64_t kGrainBytes = 16;
  static constexpr int kPoison = 0xFF; // a NaN of either 16-bit float

  /// Nothing written yet.
  void reset(int64_t bytes);
  char *data() { return memory.get(); }

  /// An asynchronous copy to `target` starts: its bytes mean nothing until it lands.
  std::string beginCopy(const char *target, Access access);
  /// It lands: its thread sees it, the others behind the next barrier.
  void land(const char *target, const char *bytes);
  /// 16 bytes are written, at once.
  std::string write(const char *target, Access access);
  /// 16 bytes are read.
  std::string read(const char *source, Access access);
  void passBarrier() { ++epoch; }
  int barriers() const { return epoch; }

private:
  struct Grain {
    int writer = -1, writeEpoch = -1, readEpoch = -1;
    bool isPending = false;
    uint32_t readWarps = 0; // since readEpoch began
    const char *writtenAt = nullptr, *readAt = nullptr;
  };

  /// Null after an error, with what is wrong in `fault`.
  Grain *grainOf(const char *address, Access access, std::string &fault);
  /// The same for what is about to be written.
  Grain *beginWrite(const char *target, Access access, std::string &fault);

  struct Free {
    void operator()(char *memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> memory;
  int64_t bytes = 0;
  std::vector<Grain> grains;
  int epoch = 0; // barriers so far
};

} // namespace fovea::simulator

#endif
