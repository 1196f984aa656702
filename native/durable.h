// How a replaced file gets to the disk by one commit instead of three. On a file system that commits
// everything in one journal in order (ext4, XFS), a file whose data has been written and waited for may be
// renamed at once: the commit that brings the rename brings its size and blocks, or neither. Elsewhere the
// file is fsynced first, as ever. Invariant: after data_to_disk(), a rename and an fsync of the directory,
// name and content are on the disk together.
#pragma once

#include "failure.h"

namespace oo {

// Is the file system of this descriptor one of those? (tmpfs counts: it has nothing to lose.)
bool commits_in_order(int descriptor);

// The content of a file that is about to be renamed.
Failure data_to_disk(int file, bool in_order);

}  // namespace oo
