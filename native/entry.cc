// The operations of beneath.h on one entry, but reading (read_file.cc) and writing (replace.cc).
#include <limits.h>
#include <string.h>
#include <sys/xattr.h>

#include "beneath_parts.h"

namespace oo::beneath {

Failure make_directory(int base, const char* path, const Attributes& set, bool existing) {
  Descriptor parent;
  int directory = -1;
  const char* leaf = nullptr;
  if (Failure failure = open_parent(base, path, O_PATH, &parent, &directory, &leaf)) return failure;
  bool made = true;
  if (mkdirat(directory, leaf, 0700) != 0) {
    if (errno != EEXIST || !existing) return failed("mkdir");
    made = false;
  }
  Descriptor entry;
  Failure failure = open_beneath(directory, leaf, O_PATH | O_DIRECTORY, 0, "mkdir", &entry);
  if (failure && !made && (failure.error == ENOTDIR || failure.error == ELOOP)) return {EEXIST, "mkdir", {}};
  if (failure) return failure;
  struct stat info;
  if (fstat(entry.get(), &info) != 0) failure = failed("stat");
  // A tenant may have put a directory of its own in the place of the new one.
  if (!failure && made && info.st_uid != geteuid()) failure = {EBUSY, "verify", {}};
  if (!failure && set.label != nullptr) failure = set_label(entry.get(), set.label);
  if (!failure && set.owner != nullptr) failure = set_owner(entry.get(), *set.owner);
  if (!failure) failure = set_mode(entry.get(), set.mode);
  if (failure && made) unlinkat(directory, leaf, AT_REMOVEDIR);
  return failure;
}

Failure unlink_entry(int base, const char* path) {
  Descriptor parent;
  int directory = -1;
  const char* leaf = nullptr;
  if (Failure failure = open_parent(base, path, O_PATH, &parent, &directory, &leaf)) return failure;
  return unlinkat(directory, leaf, 0) == 0 ? Failure{} : failed("unlink");
}

Failure remove_directory(int base, const char* path) {
  Descriptor parent;
  int directory = -1;
  const char* leaf = nullptr;
  if (Failure failure = open_parent(base, path, O_PATH, &parent, &directory, &leaf)) return failure;
  return unlinkat(directory, leaf, AT_REMOVEDIR) == 0 ? Failure{} : failed("rmdir");
}

Failure rename_entry(int base, const char* from, const char* to) {
  Descriptor parents[2];
  int directories[2] = {-1, -1};
  const char* leaves[2] = {nullptr, nullptr};
  const char* paths[2] = {from, to};
  for (int i = 0; i < 2; ++i) {
    Failure failure = open_parent(base, paths[i], O_PATH, &parents[i], &directories[i], &leaves[i]);
    if (failure) return failure;
  }
  return renameat(directories[0], leaves[0], directories[1], leaves[1]) == 0 ? Failure{} : failed("rename");
}

Failure make_symlink(int base, const char* target, const char* path, const Owner* owner) {
  Descriptor parent;
  int directory = -1;
  const char* leaf = nullptr;
  if (Failure failure = open_parent(base, path, O_PATH, &parent, &directory, &leaf)) return failure;
  if (symlinkat(target, directory, leaf) != 0) return failed("symlink");
  if (owner == nullptr) return {};
  Descriptor entry;
  Failure failure = open_beneath(directory, leaf, O_PATH, 0, "symlink", &entry);
  struct stat info;
  if (!failure && fstat(entry.get(), &info) != 0) failure = failed("stat");
  if (!failure && (!S_ISLNK(info.st_mode) || info.st_uid != geteuid())) failure = {EBUSY, "verify", {}};
  if (!failure) failure = set_owner(entry.get(), *owner);
  return failure;
}

Failure read_symlink(int base, const char* path, std::string* out) {
  Descriptor entry;
  if (Failure failure = open_beneath(base, path, O_PATH, 0, "open", &entry)) return failure;
  char target[PATH_MAX];
  const ssize_t length = readlinkat(entry.get(), "", target, sizeof(target));
  // An empty path on something that is no link gives ENOENT, which would read as "absent".
  if (length < 0) return {errno == ENOENT ? EINVAL : errno, "readlink", {}};
  out->assign(target, static_cast<size_t>(length));
  return {};
}

namespace {

// The entry itself, refused when it may be root's file under a name that somebody else gave it.
Failure open_for_change(int base, const char* path, const char* step, Descriptor* entry) {
  if (strcmp(path, ".") == 0) return open_beneath(base, path, O_PATH, 0, step, entry);
  Descriptor parent;
  int directory = -1;
  const char* leaf = nullptr;
  if (Failure failure = open_parent(base, path, O_PATH, &parent, &directory, &leaf)) return failure;
  if (Failure failure = open_beneath(directory, leaf, O_PATH, 0, step, entry)) return failure;
  struct stat info;
  struct stat around;
  if (fstat(entry->get(), &info) != 0 || fstat(directory, &around) != 0) return failed("stat");
  if (maybe_planted(around, info)) return {EMLINK, "hard-link", {}};
  return {};
}

}  // namespace

Failure change_owner(int base, const char* path, const Owner& owner) {
  Descriptor entry;
  if (Failure failure = open_for_change(base, path, "chown", &entry)) return failure;
  return set_owner(entry.get(), owner);
}

Failure change_mode(int base, const char* path, mode_t mode) {
  Descriptor entry;
  if (Failure failure = open_for_change(base, path, "chmod", &entry)) return failure;
  return set_mode(entry.get(), mode);
}

Failure change_label(int base, const char* path, const char* label) {
  Descriptor entry;
  if (Failure failure = open_for_change(base, path, "label", &entry)) return failure;
  return set_label(entry.get(), label);
}

Failure read_label(int base, const char* path, std::string* out) {
  Descriptor entry;
  if (Failure failure = open_beneath(base, path, O_PATH, 0, "label", &entry)) return failure;
  char text[4096];
  const ssize_t length = getxattr(ProcPath(entry.get()).text, kLabelAttribute, text, sizeof(text));
  out->clear();
  if (length < 0) return errno == ENODATA || errno == EOPNOTSUPP ? Failure{} : failed("label");
  out->assign(text, strnlen(text, static_cast<size_t>(length)));
  return {};
}

Failure stat_entry(int base, const char* path, struct stat* out) {
  Descriptor entry;
  if (Failure failure = open_beneath(base, path, O_PATH, 0, "stat", &entry)) return failure;
  return fstat(entry.get(), out) == 0 ? Failure{} : failed("stat");
}

Failure list_directory(int base, const char* path, size_t limit, std::vector<ListedEntry>* out) {
  Descriptor directory;
  if (Failure failure = open_beneath(base, path, kDirectoryFlags, 0, "list", &directory)) return failure;
  return read_entries(directory.get(), limit, out);
}

}  // namespace oo::beneath
