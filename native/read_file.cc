// read_file of beneath.h: a regular file, looked at before it is opened for reading.
#include "beneath_parts.h"

namespace oo::beneath {

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

}  // namespace oo::beneath
