// The steps that turn a process into a gear's process, in one fixed order. A launch takes them all; pam_oo takes those
// that need root and do not break sshd (ConfineAsRoot); oo-login, already the gear, takes the rest (ConfineAsGear).
// Invariants: each step is made of raw system calls on memory prepared before (no malloc, no libc state), so a vfork
// child may run it; a step that fails leaves its name and errno and nothing after it is done; no step is skipped
// because it failed.
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

namespace oo {

enum class Step : int {
  none,
  clone,
  cgroup,
  mounts,
  rlimits,  // resource limits, umask and oom score
  label,
  capabilities,
  identity,
  no_new_privs,
  seccomp,
  landlock,
  cwd,
  descriptors,
  exec,
};

// "cgroup", "mounts", ...: the names that errors carry.
const char* StepName(Step step);

struct StepFailure {
  Step step = Step::none;
  int error = 0;
  bool failed() const { return step != Step::none; }
};

// Bound with nodev and nosuid. Both paths are resolved as root: every component of them must be root's.
struct MountSpec {
  const char* source;
  const char* target;
};

constexpr unsigned long long kUnlimited = ~0ULL;

struct RlimitSpec {
  int resource;  // RLIMIT_*
  unsigned long long soft;
  unsigned long long hard;
};

// What is 0, null, false or -1 as below is left as it is.
struct ConfineSpec {
  // --- steps that need root ---
  const int* cgroup_files = nullptr;  // open `tasks` (v1) or `cgroup.procs` files; the process moves itself into each
  unsigned cgroup_file_count = 0;
  const MountSpec* mounts = nullptr;  // a mount namespace of its own, from which nothing propagates out
  unsigned mount_count = 0;
  bool mount_namespace_made = false;  // already in a new one (clone3): do not unshare again
  int mount_namespace = -1;           // enter this one, in which the mounts are made, instead of making one
  const RlimitSpec* rlimits = nullptr;
  unsigned rlimit_count = 0;
  int umask = -1;
  bool set_oom_score_adj = false;
  int oom_score_adj = 0;
  // --- label: while still root in a launch, as the gear in oo-login ---
  int proc = -1;                // an O_PATH descriptor of /proc that OpenProc has vetted; needed for label and oom score
  const char* label = nullptr;  // SELinux label of the next exec, validated beforehand
  // --- identity: launch only ---
  bool drop_capabilities = false;
  bool bounding_set_empty = false;  // the parent's thread has emptied its own, so the child was born with none
  bool set_identity = false;  // no supplementary groups, gid, uid; read back
  uid_t uid = 0;
  gid_t gid = 0;
  // --- steps that the gear itself may take ---
  bool no_new_privs = false;
  const sock_fprog* seccomp = nullptr;  // SeccompFilter()
  int landlock = -1;                    // a ruleset of MakeLandlockRuleset
};

// A descriptor of the real procfs at /proc (statfs says so), or -errno. The caller owns it (O_PATH, CLOEXEC).
int OpenProc();

// Each step alone: 0 or an errno.
int ConfineCgroup(const ConfineSpec& spec);
int ConfineMounts(const ConfineSpec& spec);
int ConfineLimits(const ConfineSpec& spec);     // all but the number of open files
int ConfineOpenFiles(const ConfineSpec& spec);  // after the last open: the parent may hold more files than the gear may
int ConfineLabel(const ConfineSpec& spec);
int ConfineCapabilities(const ConfineSpec& spec);  // bounding and ambient sets
int ConfineIdentity(const ConfineSpec& spec);      // also the remaining capability sets
int ConfineNoNewPrivs(const ConfineSpec& spec);
int ConfineSeccomp(const ConfineSpec& spec);
int ConfineLandlock(const ConfineSpec& spec);

// cgroup, mounts, limits, open files: what pam_oo takes in sshd's privileged process.
StepFailure ConfineAsRoot(const ConfineSpec& spec);
// label, no_new_privs, seccomp, landlock: what oo-login takes. Landlock before seccomp would do as well.
StepFailure ConfineAsGear(const ConfineSpec& spec);
// Everything, in the order of the fields.
StepFailure ConfineAll(const ConfineSpec& spec);

}  // namespace oo
