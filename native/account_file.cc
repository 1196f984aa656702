// See account_file.h.
#include "account_file.h"

#include <string.h>
#include <sys/xattr.h>
#include <time.h>

#include "durable.h"

namespace oo::accounts {

namespace {

constexpr size_t kLargestFile = 256 * 1024 * 1024;

Failure read_whole(int file, size_t expected, std::string* out) {
  out->resize(expected + 1);
  size_t filled = 0;
  for (;;) {
    const ssize_t count = read(file, out->data() + filled, out->size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read");
    if (count == 0) break;
    filled += static_cast<size_t>(count);
    if (filled == out->size()) out->resize(filled * 2);
  }
  out->resize(filled);
  return {};
}

Failure copy_attributes(int from, int to) {
  char names[4096];
  const ssize_t length = flistxattr(from, names, sizeof(names));
  if (length < 0) return errno == EOPNOTSUPP || errno == ENOSYS ? Failure{} : failed("attributes");
  for (const char* name = names; name < names + length; name += strlen(name) + 1) {
    char value[16 * 1024];
    const ssize_t size = fgetxattr(from, name, value, sizeof(value));
    if (size < 0) return failed("attributes");
    char present[16 * 1024];
    const ssize_t now = fgetxattr(to, name, present, sizeof(present));
    if (now == size && memcmp(present, value, static_cast<size_t>(size)) == 0) continue;
    if (fsetxattr(to, name, value, static_cast<size_t>(size), 0) != 0) return failed("attributes");
  }
  return {};
}

}  // namespace

Failure AccountFile::load(int directory, bool optional) {
  old_ = Descriptor(openat(directory, name_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!old_.valid()) return errno == ENOENT && optional ? Failure{} : failed("open", name_);
  if (fstat(old_.get(), &info_) != 0) return failed("stat", name_);
  if (!S_ISREG(info_.st_mode)) return {EINVAL, "regular-file", name_};
  if (static_cast<size_t>(info_.st_size) > kLargestFile) return {EFBIG, "read", name_};
  Failure failure = read_whole(old_.get(), static_cast<size_t>(info_.st_size), &text);
  failure.where = name_;
  if (failure) return failure;
  present_ = true;
  return {};
}

Failure AccountFile::stage(int directory) {
  discard(directory);
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  new_ = Descriptor(openat(directory, temporary_.c_str(), flags, 0600));
  if (!new_.valid()) return failed("create", temporary_);
  for (size_t at = 0; at < text.size();) {
    const ssize_t count = write(new_.get(), text.data() + at, text.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("write", temporary_);
    at += static_cast<size_t>(count);
  }
  if (fchown(new_.get(), info_.st_uid, info_.st_gid) != 0) return failed("chown", temporary_);
  if (fchmod(new_.get(), info_.st_mode & 07777) != 0) return failed("chmod", temporary_);
  if (Failure failure = copy_attributes(old_.get(), new_.get()))
    return {failure.error, failure.step, temporary_};
  // Starts the writing of all files before the first is waited for.
  (void)sync_file_range(new_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
  return {};
}

Failure AccountFile::make_durable(bool in_order) {
  Failure failure = data_to_disk(new_.get(), in_order);
  if (failure) failure.where = temporary_;
  return failure;
}

Failure AccountFile::publish(int directory) {
  return renameat(directory, temporary_.c_str(), directory, name_) == 0 ? Failure{} : failed("rename", name_);
}

void AccountFile::discard(int directory) { unlinkat(directory, temporary_.c_str(), 0); }

void AccountLock::release() {
  if (!file_.valid()) return;
  struct flock whole;
  memset(&whole, 0, sizeof(whole));
  whole.l_type = F_UNLCK;
  whole.l_whence = SEEK_SET;
  (void)fcntl(file_.get(), F_OFD_SETLK, &whole);
  file_.close();
}

Failure AccountLock::take(int directory, int wait_milliseconds) {
  Descriptor file(openat(directory, ".pwd.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file.valid()) return failed("lock", ".pwd.lock");
  // An open-file-description lock conflicts with lckpwdf's fcntl lock, and unlike it also with our own
  // threads.
  struct flock whole;
  memset(&whole, 0, sizeof(whole));
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  long waited = 0;  // microseconds
  for (long pause = 500;; pause = pause < 20000 ? pause * 2 : 20000) {
    if (fcntl(file.get(), F_OFD_SETLK, &whole) == 0) break;
    if (errno == EINTR) continue;
    if (errno != EAGAIN && errno != EACCES) return failed("lock", ".pwd.lock");
    if (waited >= static_cast<long>(wait_milliseconds) * 1000) return {EBUSY, "lock", ".pwd.lock"};
    const struct timespec time = {0, pause * 1000};
    nanosleep(&time, nullptr);
    waited += pause;
  }
  file_ = std::move(file);
  return {};
}

}  // namespace oo::accounts
