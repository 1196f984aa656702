// See beneath_parts.h.
#include <dirent.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <cstddef>

#include "beneath_parts.h"

namespace oo::beneath {

namespace {

constexpr unsigned long long kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

// The kernel says "not a directory" of a link that it was told not to follow; a reader is helped by the
// truth.
bool is_link(int base, const char* path) {
  struct open_how how = {};
  how.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW;
  how.resolve = kBeneath;
  const Descriptor entry(static_cast<int>(syscall(SYS_openat2, base, path, &how, sizeof(how))));
  struct stat info;
  return entry.valid() && fstat(entry.get(), &info) == 0 && S_ISLNK(info.st_mode);
}

}  // namespace

bool root_or_self(uid_t uid) { return uid == 0 || uid == geteuid(); }

bool others_may_write(const struct stat& directory) {
  if (!root_or_self(directory.st_uid)) return true;
  if ((directory.st_mode & S_IWOTH) != 0) return true;
  return (directory.st_mode & S_IWGRP) != 0 && directory.st_gid != 0;
}

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
  how.flags = static_cast<unsigned long long>(flags | O_CLOEXEC | O_NOFOLLOW |
                                              ((flags & O_PATH) != 0 ? 0 : O_NOCTTY));
  how.resolve = kBeneath | resolve;
  for (int tries = 0;; ++tries) {
    const long number = syscall(SYS_openat2, base, path, &how, sizeof(how));
    if (number >= 0) {
      *out = Descriptor(static_cast<int>(number));
      return {};
    }
    // EAGAIN: a rename or mount elsewhere made the kernel's check inconclusive; EINTR: a slow file system.
    if (errno == ENOTDIR && (flags & O_DIRECTORY) != 0)
      return {is_link(base, path) ? ELOOP : ENOTDIR, step, {}};
    if ((errno != EAGAIN && errno != EINTR) || tries >= 128) return failed(step);
  }
}

Failure open_parent(int base, const char* path, int flags, Descriptor* out, int* directory,
                    const char** leaf) {
  if (!valid_path(path) || strcmp(path, ".") == 0) return {EINVAL, "path", {}};
  const char* slash = strrchr(path, '/');
  if (slash == nullptr) {
    *directory = base;
    *leaf = path;
    return {};
  }
  const std::string parent(path, slash);
  if (Failure failure = open_beneath(base, parent.c_str(), flags | O_DIRECTORY, 0, "parent", out))
    return failure;
  *directory = out->get();
  *leaf = slash + 1;
  return {};
}

bool maybe_planted(const struct stat& directory, const struct stat& entry) {
  return !S_ISDIR(entry.st_mode) && entry.st_nlink > 1 && root_or_self(entry.st_uid) &&
         others_may_write(directory);
}

Failure open_directory(int base, const char* path, Descriptor* out) {
  return open_beneath(base, path, kDirectoryFlags, 0, "open", out);
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
  return setxattr(ProcPath(descriptor).text, kLabelAttribute, label, strlen(label) + 1, 0) == 0
             ? Failure{}
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
