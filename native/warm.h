// What one launch leaves warm for the next one of the same gear, since successive hooks are the usual case: the mount
// namespace with the gear's own /tmp, the Landlock ruleset, open v1 files, empty groups. All of it could be made anew
// at each launch; it is kept for two seconds after the last use, so that an idle gear pins nothing, and for half a minute
// at most, so that what the host has mounted since reaches a busy one.
// Invariants: nothing warm is used without a look at the gear's own directories that it was made from (a gear destroyed
// and made again under the same names has others) and at what was absent then; the system's directories are looked at
// again after a quarter of a second. A namespace is kept only if no program in it could have changed it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "descriptor.h"
#include "launch_group.h"

namespace oo {

struct LaunchSpec;

struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  bool absent() const { return inode == 0; }
  bool operator==(const FileIdentity& other) const { return device == other.device && inode == other.inode; }
};

class Warm {
 public:
  // Of the v1 groups' `tasks`, in the order of the spec; 0 or an errno.
  int OpenV1Files(const LaunchSpec& spec, std::vector<int>* files);

  struct View {
    int ruleset = -1;          // current; open as long as this object. -1: the spec asks for none
    int mount_namespace = -1;  // shows the spec's directories. -1: none yet: make one and give it to KeepMountNamespace
    std::vector<FileIdentity> mounts;  // what was found at the sources
  };
  // 0 or an errno (of the ruleset).
  int Look(const LaunchSpec& spec, View* view);
  void KeepMountNamespace(const LaunchSpec& spec, pid_t pid, std::vector<FileIdentity> seen);

  bool TakeGroup(LaunchGroup* group);
  void GiveBackGroup(LaunchGroup group);  // an empty one; removed if enough are kept already

 private:
  friend class WarmStore;
  void Drop();

  bool RulesHold(const LaunchSpec& spec, const std::vector<FileIdentity>& mounts);
  int MakeRules(const LaunchSpec& spec);

  std::mutex mutex_;
  bool dropped_ = false;
  std::vector<Descriptor> retired_;  // replaced, but a launch may be using them
  std::vector<Descriptor> v1_files_;
  Descriptor ruleset_;
  std::vector<FileIdentity> rules_;  // read-only paths, then read-write ones, as they were when the ruleset was made
  long long rules_seen_ = 0;
  Descriptor mount_namespace_;
  std::vector<FileIdentity> mounts_;
  std::vector<LaunchGroup> groups_;
  std::atomic<long long> last_used_{0};
  long long made_ = 0;
};

class WarmStore {
 public:
  static WarmStore& Instance();

  std::shared_ptr<Warm> Find(const LaunchSpec& spec);  // makes an empty one when there is none, or one too old
  std::shared_ptr<Warm> Find(const LaunchSpec& spec, long long now);  // at this millisecond of the monotonic clock
  void Forget(const LaunchSpec& spec);
  // Lets go of what was not used for two seconds; true while something is left.
  bool Sweep();
  void Clear();

 private:
  struct Parts;
  WarmStore();
  Parts* const parts_;
};

}  // namespace oo
