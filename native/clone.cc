// See clone.h.
#include "clone.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>

#include "raw.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

namespace oo {

ChildStack::ChildStack() {
  constexpr size_t kSize = 64 * 1024;
  constexpr size_t kGuard = 16 * 1024;
  void* low = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (low == MAP_FAILED) return;
  mprotect(low, kGuard, PROT_NONE);
  low_ = low;
  size_ = kSize;
}

ChildStack::~ChildStack() {
  if (low_ != nullptr) munmap(low_, size_);
}

namespace {

constexpr uint64_t kClearHandlers = 0x100000000ULL;
constexpr uint64_t kIntoCgroup = 0x200000000ULL;

struct CloneArguments {  // struct clone_args up to the field `cgroup`
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

uint64_t Flags(const CloneRequest& request) {
  uint64_t flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  if (request.new_mounts) flags |= CLONE_NEWNS;
  return flags;
}

// The child wakes on an empty stack: what it needs it finds in registers, which the call keeps.
[[gnu::noinline]] long CloneByHand(CloneArguments* arguments, void (*child)(void*), void* argument) {
#if defined(__x86_64__)
  long result;
  register void (*function)(void*) __asm__("r12") = child;
  register void* value __asm__("r13") = argument;
  __asm__ volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"(static_cast<long>(SYS_clone3)), "D"(arguments), "S"(sizeof(*arguments)), "r"(function), "r"(value)
      : "rcx", "r11", "memory", "cc");
  return result;
#else
  register long number __asm__("x8") = SYS_clone3;
  register long first __asm__("x0") = reinterpret_cast<long>(arguments);
  register long second __asm__("x1") = sizeof(*arguments);
  register void (*function)(void*) __asm__("x10") = child;
  register void* value __asm__("x11") = argument;
  __asm__ volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x0, x11\n\t"
      "blr x10\n\t"
      "brk #0\n"
      "1:"
      : "+r"(first)
      : "r"(number), "r"(second), "r"(function), "r"(value)
      : "memory", "cc");
  return first;
#endif
}

struct PlainChild {
  void (*child)(void*);
  void* argument;
};

int RunPlain(void* pointer) {
  const PlainChild* plain = static_cast<PlainChild*>(pointer);
  plain->child(plain->argument);
  return 127;
}

}  // namespace

int CloneChild(const CloneRequest& request, const ChildStack& stack, void (*child)(void*), void* argument, pid_t* pid,
               std::atomic<int>* pidfd) {
  static_assert(sizeof(std::atomic<int>) == sizeof(int), "the kernel writes the descriptor into it");
  CloneArguments arguments = {};
  arguments.flags = Flags(request) | kClearHandlers;
  arguments.pidfd = static_cast<uint64_t>(Address(pidfd));
  arguments.exit_signal = SIGCHLD;
  arguments.stack = static_cast<uint64_t>(Address(stack.low()));
  arguments.stack_size = stack.size();
  if (request.cgroup >= 0) {
    arguments.flags |= kIntoCgroup;
    arguments.cgroup = static_cast<uint64_t>(request.cgroup);
  }
  const long result = CloneByHand(&arguments, child, argument);
  if (result < 0) return RawError(result);
  *pid = static_cast<pid_t>(result);
  return 0;
}

int CloneChildPlain(const CloneRequest& request, const ChildStack& stack, void (*child)(void*), void* argument, pid_t* pid,
                    std::atomic<int>* pidfd) {
  PlainChild plain = {child, argument};
  char* top = static_cast<char*>(stack.low()) + stack.size();
  const int flags = static_cast<int>(Flags(request)) | SIGCHLD;
  const int result = clone(RunPlain, top, flags, &plain, reinterpret_cast<int*>(pidfd));
  if (result < 0) return errno;
  *pid = result;
  return 0;
}

}  // namespace oo
