// See lock.h.
#include "lock.h"

#include <string.h>
#include <sys/stat.h>

namespace oo::lock {

namespace {

int set(int file, short type, int64_t offset) {
  struct flock range;
  memset(&range, 0, sizeof(range));
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = offset;
  range.l_len = 1;
  int result;
  do {
    result = fcntl(file, F_OFD_SETLK, &range);
  } while (result != 0 && errno == EINTR);
  return result;
}

}  // namespace

Failure open_lock(const char* path, Descriptor* out) {
  Descriptor file(open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600));
  if (!file.valid()) return failed("open");
  struct stat info;
  if (fstat(file.get(), &info) != 0) return failed("stat");
  if (!S_ISREG(info.st_mode)) return {EINVAL, "regular-file", {}};
  *out = std::move(file);
  return {};
}

Failure try_lock(int file, int64_t offset, bool shared, bool* got) {
  if (offset < 0 || offset == INT64_MAX) return {EINVAL, "offset", {}};
  *got = set(file, shared ? F_RDLCK : F_WRLCK, offset) == 0;
  if (*got || errno == EAGAIN || errno == EACCES) return {};
  return failed("lock");
}

Failure unlock(int file, int64_t offset) {
  if (offset < 0 || offset == INT64_MAX) return {EINVAL, "offset", {}};
  return set(file, F_UNLCK, offset) == 0 ? Failure{} : failed("unlock");
}

}  // namespace oo::lock
