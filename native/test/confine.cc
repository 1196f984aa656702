// The steps of confine, Landlock and the groups alone, each tried in a forked child (so that they can be taken for real).
// sources: confine.cc landlock.cc seccomp.cc cgroup.cc clone.cc
#include "../confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <vector>

#include "../cgroup.h"
#include "../clone.h"
#include "../landlock.h"
#include "../seccomp.h"
#include "check.h"

using oo::ConfineSpec;
using oo::Step;
using oo::StepFailure;

// The status a child ends with that runs `body`.
static int InChild(const std::function<int()>& body) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST(an_empty_spec_changes_nothing) {
  CHECK_EQUAL(InChild([] {
    const StepFailure failure = oo::ConfineAll(ConfineSpec());
    return static_cast<int>(failure.step);
  }), 0);
}

TEST(limits_umask_and_score) {
  CHECK_EQUAL(InChild([] {
    const oo::RlimitSpec limits[] = {{RLIMIT_CORE, 0, 0}, {RLIMIT_NOFILE, 20, 20}};
    ConfineSpec spec;
    spec.rlimits = limits;
    spec.rlimit_count = 2;
    spec.umask = 027;
    spec.proc = oo::OpenProc();
    spec.set_oom_score_adj = true;
    spec.oom_score_adj = 907;
    if (spec.proc < 0) return 1;
    if (oo::ConfineAsRoot(spec).failed()) return 2;
    struct rlimit now = {};
    getrlimit(RLIMIT_NOFILE, &now);
    if (now.rlim_cur != 20 || now.rlim_max != 20) return 3;
    if (umask(0) != 027) return 4;
    char text[16] = {};
    const int file = open("/proc/self/oom_score_adj", O_RDONLY);
    if (read(file, text, sizeof(text) - 1) < 3 || strncmp(text, "907", 3) != 0) return 5;
    return 0;
  }), 0);
}

TEST(a_failing_step_stops_the_rest) {
  CHECK_EQUAL(InChild([] {
    const oo::RlimitSpec limits[] = {{RLIMIT_NOFILE, 20, 10}};
    ConfineSpec spec;
    spec.rlimits = limits;
    spec.rlimit_count = 1;
    spec.no_new_privs = true;
    const StepFailure failure = oo::ConfineAll(spec);
    if (failure.step != Step::rlimits || failure.error != EINVAL) return 1;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  }), 0);
  CHECK_EQUAL(InChild([] {
    ConfineSpec spec;
    spec.proc = oo::OpenProc();
    spec.label = "no_u:no_r:no_t:s0";
    const StepFailure failure = oo::ConfineAsGear(spec);
    return failure.step == Step::label && failure.error != 0 ? 0 : 1;
  }), 0);
}

TEST(identity_has_no_way_back) {
  if (geteuid() != 0) return;
  CHECK_EQUAL(InChild([] {
    ConfineSpec spec;
    spec.drop_capabilities = true;
    spec.set_identity = true;
    spec.uid = 65533;
    spec.gid = 65532;
    if (oo::ConfineAll(spec).failed()) return 1;
    if (getuid() != 65533 || getegid() != 65532 || getgroups(0, nullptr) != 0) return 2;
    if (setuid(0) == 0 || setgid(0) == 0) return 3;
    if (prctl(PR_CAPBSET_READ, 7, 0, 0, 0) != 0) return 4;
    return 0;
  }), 0);
}

TEST(landlock_allows_what_is_named) {
  if (oo::LandlockAbi() == 0) return;
  CHECK_EQUAL(InChild([] {
    const char* read_only[] = {"/usr", "/nowhere", "/etc/passwd"};
    const char* read_write[] = {"/dev/null", "/dev/shm"};
    ConfineSpec spec;
    spec.no_new_privs = true;
    spec.seccomp = oo::SeccompFilter();
    if (oo::MakeLandlockRuleset(read_only, 3, read_write, 2, &spec.landlock) != 0) return 1;
    if (oo::ConfineAsGear(spec).failed()) return 2;
    if (open("/etc/passwd", O_RDONLY) < 0 || open("/usr", O_RDONLY | O_DIRECTORY) < 0 || open("/dev/null", O_RDWR) < 0) return 3;
    if (open("/etc/passwd", O_RDWR) >= 0 || errno != EACCES) return 4;
    if (open("/etc/group", O_RDONLY) >= 0 || errno != EACCES) return 5;
    if (open("/dev/zero", O_RDONLY) >= 0 || errno != EACCES) return 6;
    const int file = open("/dev/shm/oo-confine-test", O_CREAT | O_RDWR, 0600);
    if (file < 0 || ftruncate(file, 10) != 0 || unlink("/dev/shm/oo-confine-test") != 0) return 7;
    return 0;
  }), 0);
}

namespace {

int value = 0;

void StoreAndExit(void* argument) {
  value = *static_cast<int*>(argument);
  for (;;) syscall(SYS_exit_group, 9);
}

}  // namespace

TEST(a_cloned_child_shares_memory_and_is_waited_for) {
  const oo::ChildStack stack;
  for (const bool plain : {false, true}) {
    int argument = plain ? 7 : 8;
    pid_t pid = 0;
    std::atomic<int> pidfd{-1};
    const auto clone = plain ? oo::CloneChildPlain : oo::CloneChild;
    CHECK_EQUAL(clone(oo::CloneRequest(), stack, StoreAndExit, &argument, &pid, &pidfd), 0);
    CHECK_EQUAL(value, argument);
    CHECK(pidfd.load() >= 0);
    CHECK_EQUAL(fcntl(pidfd.load(), F_GETFD), FD_CLOEXEC);
    int status = -1;
    CHECK_EQUAL(waitpid(pid, &status, 0), pid);
    CHECK_EQUAL(WEXITSTATUS(status), 9);
    close(pidfd.load());
  }
}

TEST(groups_that_are_not_there) {
  std::vector<int> pids;
  CHECK_EQUAL(oo::GroupProcesses("/sys/fs/cgroup/oo-nowhere", true, &pids), ENOENT);
  CHECK_EQUAL(oo::WaitGroupEmpty("/sys/fs/cgroup/oo-nowhere", 10), 0);
  CHECK_EQUAL(oo::KillGroup("/sys/fs/cgroup/oo-nowhere"), ENOENT);
  CHECK_EQUAL(oo::RemoveGroupTree("/sys/fs/cgroup/oo-nowhere"), 0);
}
