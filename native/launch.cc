// See launch.h. Here is the parent's half: everything is opened and made beforehand, and undone where the start fails.
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "descriptor.h"
#include "launch_child.h"
#include "seccomp.h"

namespace oo {

namespace {

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
  // Whoever may not give it away may not change its identity either, and that step says so better.
  if (spec.confined && fchown(far->get(), spec.uid, spec.gid) != 0 && errno != EPERM) return errno;
  return 0;
}

// The process's own, opened once and kept; a failure (there was no descriptor left) is not.
int Kept(std::atomic<int>* kept, int (*open_it)()) {
  int number = kept->load();
  if (number >= 0) return number;
  const int made = open_it();
  if (made < 0 || kept->compare_exchange_strong(number, made)) return made;
  close(made);
  return number;
}

int NullDevice() {
  static std::atomic<int> device{-1};
  return Kept(&device, [] { return open("/dev/null", O_RDWR | O_CLOEXEC); });
}

int ProcDirectory() {
  static std::atomic<int> proc{-1};
  return Kept(&proc, OpenProc);
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

// Those ignored when the first launch is made (Node lets nothing be ignored later), and those that programs are wont
// to ignore, whatever a native module may do meanwhile.
unsigned long IgnoredSignals() {
  static const unsigned long ignored = [] {
    unsigned long mask = 0;
    for (const int usual : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2}) {
      mask |= 1UL << (usual - 1);
    }
    for (int number = 1; number <= 64; ++number) {
      struct sigaction action = {};
      if (sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) mask |= 1UL << (number - 1);
    }
    return mask;
  }();
  return ignored;
}

constexpr int kMostBusy = 50;       // tries, of two milliseconds each
constexpr int kKilledAtBirth = -1;  // no errno of the kernel's; never leaves this file

struct Pieces {
  std::vector<MountSpec> mounts;
  std::vector<int> cgroup_files;
  Descriptor own_cgroup_file;
  Warm::View view;
};

// v1 groups by the files that are kept open; only the launch's own group, where there is no v2, by one of its own.
int CgroupFiles(const LaunchSpec& spec, const Child& child, Pieces* pieces) {
  if (const int error = child.warm->OpenV1Files(spec, &pieces->cgroup_files)) return error;
  if (!child.group.present() || child.group.v2) return 0;
  pieces->own_cgroup_file.assign(open((child.group.path + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
  if (!pieces->own_cgroup_file.valid()) return errno;
  for (size_t i = 0; i < spec.v1_groups.size(); ++i) {
    if (child.group.path.compare(0, child.group.path.rfind('/'), spec.v1_groups[i]) == 0) {
      pieces->cgroup_files[i] = pieces->own_cgroup_file.get();
    }
  }
  return 0;
}

// Between its change of uid and its exec the child has the gear's uid and this process's memory. What keeps the gear from
// tracing it then is that the kernel marks such a process as not dumpable; fs.suid_dumpable = 1 switches that off.
bool TracingIsBarred() {
  constexpr long long kTrust = 1000000;  // microseconds
  static std::atomic<long long> looked{0};
  static std::atomic<bool> barred{false};
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const long long microseconds = now.tv_sec * 1000000LL + now.tv_nsec / 1000;
  if (microseconds - looked.load() < kTrust && barred.load()) return true;
  char text[8] = {};
  const Descriptor file(openat(ProcDirectory(), "sys/fs/suid_dumpable", O_RDONLY | O_CLOEXEC));
  const bool safe = !file.valid() || read(file.get(), text, sizeof(text) - 1) <= 0 || text[0] != '1';
  barred = safe;
  looked = microseconds;
  return safe;
}

StepFailure PrepareConfinement(const LaunchSpec& spec, const Launcher& launcher, const Child& child, Pieces* pieces,
                               ConfineSpec* confine) {
  if (const int error = CgroupFiles(spec, child, pieces)) return {Step::cgroup, error};
  if (const int error = child.warm->Look(spec, &pieces->view)) return {Step::landlock, error};
  confine->landlock = pieces->view.ruleset;
  confine->mount_namespace = pieces->view.mount_namespace;
  for (const auto& mount : spec.mounts) pieces->mounts.push_back({mount.first.c_str(), mount.second.c_str()});
  if (ProcDirectory() < 0) return {Step::rlimits, -ProcDirectory()};
  if (spec.uid != 0 && !TracingIsBarred()) return {Step::identity, ENOTSUP};
  confine->cgroup_files = pieces->cgroup_files.data();
  confine->cgroup_file_count = static_cast<unsigned>(pieces->cgroup_files.size());
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
  confine->bounding_set_empty = launcher.bounding_set_empty;
  confine->set_identity = true;
  confine->uid = spec.uid;
  confine->gid = spec.gid;
  confine->no_new_privs = spec.no_new_privs;
  confine->seccomp = spec.seccomp ? SeccompFilter() : nullptr;
  return {};
}

// How the child gets into its group. Some kernels compare, when a child is born by clone3 into a group, how often that
// group was killed with how often the parent's own was, and kill the child at birth where the two differ (a warm group
// that somebody's cgroup.kill has passed; a parent whose own group was once killed). The next way is taken then.
enum class Entry { warm_group, new_group, self_move };

void Reap(Child* child) {
  siginfo_t ended;
  const std::lock_guard<std::mutex> lock(child->guard);
  const int held = child->pidfd.exchange(-1);
  waitid(P_PIDFD, static_cast<id_t>(held), &ended, WEXITED | __WALL);
  close(held);
}

// The child will write itself into its v2 group.
int MoveItself(const Child& child, Pieces* pieces, ConfineSpec* confine) {
  pieces->own_cgroup_file.assign(openat(child.group.directory.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
  if (!pieces->own_cgroup_file.valid()) return errno;
  pieces->cgroup_files.push_back(pieces->own_cgroup_file.get());
  confine->cgroup_files = pieces->cgroup_files.data();
  confine->cgroup_file_count = static_cast<unsigned>(pieces->cgroup_files.size());
  return 0;
}

StepFailure Clone(const LaunchSpec& spec, const Launcher& launcher, Entry entry, Pieces* pieces, Prepared* prepared, Child* child) {
  CloneRequest request;
  request.new_mounts = spec.confined && !spec.mounts.empty() && prepared->confine.mount_namespace < 0;
  prepared->confine.mount_namespace_made = request.new_mounts;
  const bool in_v2 = child->group.present() && child->group.v2;
  int error = in_v2 && entry == Entry::self_move ? MoveItself(*child, pieces, &prepared->confine) : 0;
  if (error != 0) return {Step::cgroup, error};
  if (in_v2 && entry != Entry::self_move) request.cgroup = child->group.directory.get();
  error = CloneChild(request, launcher.stack, RunChild, prepared, &child->pid, &child->pidfd);
  // Absent; too old for the flags, or (E2BIG) for the cgroup; forbidden by a filter that cannot look into its flags.
  if (error == ENOSYS || error == EINVAL || error == E2BIG || error == EPERM) {
    if (request.cgroup >= 0) error = MoveItself(*child, pieces, &prepared->confine);
    if (error != 0 && request.cgroup >= 0) return {Step::cgroup, error};
    prepared->reset_all_signals = true;
    error = CloneChildPlain(request, launcher.stack, RunChild, prepared, &child->pid, &child->pidfd);
  }
  // ENODEV, or ENOENT of some kernels: the group was removed; EBUSY, EOPNOTSUPP: it may not hold processes.
  if (request.cgroup >= 0 && error == ENOENT) error = ENODEV;
  const bool of_group = request.cgroup >= 0 && (error == ENODEV || error == EBUSY || error == EOPNOTSUPP);
  if (error != 0) return {of_group ? Step::cgroup : Step::clone, error};
  if (!prepared->began && entry != Entry::self_move) {
    Reap(child);
    return {Step::cgroup, kKilledAtBirth};
  }
  if (prepared->failure.failed()) {
    Reap(child);
    return prepared->failure;
  }
  if (request.new_mounts) child->warm->KeepMountNamespace(spec, child->pid, std::move(pieces->view.mounts));
  return {};
}

int GetGroup(const LaunchSpec& spec, Entry entry, Child* child) {
  const bool warm = entry == Entry::warm_group && !spec.keep && !spec.v2_group.empty();
  if (warm && child->warm->TakeGroup(&child->group)) return 0;
  return MakeLaunchGroup(spec.v2_group, spec.v1_groups, spec.keep, &child->group);
}

// The group is made last and undone here, so that no failure of the preparation leaves one.
StepFailure StartInGroup(const LaunchSpec& spec, const Launcher& launcher, Entry entry, Prepared* prepared, Child* child) {
  Pieces pieces;
  StepFailure failure;
  if (spec.confined) {
    child->warm = WarmStore::Instance().Find(spec);
    if (const int error = GetGroup(spec, entry, child)) return {Step::cgroup, error};
    failure = PrepareConfinement(spec, launcher, *child, &pieces, &prepared->confine);
  }
  if (!failure.failed()) failure = Clone(spec, launcher, entry, &pieces, prepared, child);
  if (failure.failed() && child->group.present()) {
    RemoveLaunchGroup(child->group);
    child->group = LaunchGroup();
  }
  return failure;
}

}  // namespace

StepFailure StartChild(const LaunchSpec& spec, const Launcher& launcher, Child* child) {
  if (launcher.stack.low() == nullptr) return {Step::clone, ENOMEM};
  Descriptor cwd;
  if (const int error = OpenDirectory(spec.cwd, &cwd)) return {Step::cwd, error};
  Ends ends;
  Entry entry = Entry::warm_group;
  int busy = 0;
  for (bool again = false;;) {
    Prepared prepared;
    prepared.confined = spec.confined;
    prepared.file = spec.file.c_str();
    prepared.argv = spec.argv.data();
    prepared.envp = spec.envp.data();
    prepared.cwd = cwd.get();
    prepared.cwd_path = spec.cwd.c_str();
    prepared.ignored_signals = IgnoredSignals();
    if (const int error = MakeDescriptors(spec, &ends, &prepared)) return {Step::descriptors, error};
    const StepFailure failure = StartInGroup(spec, launcher, entry, &prepared, child);
    if (!failure.failed()) break;
    // A child of another launch holds copies of all descriptors until its exec, that of a writer of this file included.
    if (failure.step == Step::exec && failure.error == ETXTBSY && ++busy < kMostBusy && !child->cancelled.load()) {
      const timespec moment = {0, 2000000};
      nanosleep(&moment, nullptr);
      continue;
    }
    if (failure.step != Step::cgroup) return failure;
    if (failure.error == kKilledAtBirth) {
      if (child->cancelled.load()) return {Step::clone, ECANCELED};
      entry = entry == Entry::warm_group ? Entry::new_group : Entry::self_move;
    } else if ((failure.error != ENODEV && failure.error != ENOENT) || again) {
      return failure;
    }
    // The gear's groups were killed, or removed and maybe made again, since the warm ones were opened.
    WarmStore::Instance().Forget(spec);
    again = true;
  }
  child->input = ends.near_input.release();
  child->output = ends.near_output.release();
  child->error = ends.near_error.release();
  return {};
}

}  // namespace oo
