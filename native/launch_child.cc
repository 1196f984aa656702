// See launch_child.h.
#include "launch_child.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>

#include "raw.h"

namespace oo {

namespace {

constexpr int kMostDescriptors = 65536;

void SetDefault(int number) {
  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    unsigned long mask;
  } fresh = {};
  Raw(SYS_rt_sigaction, number, Address(&fresh), 0, 8);
}

// An ignored signal would stay ignored beyond exec. Handlers are reset by clone3 itself; what Node, nohup or a parent's
// parent ignored has to be reset by name. Without clone3 all are.
void ResetSignals(const Prepared& prepared) {
  for (int number = 1; number <= 64; ++number) {
    if (number == SIGKILL || number == SIGSTOP) continue;
    if (prepared.reset_all_signals || (prepared.ignored_signals >> (number - 1) & 1) != 0) SetDefault(number);
  }
}

int PlaceDescriptors(const Prepared& prepared) {
  // Sources lie above 2, so none is overwritten before its turn.
  for (int target = 0; target < 3; ++target) {
    if (const int error = RawError(Raw(SYS_dup3, prepared.descriptors[target], target, 0))) return error;
  }
  int error = RawError(Raw(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC));
  // Before 5.11 it can only close at once, which does as well: nothing above 2 is needed any more.
  if (error == EINVAL) error = RawError(Raw(SYS_close_range, 3, ~0U, 0));
  if (error != ENOSYS) return error;
  for (int number = 3; number < kMostDescriptors; ++number) Raw(SYS_close, number);  // before 5.9
  return 0;
}

// The descriptor lies in the parent's mounts: from a mount namespace of its own the gear could stand there but not name
// the place (getcwd, and with it git, fails). There it walks by name, with its own rights and after everything else.
int EnterDirectory(const Prepared& prepared) {
  const bool elsewhere = prepared.confined && prepared.confine.mount_count > 0;
  if (prepared.cwd >= 0 && !elsewhere) return RawError(Raw(SYS_fchdir, prepared.cwd));
  return RawError(Raw(SYS_chdir, Address(prepared.cwd_path)));
}

}  // namespace

void RunChild(void* argument) {
  Prepared* prepared = static_cast<Prepared*>(argument);
  prepared->began = true;
  const auto fail = [prepared](Step step, int error) {
    prepared->failure.error = error;
    prepared->failure.step = step;
    for (;;) Raw(SYS_exit_group, 127);
  };
  ResetSignals(*prepared);
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

}  // namespace oo
