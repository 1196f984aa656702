// Starts one program as a gear's process: everything is prepared here, then a child that shares this process's memory
// (clone3 with VM and VFORK, on a stack of its own) takes the steps of confine and execs.
// Invariants: the parent's memory is never copied, so the cost does not grow with it; the child has exactly the
// descriptors 0, 1 and 2; when a step fails nothing of the launch is left (process, descriptor, cgroup).
// StartChild blocks until the exec: call it on a thread that may wait and has all signals blocked, with a Launcher of
// that thread. It knows nothing of N-API.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "clone.h"
#include "confine.h"
#include "launch_group.h"
#include "warm.h"

namespace oo {

enum class Input { none, pipe, bytes };

struct LaunchSpec {
  std::string file;  // absolute
  std::vector<const char*> argv;   // null-ended, as is envp; they point into `text` or to what outlives the launch
  std::vector<const char*> envp;
  std::string text;
  std::string cwd;
  Input input = Input::none;
  std::string bytes;               // for Input::bytes
  bool merge_stderr = false;
  bool keep = false;
  bool confined = false;           // all below counts only when true
  uid_t uid = 0;
  gid_t gid = 0;
  std::string v2_group;            // the gear's group; empty: none
  std::vector<std::string> v1_groups;
  std::vector<std::pair<std::string, std::string>> mounts;
  std::vector<RlimitSpec> rlimits;
  int umask = 022;
  int oom_score_adj = 0;
  bool has_label = false;
  std::string label;
  bool drop_capabilities = true;
  bool no_new_privs = true;
  bool seccomp = false;
  bool has_landlock = false;
  std::vector<std::string> landlock_read_only;
  std::vector<std::string> landlock_read_write;
};

// A running child and the near ends of its pipes (CLOEXEC, non-blocking); -1 where there is none.
struct Child {
  Child() = default;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (input >= 0) close(input);
  }
  pid_t pid = -1;
  std::atomic<int> pidfd{-1};  // written by the kernel before the child runs: a killer may need it before the exec
  std::mutex guard;              // held to signal by pidfd, and to close it
  std::atomic<bool> cancelled{false};  // its killer says so first: then a child that dies at birth is not tried again
  int input = -1;  // whoever takes it over sets it to -1
  int output = -1;
  int error = -1;
  LaunchGroup group;
  std::shared_ptr<Warm> warm;  // what it shares with other launches of its gear; null without a confinement
};

struct Launcher {
  ChildStack stack;
  // This thread's capability bounding set is empty, and so that of its children: only for launches that drop it.
  bool bounding_set_empty = false;
};

// Whether a launch may, and so should, be given to a launcher with an empty bounding set.
inline bool WantsEmptyBoundingSet(const LaunchSpec& spec) { return spec.confined && spec.drop_capabilities; }

StepFailure StartChild(const LaunchSpec& spec, const Launcher& launcher, Child* child);

}  // namespace oo
