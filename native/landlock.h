// Landlock: which files a gear's process may read, run and change, as a ruleset made before the identity changes.
// It sees opens, links, renames and removals, not stat, chmod or xattr: mode bits guard those. Invariant: everything
// that is not below a path named here is denied, with every right the running kernel can handle.
#pragma once

#include <stddef.h>

namespace oo {

// The kernel's ABI, 0 when it has no Landlock or has it switched off.
int LandlockAbi();

// A ruleset for LandlockRestrict: `read_only` paths may be read and executed, `read_write` ones also changed. A path
// that is absent (or out of the caller's own reach) is skipped. Returns 0 and a CLOEXEC descriptor, or an errno
// (ENOSYS or EOPNOTSUPP: no Landlock here).
int MakeLandlockRuleset(const char* const* read_only, size_t read_only_count, const char* const* read_write,
                        size_t read_write_count, int* ruleset);

}  // namespace oo
