// See seccomp.h. The calls are looked up by bisection: the kernel tries the program for every call number when it is
// installed, at each launch, so a short path for each number is worth more than a short program.
#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>

#include <algorithm>
#include <vector>

namespace oo {
namespace {

#if defined(__x86_64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kArchitecture = AUDIT_ARCH_AARCH64;
#endif

constexpr unsigned kDeny = SECCOMP_RET_ERRNO | EPERM;
constexpr unsigned kAbsent = SECCOMP_RET_ERRNO | ENOSYS;
constexpr unsigned kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
                                 CLONE_NEWPID | CLONE_NEWNET;
constexpr unsigned kTimeNamespace = 0x80;  // in clone the same bit belongs to the exit signal

enum class Answer { deny, absent, deny_namespaces, deny_namespaces_and_time };

struct Rule {
  unsigned number;
  Answer answer;
};

// Numbers above 424 are the same on every architecture; they are written out because libc's headers may be older.
const Rule rules[] = {
    // modules, new kernels, reboot
    {SYS_init_module, Answer::deny},
    {SYS_finit_module, Answer::deny},
    {SYS_delete_module, Answer::deny},
    {SYS_kexec_load, Answer::deny},
    {SYS_kexec_file_load, Answer::deny},
    {SYS_reboot, Answer::deny},
    {SYS_swapon, Answer::deny},
    {SYS_swapoff, Answer::deny},
    // machinery inside the kernel with a long record of holes
    {SYS_bpf, Answer::deny},
    {SYS_perf_event_open, Answer::deny},
    {SYS_userfaultfd, Answer::deny},
    {SYS_add_key, Answer::deny},
    {SYS_keyctl, Answer::deny},
    {SYS_request_key, Answer::deny},
    {425, Answer::deny},  // io_uring_setup, _enter, _register: they pass by seccomp itself
    {426, Answer::deny},
    {427, Answer::deny},
    // mounts and files by handle
    {SYS_mount, Answer::deny},
    {SYS_umount2, Answer::deny},
    {SYS_pivot_root, Answer::deny},
    {428, Answer::deny},  // open_tree, move_mount, fsopen, fsconfig, fsmount, fspick
    {429, Answer::deny},
    {430, Answer::deny},
    {431, Answer::deny},
    {432, Answer::deny},
    {433, Answer::deny},
    {442, Answer::deny},  // mount_setattr
    {SYS_open_by_handle_at, Answer::deny},
    {SYS_quotactl, Answer::deny},
    {443, Answer::deny},  // quotactl_fd
    // namespaces: the door to the root-only parts of the kernel
    {SYS_setns, Answer::deny},
    {SYS_unshare, Answer::deny_namespaces_and_time},
    {SYS_clone, Answer::deny_namespaces},
    {435, Answer::absent},  // clone3: its flags lie in memory no filter sees; libc falls back to clone on ENOSYS
    // the machine's clock, name, accounting and log
    {SYS_settimeofday, Answer::deny},
    {SYS_clock_settime, Answer::deny},
    {SYS_sethostname, Answer::deny},
    {SYS_setdomainname, Answer::deny},
    {SYS_acct, Answer::deny},
    {SYS_syslog, Answer::deny},
    {SYS_vhangup, Answer::deny},
#if defined(__x86_64__)
    {SYS_iopl, Answer::deny},
    {SYS_ioperm, Answer::deny},
    {SYS_modify_ldt, Answer::deny},
    {SYS_uselib, Answer::deny},
#endif
};

using Program = std::vector<sock_filter>;

void Add(Program* program, unsigned short code, unsigned value, unsigned char when_true = 0, unsigned char when_false = 0) {
  program->push_back({code, when_true, when_false, value});
}

void Return(Program* program, unsigned value) { Add(program, BPF_RET | BPF_K, value); }

// The answer to one call; the accumulator holds its number and may be lost.
void AddAnswer(Program* program, Answer answer) {
  if (answer == Answer::deny) return Return(program, kDeny);
  if (answer == Answer::absent) return Return(program, kAbsent);
  const unsigned mask = answer == Answer::deny_namespaces ? kNamespaces : kNamespaces | kTimeNamespace;
  Add(program, BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0]));  // low word: both architectures are little-endian
  Add(program, BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1);
  Return(program, kDeny);
  Return(program, SECCOMP_RET_ALLOW);
}

// A search tree over sorted rules [first, last): a leaf compares and answers or allows.
Program Search(const std::vector<Rule>& sorted, size_t first, size_t last) {
  Program program;
  if (last - first == 1) {
    Program answer;
    AddAnswer(&answer, sorted[first].answer);
    Add(&program, BPF_JMP | BPF_JEQ | BPF_K, sorted[first].number, 0, static_cast<unsigned char>(answer.size()));
    program.insert(program.end(), answer.begin(), answer.end());
    Return(&program, SECCOMP_RET_ALLOW);
    return program;
  }
  const size_t middle = first + (last - first) / 2;
  const Program below = Search(sorted, first, middle);
  const Program above = Search(sorted, middle, last);
  // The lower half always fits a conditional jump's eight bits: the whole is some 200 instructions long.
  Add(&program, BPF_JMP | BPF_JGE | BPF_K, sorted[middle].number, static_cast<unsigned char>(below.size()), 0);
  program.insert(program.end(), below.begin(), below.end());
  program.insert(program.end(), above.begin(), above.end());
  return program;
}

Program Build() {
  std::vector<Rule> sorted(std::begin(rules), std::end(rules));
  std::sort(sorted.begin(), sorted.end(), [](const Rule& a, const Rule& b) { return a.number < b.number; });
  Program program;
  Add(&program, BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
  Add(&program, BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
  Return(&program, SECCOMP_RET_KILL_PROCESS);
  Add(&program, BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
#if defined(__x86_64__)
  Add(&program, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);  // x32: the same calls under other numbers
  Return(&program, kDeny);
#endif
  const Program search = Search(sorted, 0, sorted.size());
  program.insert(program.end(), search.begin(), search.end());
  return program;
}

}  // namespace

const sock_fprog* SeccompFilter() {
  static const Program* program = new Program(Build());
  static const sock_fprog filter = {static_cast<unsigned short>(program->size()), const_cast<sock_filter*>(program->data())};
  return &filter;
}

}  // namespace oo
