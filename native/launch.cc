// See launch.h.
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "descriptor.h"
#include "landlock.h"
#include "raw.h"
#include "seccomp.h"

namespace oo {

bool LaunchSpec::Split(size_t argument_count, size_t variable_count) {
  const auto split = [](const std::string& joined, size_t count, std::vector<const char*>* parts) {
    parts->reserve(count + 1);
    size_t at = 0;
    while (count != 0) {
      parts->push_back(joined.c_str() + at);
      at = joined.find('\0', at);
      if (at == std::string::npos) break;
      ++at;
    }
    const bool whole = parts->size() == count;
    parts->push_back(nullptr);
    return whole;
  };
  return argument_count != 0 && split(arguments, argument_count, &argv) && split(environment, variable_count, &envp);
}

namespace {

// All that the child reads. It writes only `failure`.
struct Prepared {
  ConfineSpec confine;
  bool confined = false;
  const char* file = nullptr;
  const char* const* argv = nullptr;
  const char* const* envp = nullptr;
  int cwd = -1;                     // -1: cwd_path leads through symlinks and is walked by the gear itself
  const char* cwd_path = nullptr;
  int descriptors[3] = {-1, -1, -1};
  StepFailure failure;
};

void ResetSignals() {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
  } fresh = {};
  // An ignored signal would stay ignored beyond exec (Node ignores SIGPIPE, nohup SIGHUP).
  for (int number = 1; number <= 64; ++number) {
    if (number != SIGKILL && number != SIGSTOP) Raw(SYS_rt_sigaction, number, Address(&fresh), 0, 8);
  }
}

int PlaceDescriptors(const Prepared& prepared) {
  // Sources lie above 2, so none is overwritten before its turn.
  for (int target = 0; target < 3; ++target) {
    if (const int error = RawError(Raw(SYS_dup3, prepared.descriptors[target], target, 0))) return error;
  }
  return RawError(Raw(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC));
}

int EnterDirectory(const Prepared& prepared) {
  if (prepared.cwd >= 0) return RawError(Raw(SYS_fchdir, prepared.cwd));
  return RawError(Raw(SYS_chdir, Address(prepared.cwd_path)));
}

// The child. It runs while the parent's thread waits, in the parent's memory: no allocation, no libc, no return.
void RunChild(void* argument) {
  Prepared* prepared = static_cast<Prepared*>(argument);
  const auto fail = [prepared](Step step, int error) {
    prepared->failure.error = error;
    prepared->failure.step = step;
    for (;;) Raw(SYS_exit_group, 127);
  };
  ResetSignals();
  Raw(SYS_setsid);
  if (prepared->confined) {
    const StepFailure failure = ConfineAll(prepared->confine);
    if (failure.failed()) fail(failure.step, failure.error);
  }
  if (const int error = EnterDirectory(*prepared)) fail(Step::cwd, error);
  if (const int error = PlaceDescriptors(*prepared)) fail(Step::descriptors, error);
  const unsigned long none = 0;
  Raw(SYS_rt_sigprocmask, SIG_SETMASK, Address(&none), 0, sizeof(none));
  const long result = Raw(SYS_execve, Address(prepared->file), Address(prepared->argv), Address(prepared->envp));
  fail(Step::exec, RawError(result));
}

// A symlink in the way might be the gear's: then the gear itself, after its identity is taken, walks there.
int OpenDirectory(const std::string& path, Descriptor* directory) {
  open_how how = {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  directory->assign(static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof(how))));
  if (directory->valid()) return 0;
  return errno == ELOOP ? 0 : errno;
}

// A pipe whose far end the child gets. The gear owns it, so that opening /dev/stdout or /dev/stderr works there.
int MakePipe(const LaunchSpec& spec, bool child_reads, Descriptor* near, Descriptor* far) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno;
  near->assign(ends[child_reads ? 1 : 0]);
  far->assign(ends[child_reads ? 0 : 1]);
  if (fcntl(near->get(), F_SETFL, (child_reads ? O_WRONLY : O_RDONLY) | O_NONBLOCK) != 0) return errno;
  if (spec.confined && fchown(far->get(), spec.uid, spec.gid) != 0) return errno;
  return 0;
}

// The process's own, opened once and kept.
int NullDevice() {
  static const int device = open("/dev/null", O_RDWR | O_CLOEXEC);
  return device;
}

int ProcDirectory() {
  static const int proc = OpenProc();
  return proc;
}

struct Ends {
  Descriptor near_input, far_input, near_output, far_output, near_error, far_error;
};

int MakeDescriptors(const LaunchSpec& spec, Ends* ends, Prepared* prepared) {
  if (spec.input != Input::none) {
    if (const int error = MakePipe(spec, true, &ends->near_input, &ends->far_input)) return error;
  }
  if (const int error = MakePipe(spec, false, &ends->near_output, &ends->far_output)) return error;
  if (!spec.merge_stderr) {
    if (const int error = MakePipe(spec, false, &ends->near_error, &ends->far_error)) return error;
  }
  prepared->descriptors[0] = spec.input == Input::none ? NullDevice() : ends->far_input.get();
  prepared->descriptors[1] = ends->far_output.get();
  prepared->descriptors[2] = spec.merge_stderr ? ends->far_output.get() : ends->far_error.get();
  for (const int descriptor : prepared->descriptors) {
    if (descriptor < 3) return EBADF;  // this process runs with one of 0, 1, 2 closed
  }
  return 0;
}

struct Pieces {
  std::vector<MountSpec> mounts;
  std::vector<Descriptor> cgroup_files;
  std::vector<int> cgroup_numbers;
  Descriptor landlock;
};

// v1 groups are entered by writing `tasks`: for a single thread that moves itself the kernel needs no lock over all
// processes, which cgroup.procs would take.
int OpenCgroupFiles(const LaunchSpec& spec, const LaunchGroup& group, Pieces* pieces) {
  const auto add = [pieces](const std::string& path) {
    Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.valid()) return errno;
    pieces->cgroup_numbers.push_back(file.get());
    pieces->cgroup_files.push_back(std::move(file));
    return 0;
  };
  for (const std::string& v1 : spec.v1_groups) {
    const bool holds = group.present() && !group.v2 && group.path.compare(0, group.path.rfind('/'), v1) == 0;
    if (const int error = add((holds ? group.path : v1) + "/tasks")) return error;
  }
  return 0;
}

int MakeRuleset(const LaunchSpec& spec, Pieces* pieces) {
  // The list names the directories as the gear sees them; here, outside its mounts, they are called otherwise.
  const auto outside = [&spec](const std::string& path) {
    for (const auto& mount : spec.mounts) {
      if (mount.second == path) return mount.first.c_str();
    }
    return path.c_str();
  };
  std::vector<const char*> read_only;
  std::vector<const char*> read_write;
  for (const std::string& path : spec.landlock_read_only) read_only.push_back(outside(path));
  for (const std::string& path : spec.landlock_read_write) read_write.push_back(outside(path));
  int ruleset = -1;
  const int error = MakeLandlockRuleset(read_only.data(), read_only.size(), read_write.data(), read_write.size(), &ruleset);
  pieces->landlock.assign(ruleset);
  return error;
}

StepFailure PrepareConfinement(const LaunchSpec& spec, const LaunchGroup& group, Pieces* pieces, ConfineSpec* confine) {
  if (const int error = OpenCgroupFiles(spec, group, pieces)) return {Step::cgroup, error};
  for (const auto& mount : spec.mounts) pieces->mounts.push_back({mount.first.c_str(), mount.second.c_str()});
  if (spec.has_landlock) {
    if (const int error = MakeRuleset(spec, pieces)) return {Step::landlock, error};
  }
  if (ProcDirectory() < 0) return {Step::rlimits, -ProcDirectory()};
  confine->cgroup_files = pieces->cgroup_numbers.data();
  confine->cgroup_file_count = static_cast<unsigned>(pieces->cgroup_numbers.size());
  confine->mounts = pieces->mounts.data();
  confine->mount_count = static_cast<unsigned>(pieces->mounts.size());
  confine->rlimits = spec.rlimits.data();
  confine->rlimit_count = static_cast<unsigned>(spec.rlimits.size());
  confine->umask = spec.umask;
  confine->set_oom_score_adj = true;
  confine->oom_score_adj = spec.oom_score_adj;
  confine->proc = ProcDirectory();
  confine->label = spec.has_label ? spec.label.c_str() : nullptr;
  confine->drop_capabilities = spec.drop_capabilities;
  confine->set_identity = true;
  confine->uid = spec.uid;
  confine->gid = spec.gid;
  confine->no_new_privs = spec.no_new_privs;
  confine->seccomp = spec.seccomp ? SeccompFilter() : nullptr;
  confine->landlock = pieces->landlock.get();
  return {};
}

// Into the v2 group by the clone itself where the kernel can, else by the child's own first write.
StepFailure Clone(const LaunchSpec& spec, const ChildStack& stack, Pieces* pieces, Prepared* prepared, Child* child) {
  CloneRequest request;
  request.new_mounts = spec.confined && !spec.mounts.empty();
  prepared->confine.mount_namespace_made = request.new_mounts;
  Descriptor group;
  if (child->group.present() && child->group.v2) {
    group.assign(open(child->group.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!group.valid()) return {Step::cgroup, errno};
    request.cgroup = group.get();
  }
  int error = CloneChild(request, stack, RunChild, prepared, &child->pid, &child->pidfd);
  if (error == ENOSYS || (error == EINVAL && request.cgroup >= 0)) {
    if (group.valid()) {
      Descriptor procs(open((child->group.path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
      if (!procs.valid()) return {Step::cgroup, errno};
      pieces->cgroup_numbers.push_back(procs.get());
      pieces->cgroup_files.push_back(std::move(procs));
      prepared->confine.cgroup_files = pieces->cgroup_numbers.data();
      prepared->confine.cgroup_file_count = static_cast<unsigned>(pieces->cgroup_numbers.size());
    }
    error = CloneChildPlain(request, stack, RunChild, prepared, &child->pid, &child->pidfd);
  }
  // ENODEV: the group was removed; EBUSY, EOPNOTSUPP: it may not hold processes.
  const bool of_group = request.cgroup >= 0 && (error == ENODEV || error == EBUSY || error == EOPNOTSUPP);
  return error == 0 ? StepFailure{} : StepFailure{of_group ? Step::cgroup : Step::clone, error};
}

// The group is made last and undone here, so that no failure of the preparation leaves one.
StepFailure StartInGroup(const LaunchSpec& spec, const ChildStack& stack, Ends* ends, Prepared* prepared, Child* child) {
  Pieces pieces;
  if (spec.confined) {
    if (const int error = MakeLaunchGroup(spec.v2_group, spec.v1_groups, spec.keep, &child->group)) {
      return {Step::cgroup, error};
    }
  }
  StepFailure failure;
  if (spec.confined) failure = PrepareConfinement(spec, child->group, &pieces, &prepared->confine);
  if (!failure.failed()) failure = Clone(spec, stack, &pieces, prepared, child);
  if (!failure.failed() && prepared->failure.failed()) {
    failure = prepared->failure;
    siginfo_t ended;
    const std::lock_guard<std::mutex> lock(child->guard);
    const int held = child->pidfd.exchange(-1);
    waitid(P_PIDFD, static_cast<id_t>(held), &ended, WEXITED | __WALL);
    close(held);
  }
  if (failure.failed()) {
    if (child->group.present()) RemoveLaunchGroup(child->group);
    child->group = LaunchGroup();
    return failure;
  }
  child->input = ends->near_input.release();
  child->output = ends->near_output.release();
  child->error = ends->near_error.release();
  return {};
}

}  // namespace

StepFailure StartChild(const LaunchSpec& spec, const ChildStack& stack, Child* child) {
  if (stack.low() == nullptr) return {Step::clone, ENOMEM};
  Prepared prepared;
  prepared.confined = spec.confined;
  prepared.file = spec.file.c_str();
  prepared.argv = spec.argv.data();
  prepared.envp = spec.envp.data();
  prepared.cwd_path = spec.cwd.c_str();
  Descriptor cwd;
  if (const int error = OpenDirectory(spec.cwd, &cwd)) return {Step::cwd, error};
  prepared.cwd = cwd.get();
  Ends ends;
  if (const int error = MakeDescriptors(spec, &ends, &prepared)) return {Step::descriptors, error};
  return StartInGroup(spec, stack, &ends, &prepared, child);
}

}  // namespace oo
