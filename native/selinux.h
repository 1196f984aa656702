// What SELinux says, through libselinux where it is installed (opened at run time, never linked). Invariants:
// without the library or the kernel's part everything here answers "disabled"; labels are raw (untranslated);
// nothing of this is called between vfork and exec.
#pragma once

#include <sys/types.h>

#include <string>

#include "failure.h"

namespace oo::selinux {

bool enabled();
bool enforcing();
// False when SELinux is disabled: no label can be valid then.
bool valid_label(const char* label);
// The label of a process, 0 for this thread's own; empty when SELinux is disabled.
Failure process_label(pid_t pid, std::string* out);

}  // namespace oo::selinux
