// See beneath.h. Opening and the single-entry operations; write_file is in replace.cc, trees are in tree.cc.
#include "beneath.h"

#include <dirent.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <cstddef>

namespace oo::beneath {

namespace {

constexpr unsigned long long kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
constexpr char kLabelAttribute[] = "security.selinux";
constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NONBLOCK;

struct ProcPath {
  explicit ProcPath(int descriptor) { snprintf(text, sizeof(text), "/proc/self/fd/%d", descriptor); }
  char text[40];
};

// The kernel says "not a directory" of a link that it was told not to follow; a reader is helped by the truth.
bool is_link(int base, const char* path) {
  struct open_how how = {};
  how.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = kBeneath;
  const Descriptor entry(static_cast<int>(syscall(SYS_openat2, base, path, &how, sizeof(how))));
  struct stat info;
  return entry.valid() && fstat(entry.get(), &info) == 0 && S_ISLNK(info.st_mode);
}

bool root_or_self(uid_t uid) { return uid == 0 || uid == geteuid(); }

// May others than root (and the caller) make or replace names in this directory?
bool others_may_write(const struct stat& directory) {
  if (!root_or_self(directory.st_uid)) return true;
  if ((directory.st_mode & S_IWOTH) != 0) return true;
  return (directory.st_mode & S_IWGRP) != 0 && directory.st_gid != 0;
}

}  // namespace

bool valid_path(const char* path) {
  if (path == nullptr || *path == '\0' || strnlen(path, PATH_MAX) >= PATH_MAX) return false;
  if (strcmp(path, ".") == 0) return true;
  for (const char* part = path;;) {
    const char* end = strchrnul(part, '/');
    const size_t length = static_cast<size_t>(end - part);
    if (length == 0 || length > NAME_MAX) return false;
    if (part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.'))) return false;
    if (*end == '\0') return true;
    part = end + 1;
  }
}

Failure open_beneath(int base, const char* path, int flags, unsigned long long resolve, const char* step,
                     Descriptor* out) {
  if (!valid_path(path)) return {EINVAL, "path", {}};
  struct open_how how = {};
  how.flags = static_cast<unsigned long long>(flags | O_CLOEXEC | O_NOFOLLOW | ((flags & O_PATH) != 0 ? 0 : O_NOCTTY));
  how.resolve = kBeneath | resolve;
  for (int tries = 0;; ++tries) {
    const long number = syscall(SYS_openat2, base, path, &how, sizeof(how));
    if (number >= 0) {
      *out = Descriptor(static_cast<int>(number));
      return {};
    }
    // EAGAIN: a rename or mount elsewhere made the kernel's check inconclusive; EINTR: a slow file system.
    if (errno == ENOTDIR && (flags & O_DIRECTORY) != 0) return {is_link(base, path) ? ELOOP : ENOTDIR, step, {}};
    if ((errno != EAGAIN && errno != EINTR) || tries >= 128) return failed(step);
  }
}

Failure open_parent(int base, const char* path, int flags, Descriptor* out, int* directory, const char** leaf) {
  if (!valid_path(path) || strcmp(path, ".") == 0) return {EINVAL, "path", {}};
  const char* slash = strrchr(path, '/');
  if (slash == nullptr) {
    *directory = base;
    *leaf = path;
    return {};
  }
  const std::string parent(path, slash);
  if (Failure failure = open_beneath(base, parent.c_str(), flags | O_DIRECTORY, 0, "parent", out)) return failure;
  *directory = out->get();
  *leaf = slash + 1;
  return {};
}

bool maybe_planted(const struct stat& directory, const struct stat& entry) {
  return !S_ISDIR(entry.st_mode) && entry.st_nlink > 1 && root_or_self(entry.st_uid) && others_may_write(directory);
}

Failure open_trusted(const char* path, Descriptor* out) {
  if (path == nullptr || path[0] != '/' || strnlen(path, PATH_MAX) >= PATH_MAX) return {EINVAL, "path", {}};
  Descriptor here(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!here.valid()) return failed("open");
  std::string rest(path);
  bool exposed = false;  // others may name entries in `here`: then only root's own entries count
  int links = 0;
  for (size_t at = 0;;) {
    while (at < rest.size() && rest[at] == '/') ++at;
    if (at >= rest.size()) break;
    const size_t end = rest.find('/', at);
    const std::string name = rest.substr(at, end == std::string::npos ? std::string::npos : end - at);
    at = end == std::string::npos ? rest.size() : end;
    if (name == ".") continue;
    Descriptor next(openat(here.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return failed("open", name);
    struct stat info;
    if (fstat(next.get(), &info) != 0) return failed("stat", name);
    if (exposed && !root_or_self(info.st_uid)) return {EPERM, "trust", name};
    if (S_ISLNK(info.st_mode)) {
      char target[PATH_MAX];
      const ssize_t length = readlinkat(next.get(), "", target, sizeof(target));
      if (length < 0) return failed("readlink", name);
      if (++links > 40 || length >= static_cast<ssize_t>(sizeof(target))) return {ELOOP, "open", name};
      // A relative target goes on from the directory that holds the link; what lies above a trusted one is trusted.
      rest = std::string(target, static_cast<size_t>(length)) + rest.substr(at);
      at = 0;
      if (rest[0] == '/') {
        here = Descriptor(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!here.valid()) return failed("open");
        exposed = false;
      }
      continue;
    }
    if (!S_ISDIR(info.st_mode)) return {ENOTDIR, "open", name};
    here = std::move(next);
    exposed = others_may_write(info);
    const bool more = rest.find_first_not_of('/', at) != std::string::npos;
    // Beyond this point others could rename what comes next, unless the sticky bit keeps root's entries in place.
    if (more && exposed && ((info.st_mode & S_ISVTX) == 0 || !root_or_self(info.st_uid))) return {EPERM, "trust", name};
  }
  Descriptor opened(openat(here.get(), ".", kDirectoryFlags | O_CLOEXEC | O_NOFOLLOW));
  if (!opened.valid()) return failed("open");
  *out = std::move(opened);
  return {};
}

Failure open_directory(int base, const char* path, Descriptor* out) {
  return open_beneath(base, path, kDirectoryFlags, 0, "open", out);
}

Failure read_file(int base, const char* path, size_t limit, std::string* out) {
  Descriptor parent;
  int directory = -1;
  const char* leaf = nullptr;
  if (Failure failure = open_parent(base, path, O_PATH, &parent, &directory, &leaf)) return failure;
  // Looked at before it is opened for real: opening a FIFO or a device can block or have effects of its own.
  Descriptor entry;
  if (Failure failure = open_beneath(directory, leaf, O_PATH, 0, "open", &entry)) return failure;
  struct stat info;
  struct stat around;
  if (fstat(entry.get(), &info) != 0 || fstat(directory, &around) != 0) return failed("stat");
  if (S_ISDIR(info.st_mode)) return {EISDIR, "open", {}};
  if (S_ISLNK(info.st_mode)) return {ELOOP, "open", {}};
  if (!S_ISREG(info.st_mode)) return {EINVAL, "regular-file", {}};
  if (maybe_planted(around, info)) return {EMLINK, "hard-link", {}};
  Descriptor file(open(ProcPath(entry.get()).text, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) return failed("open");
  if (info.st_size > 0 && static_cast<size_t>(info.st_size) > limit) return {EFBIG, "read", {}};
  out->clear();
  size_t filled = 0;
  // One byte more than expected shows the end of the file without another call in the usual case.
  out->resize(static_cast<size_t>(info.st_size) + 1);
  for (;;) {
    const ssize_t count = read(file.get(), out->data() + filled, out->size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read");
    if (count == 0) break;
    filled += static_cast<size_t>(count);
    if (filled > limit) return {EFBIG, "read", {}};
    if (filled == out->size()) out->resize(filled * 2 < limit + 1 ? filled * 2 : limit + 1);
  }
  out->resize(filled);
  return {};
}

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

Failure set_owner(int descriptor, const Owner& owner) {
  return fchownat(descriptor, "", owner.uid, owner.gid, AT_EMPTY_PATH) == 0 ? Failure{} : failed("chown");
}

Failure set_mode(int descriptor, mode_t mode) {
  // fchmod refuses O_PATH descriptors; the magic link leads to exactly the entry that is open.
  struct stat info;
  if (fstat(descriptor, &info) != 0) return failed("stat");
  if (S_ISLNK(info.st_mode)) return {ELOOP, "chmod", {}};
  return chmod(ProcPath(descriptor).text, mode & 07777) == 0 ? Failure{} : failed("chmod");
}

Failure set_label(int descriptor, const char* label) {
  return setxattr(ProcPath(descriptor).text, kLabelAttribute, label, strlen(label) + 1, 0) == 0 ? Failure{}
                                                                                              : failed("label");
}

Failure read_entries(int directory, size_t limit, std::vector<ListedEntry>* out) {
  struct Record {
    ino64_t inode;
    off64_t offset;
    unsigned short length;
    unsigned char type;
    char name[1];
  };
  alignas(Record) char buffer[32 * 1024];
  if (lseek(directory, 0, SEEK_SET) < 0) return failed("list");
  for (;;) {
    const long count = syscall(SYS_getdents64, directory, buffer, sizeof(buffer));
    if (count < 0) return failed("list");
    if (count == 0) return {};
    for (long at = 0; at < count;) {
      const char* record = buffer + at;
      unsigned short length;
      memcpy(&length, record + offsetof(Record, length), sizeof(length));
      unsigned char type = static_cast<unsigned char>(record[offsetof(Record, type)]);
      const char* name = record + offsetof(Record, name);
      at += length;
      if (name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'))) continue;
      if (out->size() >= limit) return {EOVERFLOW, "list", {}};
      if (type == DT_UNKNOWN) {
        struct stat info;
        if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;  // gone since
        type = static_cast<unsigned char>(IFTODT(info.st_mode));
      }
      out->push_back({name, type});
    }
  }
}

Failure write_all(int descriptor, const void* data, size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t count = write(descriptor, at, size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("write");
    at += count;
    size -= static_cast<size_t>(count);
  }
  return {};
}

}  // namespace oo::beneath
