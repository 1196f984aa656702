// The filter as the kernel will run it: a small interpreter asks it about every call number, then a forked child about
// a few for real.
// sources: seccomp.cc
#include "../seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "check.h"

static unsigned Run(unsigned arch, unsigned number, unsigned long long argument) {
  const sock_fprog* filter = oo::SeccompFilter();
  unsigned accumulator = 0;
  for (unsigned at = 0; at < filter->len; ++at) {
    const sock_filter& step = filter->filter[at];
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        accumulator = step.k == 4 ? arch : step.k == 0 ? number : static_cast<unsigned>(argument);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += accumulator == step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += accumulator >= step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JSET | BPF_K:
        at += (accumulator & step.k) != 0 ? step.jt : step.jf;
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        return ~0U;
    }
  }
  return ~0U;
}

#if defined(__x86_64__)
constexpr unsigned kHere = AUDIT_ARCH_X86_64;
constexpr unsigned kOther = AUDIT_ARCH_I386;
#else
constexpr unsigned kHere = AUDIT_ARCH_AARCH64;
constexpr unsigned kOther = AUDIT_ARCH_ARM;
#endif

TEST(the_denied_calls_and_only_they_fail) {
  const std::set<unsigned> denied = {
      SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load, SYS_reboot, SYS_swapon,
      SYS_swapoff, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_add_key, SYS_keyctl, SYS_request_key, SYS_mount,
      SYS_umount2, SYS_pivot_root, SYS_open_by_handle_at, SYS_quotactl, SYS_setns, SYS_settimeofday, SYS_clock_settime,
      SYS_sethostname, SYS_setdomainname, SYS_acct, SYS_syslog, SYS_vhangup, 425, 426, 427, 428, 429, 430, 431, 432, 433,
      442, 443,
#if defined(__x86_64__)
      SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS__sysctl, SYS_create_module, SYS_get_kernel_syms,
      SYS_query_module, SYS_nfsservctl,
#endif
  };
  for (unsigned number = 0; number < 600; ++number) {
    unsigned expected = SECCOMP_RET_ALLOW;
    if (denied.count(number) != 0) expected = SECCOMP_RET_ERRNO | EPERM;
    if (number == 435) expected = SECCOMP_RET_ERRNO | ENOSYS;
    if (Run(kHere, number, 0) != expected) CHECK_EQUAL(number, 0U);
  }
}

TEST(namespaces_are_denied_and_threads_are_not) {
  CHECK_EQUAL(Run(kHere, SYS_clone, CLONE_NEWUSER | SIGCHLD), SECCOMP_RET_ERRNO | EPERM);
  CHECK_EQUAL(Run(kHere, SYS_clone, CLONE_NEWNET), SECCOMP_RET_ERRNO | EPERM);
  CHECK_EQUAL(Run(kHere, SYS_clone, CLONE_VM | CLONE_FS | CLONE_THREAD | CLONE_SIGHAND), SECCOMP_RET_ALLOW);
  CHECK_EQUAL(Run(kHere, SYS_clone, 0x80 | SIGCHLD), SECCOMP_RET_ALLOW);
  CHECK_EQUAL(Run(kHere, SYS_unshare, CLONE_FILES), SECCOMP_RET_ALLOW);
  CHECK_EQUAL(Run(kHere, SYS_unshare, CLONE_NEWUSER), SECCOMP_RET_ERRNO | EPERM);
  CHECK_EQUAL(Run(kHere, SYS_unshare, 0x80), SECCOMP_RET_ERRNO | EPERM);
}

TEST(a_foreign_architecture_ends_the_process) {
  CHECK_EQUAL(Run(kOther, 1, 0), SECCOMP_RET_KILL_PROCESS);
#if defined(__x86_64__)
  CHECK_EQUAL(Run(kHere, 0x40000000 | SYS_mount, 0), SECCOMP_RET_ERRNO | EPERM);
  CHECK_EQUAL(Run(kHere, 0x40000000 | SYS_getpid, 0), SECCOMP_RET_ERRNO | EPERM);
#endif
}

TEST(the_kernel_takes_it) {
  const pid_t child = fork();
  if (child == 0) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) _exit(1);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, oo::SeccompFilter()) != 0) _exit(2);
    if (unshare(CLONE_NEWUSER) == 0 || errno != EPERM) _exit(3);
    if (syscall(SYS_keyctl, 0, 0) != -1 || errno != EPERM) _exit(4);
    if (syscall(435, nullptr, 0) != -1 || errno != ENOSYS) _exit(5);
    if (getppid() <= 0) _exit(6);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  CHECK_EQUAL(WEXITSTATUS(status), 0);
  CHECK(WIFEXITED(status));
  CHECK(oo::SeccompFilter()->len < 100);
  printf("  %d instructions\n", oo::SeccompFilter()->len);
}
