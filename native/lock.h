// Byte-range locks that belong to the open file (F_OFD_SETLK): they survive no close, reach no child
// (CLOEXEC), are kept apart between two users of one process, and still exclude plain fcntl locks. The file
// is never unlinked.
#pragma once

#include <stdint.h>

#include "descriptor.h"
#include "failure.h"

namespace oo::lock {

// Opens or creates (mode 0600) a lock file; a symbolic link or anything but a regular file is refused.
Failure open_lock(const char* path, Descriptor* out);
// One byte at `offset`. `*got` says whether it is ours now; being held by somebody else is no failure.
Failure try_lock(int file, int64_t offset, bool shared, bool* got);
Failure unlock(int file, int64_t offset);

}  // namespace oo::lock
