// Disk quota of a user on the file system that holds a path. Invariant: a file system without quota is an
// answer
// (`supported` false), not a failure; a limit of 0 means none.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include <string>
#include <string_view>

#include "failure.h"

namespace oo::quota {

struct Limits {
  uint64_t blocks_used = 0;  // of 1024 bytes, rounded up
  uint64_t blocks_soft = 0;
  uint64_t blocks_hard = 0;
  uint64_t inodes_used = 0;
  uint64_t inodes_soft = 0;
  uint64_t inodes_hard = 0;
};

Failure get(const char* path, uid_t uid, Limits* out, bool* supported);
// Sets the four limits; the used figures are ignored.
Failure set(const char* path, uid_t uid, const Limits& limits, bool* supported);

// The source of the mount with this device number in a text of /proc/self/mountinfo; empty when there is
// none.
std::string source_of(std::string_view mountinfo, unsigned major, unsigned minor);

}  // namespace oo::quota
