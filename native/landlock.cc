// See landlock.h.
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace oo {

// Written out here: the build machine's <linux/landlock.h> may be older than the kernel that runs.
namespace {

constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr unsigned kCreateRulesetVersion = 1;
constexpr int kRulePathBeneath = 1;

constexpr uint64_t kExecute = 1ULL << 0;
constexpr uint64_t kWriteFile = 1ULL << 1;
constexpr uint64_t kReadFile = 1ULL << 2;
constexpr uint64_t kReadDir = 1ULL << 3;
constexpr uint64_t kAbi1 = (1ULL << 13) - 1;
constexpr uint64_t kRefer = 1ULL << 13;
constexpr uint64_t kTruncate = 1ULL << 14;
constexpr uint64_t kIoctlDev = 1ULL << 15;

constexpr uint64_t kReadOnly = kExecute | kReadFile | kReadDir;
constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctlDev;

// No `scoped` field: each launch is a domain of its own, so a signal scope would keep `control stop` from signalling
// the Apache that an earlier launch of the same gear started, and an abstract socket scope would part the gear's own
// processes in the same way. The uid and the label guard signals between gears.
struct RulesetAttribute {
  uint64_t handled_access_fs;
};

struct PathAttribute {
  uint64_t allowed_access;
  int32_t parent_fd;
} __attribute__((packed));

uint64_t Handled(int abi) {
  uint64_t rights = kAbi1;
  if (abi >= 2) rights |= kRefer;
  if (abi >= 3) rights |= kTruncate;
  if (abi >= 5) rights |= kIoctlDev;
  return rights;
}

bool OutOfReach(int error) {
  return error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP || error == ENXIO;
}

int AddPath(int ruleset, const char* path, uint64_t rights) {
  const int file = open(path, O_PATH | O_CLOEXEC);
  if (file < 0) return OutOfReach(errno) ? 0 : errno;
  PathAttribute attribute = {rights, file};
  long done = syscall(kAddRule, ruleset, kRulePathBeneath, &attribute, 0);
  if (done < 0 && errno == EINVAL) {  // not a directory: only the rights that files have
    attribute.allowed_access = rights & kOfFiles;
    done = syscall(kAddRule, ruleset, kRulePathBeneath, &attribute, 0);
  }
  const int error = done < 0 ? errno : 0;
  close(file);
  return error;
}

}  // namespace

int LandlockAbi() {
  const long abi = syscall(kCreateRuleset, nullptr, 0, kCreateRulesetVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

int MakeLandlockRuleset(const char* const* read_only, size_t read_only_count, const char* const* read_write,
                        size_t read_write_count, int* ruleset) {
  const long abi = syscall(kCreateRuleset, nullptr, 0, kCreateRulesetVersion);
  if (abi < 0) return errno;
  const uint64_t handled = Handled(static_cast<int>(abi));
  const RulesetAttribute attribute = {handled};
  const int made = static_cast<int>(syscall(kCreateRuleset, &attribute, sizeof(attribute), 0));  // CLOEXEC by itself
  if (made < 0) return errno;
  int error = 0;
  for (size_t i = 0; i < read_only_count && error == 0; ++i) error = AddPath(made, read_only[i], kReadOnly);
  for (size_t i = 0; i < read_write_count && error == 0; ++i) error = AddPath(made, read_write[i], handled);
  if (error != 0) {
    close(made);
    return error;
  }
  *ruleset = made;
  return 0;
}

}  // namespace oo
