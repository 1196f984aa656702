// See tree.h. Removal is in remove_tree.cc.
#include "tree.h"

#include <dirent.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "beneath_parts.h"

namespace oo::beneath {

namespace {

constexpr size_t kLargestDirectory = 4 * 1000 * 1000;
constexpr int kWalkFlags = O_RDONLY | O_DIRECTORY | O_NONBLOCK;

// One directory of the walk. Deep ones are closed while the walk is below them and opened again by `..`,
// which counts only if it is the same directory still.
struct Level {
  Descriptor directory;
  dev_t device = 0;
  ino_t inode = 0;
  std::vector<std::string> pending;  // names of subdirectories not yet entered
  std::string path;                  // relative to the tree, for messages and exclusion
};

constexpr size_t kOpenLevels = 32;

Failure remember(Level* level) {
  struct stat info;
  if (fstat(level->directory.get(), &info) != 0) return failed("stat", level->path);
  level->device = info.st_dev;
  level->inode = info.st_ino;
  return {};
}

// Back in `upper` from `lower`, which is done.
Failure reopen(Level* upper, const Level& lower) {
  if (upper->directory.valid()) return {};
  Descriptor parent(openat(lower.directory.get(), "..", kWalkFlags | O_CLOEXEC | O_NOFOLLOW));
  if (!parent.valid()) return failed("open", upper->path);
  struct stat info;
  if (fstat(parent.get(), &info) != 0) return failed("stat", upper->path);
  if (info.st_dev != upper->device || info.st_ino != upper->inode) return {ESTALE, "moved", upper->path};
  upper->directory = std::move(parent);
  return {};
}

std::string join(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "/" + name;
}

Failure chown_entry(int directory, const struct stat& around, const char* name, const Owner& owner) {
  Descriptor entry;
  if (Failure failure = open_beneath(directory, name, O_PATH, RESOLVE_NO_XDEV, "chown", &entry)) {
    return failure.error == ENOENT ? Failure{} : failure;  // gone since it was listed
  }
  struct stat info;
  if (fstat(entry.get(), &info) != 0) return failed("stat", name);
  // A directory that took the place of a file is left to whoever put it there.
  if (S_ISDIR(info.st_mode)) return {};
  if (owner.uid != 0 && maybe_planted(around, info)) return {EMLINK, "hard-link", name};
  return set_owner(entry.get(), owner);
}

// Entries that are not directories are changed now, directories are left in `pending`.
Failure chown_level(Level* level, const Owner& owner) {
  struct stat around;
  if (fstat(level->directory.get(), &around) != 0) return failed("stat", level->path);
  std::vector<ListedEntry> entries;
  Failure failure = read_entries(level->directory.get(), kLargestDirectory, &entries);
  if (failure) return {failure.error, failure.step, level->path};
  for (const ListedEntry& entry : entries) {
    if (entry.type == DT_DIR) {
      level->pending.push_back(entry.name);
      continue;
    }
    failure = chown_entry(level->directory.get(), around, entry.name.c_str(), owner);
    if (failure) return {failure.error, failure.step, join(level->path, entry.name)};
  }
  // Last, so that the new owner cannot move things about while this directory is being read.
  return set_owner(level->directory.get(), owner);
}

}  // namespace

Failure chown_tree(int base, const char* path, const Owner& owner) {
  struct stat info;
  if (Failure failure = stat_entry(base, path, &info)) return failure;
  if (!S_ISDIR(info.st_mode)) return change_owner(base, path, owner);
  std::vector<Level> levels(1);
  Failure failure = open_beneath(base, path, kWalkFlags, 0, "open", &levels[0].directory);
  if (!failure) failure = remember(&levels[0]);
  if (!failure) failure = chown_level(&levels[0], owner);
  while (!failure) {
    Level& here = levels.back();
    if (here.pending.empty()) {
      if (levels.size() == 1) break;
      failure = reopen(&levels[levels.size() - 2], here);
      levels.pop_back();
      continue;
    }
    Level next;
    const std::string name = std::move(here.pending.back());
    here.pending.pop_back();
    next.path = join(here.path, name);
    failure = open_beneath(here.directory.get(), name.c_str(), kWalkFlags, RESOLVE_NO_XDEV, "open",
                           &next.directory);
    if (failure && (failure.error == ENOENT || failure.error == ENOTDIR || failure.error == ELOOP)) {
      failure = {};  // gone, or not a directory any more
      continue;
    }
    if (!failure) failure = remember(&next);
    if (!failure) failure = chown_level(&next, owner);
    if (failure && failure.where.empty()) failure.where = next.path;
    if (levels.size() > kOpenLevels) here.directory.close();
    levels.push_back(std::move(next));
  }
  return failure;
}

namespace {

constexpr size_t kCopyDepth = 200;

struct Copy {
  const CopyOptions& options;

  bool excluded(const std::string& path) const {
    return std::find(options.exclude.begin(), options.exclude.end(), path) != options.exclude.end();
  }

  Failure give(int entry, const struct stat& source) const {
    if (options.owner != nullptr) return set_owner(entry, *options.owner);
    return options.keep_owner ? set_owner(entry, {source.st_uid, source.st_gid}) : Failure{};
  }

  Failure content(int from, int to) const {
    if (ioctl(to, FICLONE, from) == 0) return {};
    for (bool kernel = true;;) {
      ssize_t count;
      if (kernel) {
        count = copy_file_range(from, nullptr, to, nullptr, 64 * 1024 * 1024, 0);
        if (count < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
          kernel = false;
          continue;
        }
      } else {
        char buffer[64 * 1024];
        count = read(from, buffer, sizeof(buffer));
        if (count > 0) {
          if (Failure failure = write_all(to, buffer, static_cast<size_t>(count))) return failure;
        }
      }
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failed("copy");
      if (count == 0) return {};
    }
  }

  Failure file(int from_directory, const struct stat& around, const char* from, int directory,
               const char* to) const {
    Descriptor source;
    // The type was listed before, and O_NONBLOCK keeps a FIFO that has come since from blocking.
    Failure failure =
        open_beneath(from_directory, from, O_RDONLY | O_NONBLOCK, RESOLVE_NO_XDEV, "open", &source);
    if (failure) return failure.error == ENOENT ? Failure{} : failure;
    struct stat info;
    if (fstat(source.get(), &info) != 0) return failed("stat");
    if (!S_ISREG(info.st_mode)) return {};
    if (maybe_planted(around, info)) return {EMLINK, "hard-link", {}};
    Descriptor target = create(directory, to);
    if (!target.valid()) return failed("create");
    failure = content(source.get(), target.get());
    if (!failure) failure = give(target.get(), info);
    if (!failure && fchmod(target.get(), info.st_mode & 0777) != 0) failure = failed("chmod");
    return failure;
  }

  static Descriptor create(int directory, const char* name) {
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Descriptor target(openat(directory, name, flags, 0600));
    if (!target.valid() && errno == EEXIST && unlinkat(directory, name, 0) == 0) {
      target = Descriptor(openat(directory, name, flags, 0600));
    }
    return target;
  }

  Failure link(int from_directory, const char* from, int directory, const char* to) const {
    std::string text;
    Failure failure = read_symlink(from_directory, from, &text);
    if (failure) return failure.error == ENOENT ? Failure{} : failure;
    if (symlinkat(text.c_str(), directory, to) != 0) {
      if (errno != EEXIST || unlinkat(directory, to, 0) != 0) return failed("symlink");
      if (symlinkat(text.c_str(), directory, to) != 0) return failed("symlink");
    }
    Descriptor entry;
    if (Failure opened = open_beneath(directory, to, O_PATH, 0, "symlink", &entry)) return opened;
    struct stat source;
    struct stat made;
    if (fstat(entry.get(), &made) != 0) return failed("stat");
    if (!S_ISLNK(made.st_mode) || made.st_uid != geteuid()) return {EBUSY, "verify", {}};
    if (fstatat(from_directory, from, &source, AT_SYMLINK_NOFOLLOW) != 0) return failed("stat");
    return give(entry.get(), source);
  }

  Failure directory(int from, int base, const char* to, const std::string& path, size_t depth) const {
    if (depth > kCopyDepth) return {ELOOP, "depth", path};
    struct stat source;
    if (fstat(from, &source) != 0) return failed("stat", path);
    const Attributes closed = {0700, nullptr, nullptr};
    Failure failure = strcmp(to, ".") == 0 ? Failure{} : make_directory(base, to, closed, true);
    Descriptor target;
    if (!failure) failure = open_beneath(base, to, kWalkFlags, 0, "open", &target);
    std::vector<ListedEntry> entries;
    if (!failure) failure = read_entries(from, kLargestDirectory, &entries);
    if (failure) return {failure.error, failure.step, path};
    for (const ListedEntry& entry : entries) {
      const std::string below = join(path, entry.name);
      const char* name = entry.name.c_str();
      if (excluded(below)) continue;
      if (entry.type == DT_DIR) {
        Descriptor next;
        failure = open_beneath(from, name, kWalkFlags, RESOLVE_NO_XDEV, "open", &next);
        if (failure && (failure.error == ENOENT || failure.error == ENOTDIR || failure.error == ELOOP))
          failure = {};
        else if (!failure) failure = directory(next.get(), target.get(), name, below, depth + 1);
      } else if (entry.type == DT_REG) {
        failure = file(from, source, name, target.get(), name);
      } else if (entry.type == DT_LNK) {
        failure = link(from, name, target.get(), name);
      }
      if (failure) return {failure.error, failure.step, failure.where.empty() ? below : failure.where};
    }
    failure = give(target.get(), source);
    if (!failure) failure = set_mode(target.get(), source.st_mode & 07777);
    return {failure.error, failure.step, failure ? path : std::string()};
  }
};

}  // namespace

Failure copy_tree(int source_base, const char* source_path, int base, const char* path,
                  const CopyOptions& options) {
  const Copy copy{options};
  struct stat info;
  if (Failure failure = stat_entry(source_base, source_path, &info)) return failure;
  if (S_ISDIR(info.st_mode)) {
    Descriptor from;
    if (Failure failure = open_beneath(source_base, source_path, kWalkFlags, 0, "open", &from))
      return failure;
    return copy.directory(from.get(), base, path, {}, 0);
  }
  Descriptor parents[2];
  int directories[2];
  const char* leaves[2];
  Failure failure = open_parent(source_base, source_path, O_PATH, &parents[0], &directories[0], &leaves[0]);
  if (!failure) failure = open_parent(base, path, O_PATH, &parents[1], &directories[1], &leaves[1]);
  if (failure) return failure;
  struct stat around;
  if (fstat(directories[0], &around) != 0) return failed("stat");
  if (S_ISREG(info.st_mode)) return copy.file(directories[0], around, leaves[0], directories[1], leaves[1]);
  if (S_ISLNK(info.st_mode)) return copy.link(directories[0], leaves[0], directories[1], leaves[1]);
  return {EINVAL, "regular-file", {}};
}

}  // namespace oo::beneath
