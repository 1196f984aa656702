// remove_tree of tree.h. A tenant may have made the tree as deep as it likes and may still be adding to it:
// up to a fixed depth directories are entered one below the other; what lies deeper is first renamed up into
// the tree's own top directory, so that no depth needs more descriptors, more stack, or a way back by `..`.
#include <dirent.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/random.h>

#include "beneath_parts.h"
#include "tree.h"

namespace oo::beneath {

namespace {

constexpr int kDepth = 24;
constexpr int kPasses = 64;       // over one directory that keeps filling
constexpr size_t kChunk = 16384;  // entries read at a time
constexpr int kSteps =
    1000000;  // chunks and renames in all: an end, even for a tree that never stops growing

struct Removal {
  int top;  // the tree's own directory, where deep directories are moved to
  unsigned long long counter = 0;
  int steps = 0;

  Failure hoist(int directory, const char* name) {
    for (int tries = 0; tries < 16; ++tries) {
      if (counter == 0 && getrandom(&counter, sizeof(counter), 0) < 0) counter = 1;
      char moved[40];
      snprintf(moved, sizeof(moved), ".oo-deep-%llx", counter++);
      ++steps;
      // A directory replaces only an empty directory: what is there cannot be lost by this.
      if (renameat(directory, name, top, moved) == 0 || errno == ENOENT) return {};
      if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) return failed("rename");
    }
    return {EBUSY, "rename", {}};
  }

  Failure subdirectory(int parent, const char* name, int depth) {
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno == ENOTDIR)
      return unlinkat(parent, name, 0) == 0 || errno == ENOENT ? Failure{} : failed("unlink");
    if (errno != ENOTEMPTY && errno != EEXIST) return failed("rmdir");
    if (depth >= kDepth) return hoist(parent, name);
    Descriptor directory;
    const int flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
    Failure failure = open_beneath(parent, name, flags, RESOLVE_NO_XDEV, "open", &directory);
    // Gone or replaced since: the next pass over the parent meets what is there now.
    if (failure && (failure.error == ENOENT || failure.error == ENOTDIR || failure.error == ELOOP)) return {};
    if (failure) return failure;
    if (Failure inside = contents(directory.get(), depth + 1)) return inside;
    if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT || errno == ENOTDIR) return {};
    return errno == ENOTEMPTY || errno == EEXIST ? Failure{} : failed("rmdir");
  }

  // Until nothing is left, as far as that can be had while somebody else adds.
  Failure contents(int directory, int depth) {
    std::vector<ListedEntry> entries;
    size_t before = SIZE_MAX;
    for (int pass = 0; pass < kPasses;) {
      entries.clear();
      const int steps_before = steps;
      Failure failure = read_entries(directory, kChunk, &entries);
      const bool more = failure.error == EOVERFLOW;
      if (failure && !more) return failure;
      if (entries.empty()) return {};
      for (const ListedEntry& entry : entries) {
        const char* name = entry.name.c_str();
        if (entry.type == DT_DIR) {
          failure = subdirectory(directory, name, depth);
        } else if (unlinkat(directory, name, 0) == 0 || errno == ENOENT) {
          failure = {};
        } else if (errno == EISDIR) {
          failure = subdirectory(directory, name, depth);
        } else {
          failure = failed("unlink");
        }
        if (failure)
          return {failure.error, failure.step,
                  failure.where.empty() ? entry.name : entry.name + "/" + failure.where};
      }
      // Passes that get on do not count: a large or a deep tree takes many.
      if (more) ++steps;
      const bool on = (steps > steps_before && steps < kSteps) || entries.size() < before;
      if (!on) ++pass;
      before = entries.size();
    }
    return {ENOTEMPTY, "rmdir", {}};
  }
};

}  // namespace

Failure remove_tree(int base, const char* path) {
  Descriptor parent;
  int directory = -1;
  const char* leaf = nullptr;
  if (Failure failure = open_parent(base, path, O_PATH, &parent, &directory, &leaf)) {
    return failure.error == ENOENT ? Failure{} : failure;
  }
  for (int tries = 0; tries < kPasses; ++tries) {
    if (unlinkat(directory, leaf, 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR) return failed("unlink");
    Descriptor top;
    const int flags = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
    Failure failure = open_beneath(directory, leaf, flags, RESOLVE_NO_XDEV, "open", &top);
    if (failure && (failure.error == ENOENT || failure.error == ENOTDIR || failure.error == ELOOP)) continue;
    if (failure) return failure;
    Removal removal{top.get()};
    failure = removal.contents(top.get(), 0);
    if (failure) return failure;
    if (unlinkat(directory, leaf, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) return failed("rmdir");
  }
  return {ENOTEMPTY, "rmdir", {}};
}

}  // namespace oo::beneath
