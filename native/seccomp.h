// The filter that takes from a gear's processes the system calls no application needs and past kernel holes were made
// of. Invariant: one constant program for each architecture; a call in it fails with EPERM, a call of a foreign
// architecture ends the process, all else is let through.
#pragma once

#include <linux/filter.h>

namespace oo {

// Built at the first call (so call it before clone); never freed, never changed.
const sock_fprog* SeccompFilter();

}  // namespace oo
