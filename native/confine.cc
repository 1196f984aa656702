// See confine.h. Raw system calls only: this runs in a child that still shares its parent's memory.
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include "raw.h"

#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif

namespace oo {

const char* StepName(Step step) {
  static const char* const names[] = {"none",     "clone",        "cgroup",  "mounts",   "rlimits", "label",       "capabilities",
                                      "identity", "no_new_privs", "seccomp", "landlock", "cwd",     "descriptors", "exec"};
  return names[static_cast<int>(step)];
}

int OpenProc() {
  const long proc = Raw(SYS_openat, AT_FDCWD, Address("/proc"), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) return static_cast<int>(proc);
  struct statfs about = {};
  const long done = Raw(SYS_fstatfs, proc, Address(&about));
  // A label or score written to a look-alike of /proc would be lost without a word.
  if (done < 0 || about.f_type != PROC_SUPER_MAGIC) {
    Raw(SYS_close, proc);
    return done < 0 ? static_cast<int>(done) : -ENOTSUP;
  }
  return static_cast<int>(proc);
}

static unsigned Length(const char* text) {
  unsigned length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

// Writes the whole text to a file below /proc in one call, as those files want it.
static int WriteProc(int proc, const char* name, const char* text) {
  const long file = Raw(SYS_openat, proc, Address(name), O_WRONLY | O_CLOEXEC);
  if (file < 0) return RawError(file);
  const unsigned length = Length(text);
  const long written = Raw(SYS_write, file, Address(text), length);
  Raw(SYS_close, file);
  if (written < 0) return RawError(written);
  return written == static_cast<long>(length) ? 0 : EIO;
}

int ConfineCgroup(const ConfineSpec& spec) {
  for (unsigned i = 0; i < spec.cgroup_file_count; ++i) {
    const long written = Raw(SYS_write, spec.cgroup_files[i], Address("0"), 1);
    if (written < 0) return RawError(written);
  }
  return 0;
}

int ConfineMounts(const ConfineSpec& spec) {
  if (spec.mount_namespace >= 0) return RawError(Raw(SYS_setns, spec.mount_namespace, CLONE_NEWNS));
  if (spec.mount_count == 0) return 0;
  if (!spec.mount_namespace_made) {
    if (const int error = RawError(Raw(SYS_unshare, CLONE_NEWNS))) return error;
  }
  // Slave, not private: nothing goes out to the host, but what the host unmounts later also leaves the gear, so that
  // a long-running service does not keep a removed disk busy.
  if (const int error = RawError(Raw(SYS_mount, Address("none"), Address("/"), 0, MS_REC | MS_SLAVE))) return error;
  for (unsigned i = 0; i < spec.mount_count; ++i) {
    const long source = Address(spec.mounts[i].source);
    const long target = Address(spec.mounts[i].target);
    if (const int error = RawError(Raw(SYS_mount, source, target, 0, MS_BIND))) return error;
    // Flags of a bind take effect only by a remount.
    const unsigned long flags = MS_BIND | MS_REMOUNT | MS_NODEV | MS_NOSUID;
    if (const int error = RawError(Raw(SYS_mount, 0, target, 0, static_cast<long>(flags)))) return error;
  }
  return 0;
}

static int SetOomScore(const ConfineSpec& spec) {
  char text[16];
  char* end = text + sizeof(text) - 1;
  *end = '\0';
  unsigned rest = static_cast<unsigned>(spec.oom_score_adj < 0 ? -spec.oom_score_adj : spec.oom_score_adj);
  do {
    *--end = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (spec.oom_score_adj < 0) *--end = '-';
  return WriteProc(spec.proc, "self/oom_score_adj", end);
}

static int SetLimits(const ConfineSpec& spec, bool open_files) {
  for (unsigned i = 0; i < spec.rlimit_count; ++i) {
    const RlimitSpec& limit = spec.rlimits[i];
    if ((limit.resource == RLIMIT_NOFILE) != open_files) continue;
    struct rlimit64 value;
    value.rlim_cur = limit.soft == kUnlimited ? RLIM64_INFINITY : limit.soft;
    value.rlim_max = limit.hard == kUnlimited ? RLIM64_INFINITY : limit.hard;
    if (const int error = RawError(Raw(SYS_prlimit64, 0, limit.resource, Address(&value)))) return error;
  }
  return 0;
}

int ConfineLimits(const ConfineSpec& spec) {
  if (const int error = SetLimits(spec, false)) return error;
  if (spec.umask >= 0) Raw(SYS_umask, spec.umask);
  return spec.set_oom_score_adj ? SetOomScore(spec) : 0;
}

int ConfineOpenFiles(const ConfineSpec& spec) { return SetLimits(spec, true); }

int ConfineLabel(const ConfineSpec& spec) {
  // Not libselinux's setexeccon: it remembers the last label in thread-local memory that a vfork child shares, and
  // would leave out the second of two equal writes.
  return spec.label == nullptr ? 0 : WriteProc(spec.proc, "thread-self/attr/exec", spec.label);
}

int ConfineCapabilities(const ConfineSpec& spec) {
  if (!spec.drop_capabilities) return 0;
  for (int capability = 0; capability < 64 && !spec.bounding_set_empty; ++capability) {
    const int error = RawError(Raw(SYS_prctl, PR_CAPBSET_DROP, capability));
    if (error == EINVAL && capability > CAP_SETPCAP) break;  // beyond the last one this kernel knows
    if (error != 0) return error;
  }
  const int error = RawError(Raw(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL));
  return error == EINVAL ? 0 : error;  // a kernel without ambient capabilities
}

// Ids as asked for in all three places, no group besides, and no way back.
static int VerifyIdentity(const ConfineSpec& spec) {
  unsigned real = 0;
  unsigned effective = 0;
  unsigned saved = 0;
  Raw(SYS_getresuid, Address(&real), Address(&effective), Address(&saved));
  if (real != spec.uid || effective != spec.uid || saved != spec.uid) return EPERM;
  Raw(SYS_getresgid, Address(&real), Address(&effective), Address(&saved));
  if (real != spec.gid || effective != spec.gid || saved != spec.gid) return EPERM;
  if (Raw(SYS_getgroups, 0) != 0) return EPERM;
  if (spec.uid != 0 && Raw(SYS_setuid, 0) == 0) return EPERM;
  return 0;
}

// All sets to nothing: the change of uid clears them only where no secure bit or inheritable set was in the way.
static int ClearCapabilities() {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2] = {};
  if (const int error = RawError(Raw(SYS_capset, Address(&header), Address(sets)))) return error;
  if (const int error = RawError(Raw(SYS_capget, Address(&header), Address(sets)))) return error;
  for (const auto& set : sets) {
    if (set.effective != 0 || set.permitted != 0 || set.inheritable != 0) return EPERM;
  }
  return 0;
}

int ConfineIdentity(const ConfineSpec& spec) {
  if (spec.set_identity) {
    // Raw calls change this thread only, which is what is wanted; libc's would stop every thread of the parent.
    if (const int error = RawError(Raw(SYS_setgroups, 0))) return error;
    if (const int error = RawError(Raw(SYS_setresgid, spec.gid, spec.gid, spec.gid))) return error;
    if (const int error = RawError(Raw(SYS_setresuid, spec.uid, spec.uid, spec.uid))) return error;
  }
  if (spec.drop_capabilities) {
    if (const int error = ClearCapabilities()) return error;
  }
  return spec.set_identity ? VerifyIdentity(spec) : 0;
}

int ConfineNoNewPrivs(const ConfineSpec& spec) {
  return spec.no_new_privs ? RawError(Raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1)) : 0;
}

int ConfineSeccomp(const ConfineSpec& spec) {
  if (spec.seccomp == nullptr) return 0;
  return RawError(Raw(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, Address(spec.seccomp)));
}

int ConfineLandlock(const ConfineSpec& spec) {
  return spec.landlock < 0 ? 0 : RawError(Raw(SYS_landlock_restrict_self, spec.landlock));
}

struct NamedStep {
  Step step;
  int (*take)(const ConfineSpec&);
};

static StepFailure Take(const ConfineSpec& spec, const NamedStep* steps, unsigned count) {
  StepFailure failure;
  for (unsigned i = 0; i < count; ++i) {
    failure.error = steps[i].take(spec);
    if (failure.error != 0) {
      failure.step = steps[i].step;
      return failure;
    }
  }
  return failure;
}

// The order of design: what needs root first, the label while it may still be written, the ways back closed last.
static const NamedStep all_steps[] = {
    {Step::cgroup, ConfineCgroup},       {Step::mounts, ConfineMounts},
    {Step::rlimits, ConfineLimits},      {Step::label, ConfineLabel},
    {Step::rlimits, ConfineOpenFiles},   {Step::capabilities, ConfineCapabilities},
    {Step::identity, ConfineIdentity},   {Step::no_new_privs, ConfineNoNewPrivs},
    {Step::seccomp, ConfineSeccomp},     {Step::landlock, ConfineLandlock},
};
static const NamedStep root_steps[] = {
    {Step::cgroup, ConfineCgroup},
    {Step::mounts, ConfineMounts},
    {Step::rlimits, ConfineLimits},
    {Step::rlimits, ConfineOpenFiles},
};
static const NamedStep gear_steps[] = {
    {Step::label, ConfineLabel},
    {Step::no_new_privs, ConfineNoNewPrivs},
    {Step::seccomp, ConfineSeccomp},
    {Step::landlock, ConfineLandlock},
};

StepFailure ConfineAll(const ConfineSpec& spec) { return Take(spec, all_steps, 10); }
StepFailure ConfineAsRoot(const ConfineSpec& spec) { return Take(spec, root_steps, 4); }
StepFailure ConfineAsGear(const ConfineSpec& spec) { return Take(spec, gear_steps, 4); }

}  // namespace oo
