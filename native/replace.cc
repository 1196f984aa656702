// write_file of beneath.h: a file's new content appears under its name whole or not at all.
// The new file has no name until it is complete (O_TMPFILE), so that a kill leaves nothing behind; file
// systems without nameless files get a temporary with an unpredictable name in the same directory.
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "beneath_parts.h"
#include "durable.h"

namespace oo::beneath {

namespace {

struct TemporaryName {
  TemporaryName() {
    unsigned long long number = 0;
    if (getrandom(&number, sizeof(number), 0) != sizeof(number))
      number = static_cast<unsigned long long>(getpid());
    snprintf(text, sizeof(text), ".oo-new-%016llx", number);
  }
  char text[32];
};

// Gives the nameless file a name. Root may link a descriptor directly; others go by way of /proc.
int link_descriptor(int file, int directory, const char* name) {
  if (linkat(file, "", directory, name, AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOENT && errno != EPERM) return -1;
  char path[40];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
  return linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW);
}

Failure fill(int file, const void* data, size_t size, const Attributes& set, bool sync) {
  if (Failure failure = write_all(file, data, size)) return failure;
  if (set.label != nullptr) {
    if (Failure failure = set_label(file, set.label)) return failure;
  }
  if (set.owner != nullptr && fchown(file, set.owner->uid, set.owner->gid) != 0) return failed("chown");
  // After the chown, which clears set-id bits.
  if (fchmod(file, set.mode & 07777) != 0) return failed("chmod");
  return sync ? data_to_disk(file, commits_in_order(file)) : Failure{};
}

// A directory in the way is left to the caller: rename says EISDIR.
Failure publish(int directory, const char* temporary, const char* leaf) {
  if (renameat(directory, temporary, directory, leaf) == 0) return {};
  Failure failure = failed("rename");
  unlinkat(directory, temporary, 0);
  return failure;
}

Failure write_named(int directory, const char* leaf, const void* data, size_t size, const Attributes& set,
                    bool sync) {
  const TemporaryName temporary;
  Descriptor file(
      openat(directory, temporary.text, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return failed("create");
  if (Failure failure = fill(file.get(), data, size, set, sync)) {
    unlinkat(directory, temporary.text, 0);
    return failure;
  }
  return publish(directory, temporary.text, leaf);
}

Failure write_nameless(int directory, const char* leaf, Descriptor file, const void* data, size_t size,
                       const Attributes& set, bool sync) {
  if (Failure failure = fill(file.get(), data, size, set, sync)) return failure;
  if (link_descriptor(file.get(), directory, leaf) == 0) return {};
  if (errno != EEXIST) return failed("link");
  const TemporaryName temporary;
  if (link_descriptor(file.get(), directory, temporary.text) != 0) return failed("link");
  return publish(directory, temporary.text, leaf);
}

}  // namespace

Failure write_file(int base, const char* path, const void* data, size_t size, const Attributes& set,
                   bool sync) {
  Descriptor parent;
  int directory = -1;
  const char* leaf = nullptr;
  // Opened for reading, not O_PATH: the directory is fsynced.
  if (Failure failure = open_parent(base, path, O_RDONLY | O_NONBLOCK, &parent, &directory, &leaf))
    return failure;
  Descriptor nameless(openat(directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  Failure failure;
  if (nameless.valid()) {
    failure = write_nameless(directory, leaf, std::move(nameless), data, size, set, sync);
  } else if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL || errno == ENOENT) {
    failure = write_named(directory, leaf, data, size, set, sync);
  } else {
    failure = failed("create");
  }
  if (failure) return failure;
  return !sync || fsync(directory) == 0 ? Failure{} : failed("fsync");
}

}  // namespace oo::beneath
