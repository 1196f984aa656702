// What the pieces of beneath are made of: opening, and changing what is open. Invariant: whatever is changed
// or read goes through a descriptor got here; nothing else turns a path into a file.
#pragma once

#include <stdio.h>

#include "beneath.h"

namespace oo::beneath {

constexpr char kLabelAttribute[] = "security.selinux";
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NONBLOCK;

// The magic link that leads to exactly what a descriptor has open, for calls that take no O_PATH descriptor.
struct ProcPath {
  explicit ProcPath(int descriptor) { snprintf(text, sizeof(text), "/proc/self/fd/%d", descriptor); }
  char text[40];
};

bool root_or_self(uid_t uid);
// May others than root (and the caller) make or replace names in this directory?
bool others_may_write(const struct stat& directory);

// openat2 with all of the above; `flags` without O_CLOEXEC and O_NOFOLLOW, which are always set.
Failure open_beneath(int base, const char* path, int flags, unsigned long long resolve, const char* step,
                     Descriptor* out);
// The directory that holds the last component, and that component.
Failure open_parent(int base, const char* path, int flags, Descriptor* out, int* directory,
                    const char** leaf);
// A root-owned file with several names, in a directory where others may place names: somebody may have put it
// there.
bool maybe_planted(const struct stat& directory, const struct stat& entry);
// Through a descriptor, O_PATH included: never the target of a link.
Failure set_owner(int descriptor, const Owner& owner);
Failure set_mode(int descriptor, mode_t mode);
Failure set_label(int descriptor, const char* label);
// The whole of an open directory, without `.` and `..`.
Failure read_entries(int directory, size_t limit, std::vector<ListedEntry>* out);
Failure write_all(int descriptor, const void* data, size_t size);

}  // namespace oo::beneath
