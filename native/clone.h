// A child that shares this process's memory until it execs or exits, on a stack of its own: cost is flat in the memory
// the parent holds. clone3 is called by hand, since libc's syscall() would return twice on one stack; clone3 also puts
// the child into its v2 cgroup and hands out its pidfd before it runs.
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <atomic>

namespace oo {

// Mapped once for each launching thread, with a guard below.
class ChildStack {
 public:
  ChildStack();
  ~ChildStack();
  ChildStack(const ChildStack&) = delete;
  ChildStack& operator=(const ChildStack&) = delete;
  void* low() const { return low_; }
  size_t size() const { return size_; }

 private:
  void* low_ = nullptr;
  size_t size_ = 0;
};

struct CloneRequest {
  bool new_mounts = false;
  int cgroup = -1;  // an open v2 group to be born in
};

// Runs `child(argument)`, which never returns, and waits until it has exec'd or exited. The kernel writes `pidfd`
// before the child runs, so that another thread can end it meanwhile. Signal handlers are back at their defaults in the
// child (what is ignored stays ignored). 0 or an errno.
int CloneChild(const CloneRequest& request, const ChildStack& stack, void (*child)(void*), void* argument, pid_t* pid,
               std::atomic<int>* pidfd);

// The same by libc's clone(), for kernels without clone3 or where it is filtered; `cgroup` and the signal handlers are
// left to the child.
int CloneChildPlain(const CloneRequest& request, const ChildStack& stack, void (*child)(void*), void* argument, pid_t* pid,
                    std::atomic<int>* pidfd);

}  // namespace oo
