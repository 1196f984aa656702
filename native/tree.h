// Whole trees below a directory, for worker threads. Invariants: as in beneath.h, and: no mount point is
// crossed, the number of open descriptors is bounded whatever the depth, and an entry that changes meanwhile
// is met by what it is at that moment, never through a link.
#pragma once

#include <string>
#include <vector>

#include "beneath.h"

namespace oo::beneath {

// Removes whatever stands under this name; absent is fine.
Failure remove_tree(int base, const char* path);

struct CopyOptions {
  const Owner* owner = nullptr;      // all entries are given to this owner
  bool keep_owner = false;           // or keep the source's
  std::vector<std::string> exclude;  // paths relative to the tree
};

// Directories, regular files and symbolic links (as links); sockets, FIFOs and devices are left out.
// Directories that are there are filled, files replaced. Set-id bits of files are dropped.
Failure copy_tree(int source_base, const char* source_path, int base, const char* path,
                  const CopyOptions& options);

// Gives everything to one owner; links themselves, not their targets.
Failure chown_tree(int base, const char* path, const Owner& owner);

// Returns when all files below this directory are on the disk as they were when it was called.
Failure settle(int base, const char* path);

}  // namespace oo::beneath
