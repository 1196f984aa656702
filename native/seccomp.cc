// See seccomp.h. The program is installed anew for each launch, and the kernel then compiles it and tries it for every
// call number: so neighbouring numbers are merged into ranges, ranges are found by bisection, and answers are shared.
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

enum class Answer { allow, deny, absent, deny_namespaces, deny_namespaces_and_time };

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
    {SYS__sysctl, Answer::deny},  // this and what follows no longer exists; it joins the ranges on either side
    {SYS_create_module, Answer::deny},
    {SYS_get_kernel_syms, Answer::deny},
    {SYS_query_module, Answer::deny},
    {SYS_nfsservctl, Answer::deny},
#endif
};

// From `first` on, up to the next range, the calls have this answer.
struct Range {
  unsigned first;
  Answer answer;
};

std::vector<Range> Ranges() {
  std::vector<Rule> sorted(std::begin(rules), std::end(rules));
  std::sort(sorted.begin(), sorted.end(), [](const Rule& a, const Rule& b) { return a.number < b.number; });
  std::vector<Range> ranges = {{0, Answer::allow}};
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (ranges.back().answer != sorted[i].answer) ranges.push_back({sorted[i].number, sorted[i].answer});
    const bool gap = i + 1 == sorted.size() || sorted[i + 1].number != sorted[i].number + 1;
    if (gap) ranges.push_back({sorted[i].number + 1, Answer::allow});
  }
  return ranges;
}

class Builder {
 public:
  std::vector<sock_filter> Build() {
    Add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
    Add(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
    Add(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    Add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    Add(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);  // x32: the same calls under other numbers
    Add(BPF_RET | BPF_K, kDeny);
#endif
    const std::vector<Range> ranges = Ranges();
    Search(ranges, 0, ranges.size());
    PlaceAnswers();
    return program_;
  }

 private:
  struct Jump {
    size_t at;
    bool when_true;
    Answer to;
  };

  void Add(unsigned short code, unsigned value, unsigned char when_true = 0, unsigned char when_false = 0) {
    program_.push_back({code, when_true, when_false, value});
  }

  // At least two ranges. One side that is a single range is a jump to its answer, else the code that tells its ranges.
  void Search(const std::vector<Range>& ranges, size_t first, size_t last) {
    const size_t middle = first + (last - first) / 2;
    const size_t at = program_.size();
    Add(BPF_JMP | BPF_JGE | BPF_K, ranges[middle].first);
    if (middle - first == 1) {
      jumps_.push_back({at, false, ranges[first].answer});
    } else {
      Search(ranges, first, middle);
    }
    if (last - middle == 1) {
      jumps_.push_back({at, true, ranges[middle].answer});
    } else {
      program_[at].jt = static_cast<unsigned char>(program_.size() - at - 1);
      Search(ranges, middle, last);
    }
  }

  void PlaceAnswers() {
    for (const Answer answer : {Answer::deny_namespaces_and_time, Answer::deny_namespaces, Answer::allow, Answer::deny, Answer::absent}) {
      for (const Jump& jump : jumps_) {
        if (jump.to != answer) continue;
        // Some sixty instructions in all: every jump fits its eight bits.
        unsigned char& distance = jump.when_true ? program_[jump.at].jt : program_[jump.at].jf;
        distance = static_cast<unsigned char>(program_.size() - jump.at - 1);
      }
      Place(answer);
    }
  }

  void Place(Answer answer) {
    if (answer == Answer::allow) return Add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    if (answer == Answer::deny) return Add(BPF_RET | BPF_K, kDeny);
    if (answer == Answer::absent) return Add(BPF_RET | BPF_K, kAbsent);
    const unsigned mask = answer == Answer::deny_namespaces ? kNamespaces : kNamespaces | kTimeNamespace;
    Add(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0]));  // the low word: both architectures are little-endian
    Add(BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1);
    Add(BPF_RET | BPF_K, kDeny);
    Add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }

  std::vector<sock_filter> program_;
  std::vector<Jump> jumps_;
};

}  // namespace

const sock_fprog* SeccompFilter() {
  static const auto* program = new std::vector<sock_filter>(Builder().Build());
  static const sock_fprog filter = {static_cast<unsigned short>(program->size()), const_cast<sock_filter*>(program->data())};
  return &filter;
}

}  // namespace oo
