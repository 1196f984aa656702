// Launches on kernels that lack a call or a flag of it, shown by a filter that answers as those do; and what a busy
// process must survive: a program that some child still holds open for writing, no descriptor left at the first launch.
// sources: launch.cc launch_child.cc launch_group.cc warm.cc cgroup.cc clone.cc confine.cc landlock.cc seccomp.cc
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "../cgroup.h"
#include "../launch.h"
#include "check.h"
#include "scratch.h"

namespace {

struct Answer {
  unsigned number;
  int error;
  unsigned third_argument;  // only with this one; kAny: always
};
constexpr unsigned kAny = ~0U;

void Install(const std::vector<Answer>& answers) {
  std::vector<sock_filter> program;
  for (const Answer& answer : answers) {
    program.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)});
    const bool any = answer.third_argument == kAny;
    program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<unsigned char>(any ? 1 : 3), answer.number});
    if (!any) {
      program.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args[2])});
      program.push_back({BPF_JMP | BPF_JEQ | BPF_K, 0, 1, answer.third_argument});
    }
    program.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | static_cast<unsigned>(answer.error)});
  }
  program.push_back({BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW});
  const sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) _exit(99);
}

oo::LaunchSpec Shell(const char* script) {
  oo::LaunchSpec spec;
  spec.file = "/bin/bash";
  spec.argv = {"bash", "-c", script, nullptr};
  spec.envp = {nullptr};
  spec.cwd = "/";
  spec.merge_stderr = true;
  return spec;
}

// What the program says, or which step failed with what.
std::string Run(const oo::LaunchSpec& spec) {
  oo::Launcher launcher;
  oo::Child child;
  const oo::StepFailure failure = StartChild(spec, launcher, &child);
  if (failure.failed()) return std::string(oo::StepName(failure.step)) + " " + std::to_string(failure.error);
  fcntl(child.output, F_SETFL, 0);
  std::string text;
  char part[4096];
  ssize_t got;
  while ((got = read(child.output, part, sizeof(part))) > 0) text.append(part, static_cast<size_t>(got));
  siginfo_t ended;
  waitid(P_PIDFD, static_cast<id_t>(child.pidfd.load()), &ended, WEXITED | __WALL);
  close(child.pidfd.load());
  close(child.output);
  if (child.group.present()) RemoveLaunchGroup(child.group);
  return text;
}

// In a process of its own, so that filters and limits go with it.
std::string Apart(const std::vector<Answer>& answers, const oo::LaunchSpec& spec, void (*before)() = nullptr) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    if (before != nullptr) before();
    Install(answers);
    const std::string text = Run(spec);
    if (write(ends[1], text.data(), text.size()) < 0) _exit(98);
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char part[4096];
  ssize_t got;
  while ((got = read(ends[0], part, sizeof(part))) > 0) text.append(part, static_cast<size_t>(got));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return text;
}

void LeaveDescriptorsOpen() {
  for (int number = 0; number < 5; ++number) dup(2);  // inherited ones, which no exec closes
}

// Twenty at any time, none older than a few milliseconds.
constexpr const char* kForking = "f() { sleep 0.005; (f) & }; for i in {1..20}; do f & done; wait; sleep 60";
constexpr const char* kDescriptors = "cd /proc/self/fd && echo *";

}  // namespace

TEST(exactly_three_descriptors_whatever_close_range_can_do) {
  const oo::LaunchSpec spec = Shell(kDescriptors);
  constexpr unsigned kCloseOnExec = 4;
  CHECK_EQUAL(Apart({}, spec, LeaveDescriptorsOpen), "0 1 2 3\n");  // 3: the shell's own look
  CHECK_EQUAL(Apart({{SYS_close_range, EINVAL, kCloseOnExec}}, spec, LeaveDescriptorsOpen), "0 1 2 3\n");
  CHECK_EQUAL(Apart({{SYS_close_range, ENOSYS, kAny}}, spec, LeaveDescriptorsOpen), "0 1 2 3\n");
}

TEST(a_child_is_made_the_old_way_where_clone3_is_absent_old_or_forbidden) {
  const oo::LaunchSpec spec = Shell("echo ran");
  for (const int error : {ENOSYS, EINVAL, E2BIG, EPERM}) {
    CHECK_EQUAL(Apart({{SYS_clone3, error, kAny}}, spec), "ran\n");
  }
  CHECK_EQUAL(Apart({{SYS_clone3, EAGAIN, kAny}}, spec), "clone " + std::to_string(EAGAIN));
}

TEST(a_program_still_open_for_writing_is_waited_for) {
  const Scratch scratch;
  scratch.put("hook", "#!/bin/bash\necho ran\n");
  chmod(scratch.at("hook").c_str(), 0755);
  oo::LaunchSpec spec = Shell("");
  spec.file = scratch.at("hook");
  const int writer = open(spec.file.c_str(), O_WRONLY | O_CLOEXEC);
  std::thread closer([writer] {
    usleep(30000);
    close(writer);
  });
  CHECK_EQUAL(Run(spec), "ran\n");
  closer.join();
  const int kept = open(spec.file.c_str(), O_WRONLY | O_CLOEXEC);
  const std::string said = Run(spec);
  CHECK(said == "exec " + std::to_string(ETXTBSY) || said == "ran\n");  // some kernels let it run
  close(kept);
}

TEST(no_descriptor_left_at_the_first_launch_does_not_spoil_the_later_ones) {
  const pid_t child = fork();
  if (child == 0) {
    rlimit limit = {};
    getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit none = {3, limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    if (Run(Shell("echo ran")) == "ran\n") _exit(1);
    setrlimit(RLIMIT_NOFILE, &limit);
    _exit(Run(Shell("echo ran")) == "ran\n" ? 0 : 2);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK_EQUAL(status, 0);
}

TEST(a_group_whose_members_keep_forking_is_killed_without_cgroup_kill) {
  for (const char* root : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
    const std::string group = std::string(root) + "/oo-test-list-" + std::to_string(getpid());
    if (!oo::IsV2Group(root) || mkdir(group.c_str(), 0755) != 0) continue;
    const pid_t child = fork();
    if (child == 0) {
      oo::WriteGroupFile(group, "cgroup.procs", "0");
      execl("/bin/bash", "bash", "-c", kForking, nullptr);
      _exit(1);
    }
    usleep(150000);
    int error = ETIMEDOUT;
    for (int tries = 0; tries < 5 && error != 0; ++tries) {
      CHECK_EQUAL(oo::KillGroupByList(group), 0);
      error = oo::WaitGroupEmpty(group, 300);
    }
    CHECK_EQUAL(error, 0);
    waitpid(child, nullptr, 0);
    CHECK_EQUAL(oo::RemoveGroupTree(group), 0);
    return;
  }
  printf("  (skipped: no v2 control group)\n");
}
