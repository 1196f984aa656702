// See quota.h.
#include "quota.h"

#include <string.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <charconv>

#include "descriptor.h"

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

namespace oo::quota {

namespace {

// The field with this number (from 0) of a line whose fields are parted by one space.
std::string_view field_at(std::string_view line, int number) {
  for (; number > 0; --number) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) return {};
    line.remove_prefix(space + 1);
  }
  return line.substr(0, line.find(' '));
}

// mountinfo writes blanks and backslashes as three octal digits.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '3' &&
        text[i + 2] >= '0' && text[i + 2] <= '7' && text[i + 3] >= '0' && text[i + 3] <= '7') {
      out.push_back(
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

Failure read_mountinfo(std::string* out) {
  Descriptor file(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failed("mountinfo");
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t count = read(file.get(), buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("mountinfo");
    if (count == 0) return {};
    out->append(buffer, static_cast<size_t>(count));
  }
}

bool means_unsupported(int error) {
  return error == ENOSYS || error == ESRCH || error == EOPNOTSUPP || error == ENOTBLK || error == ENODEV ||
         error == ENXIO || error == ENOTTY;
}

Failure call(const char* path, int command, uid_t uid, struct dqblk* block, const char* step,
             bool* supported) {
  *supported = false;
  Descriptor place(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!place.valid()) return failed("open");
  // quotactl_fd wants a real descriptor, not O_PATH.
  Descriptor readable(openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable.valid()) return failed("open");
  const int full = QCMD(command, USRQUOTA);
  if (syscall(SYS_quotactl_fd, readable.get(), full, uid, block) == 0) {
    *supported = true;
    return {};
  }
  if (errno != ENOSYS) return means_unsupported(errno) ? Failure{} : failed(step);
  // A kernel before 5.14, or one without quota at all: ask by the device's name.
  struct stat info;
  if (fstat(place.get(), &info) != 0) return failed("stat");
  std::string mountinfo;
  if (Failure failure = read_mountinfo(&mountinfo)) return failure;
  const std::string device = source_of(mountinfo, major(info.st_dev), minor(info.st_dev));
  if (device.empty() || device[0] != '/') return {};
  if (quotactl(full, device.c_str(), static_cast<int>(uid), reinterpret_cast<caddr_t>(block)) == 0) {
    *supported = true;
    return {};
  }
  return means_unsupported(errno) || errno == ENOENT ? Failure{} : failed(step);
}

}  // namespace

std::string source_of(std::string_view mountinfo, unsigned major_number, unsigned minor_number) {
  const std::string wanted = std::to_string(major_number) + ":" + std::to_string(minor_number);
  while (!mountinfo.empty()) {
    const size_t end = mountinfo.find('\n');
    const std::string_view line = mountinfo.substr(0, end);
    mountinfo.remove_prefix(end == std::string_view::npos ? mountinfo.size() : end + 1);
    if (field_at(line, 2) != wanted) continue;
    // "id parent major:minor root point options [optional...] - type source super"
    const size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const std::string source = unescape(field_at(line.substr(dash + 3), 1));
    if (!source.empty()) return source;
  }
  return {};
}

Failure get(const char* path, uid_t uid, Limits* out, bool* supported) {
  struct dqblk block;
  memset(&block, 0, sizeof(block));
  Failure failure = call(path, Q_GETQUOTA, uid, &block, "Q_GETQUOTA", supported);
  if (failure || !*supported) return failure;
  *out = {(block.dqb_curspace + 1023) / 1024,
          block.dqb_bsoftlimit,
          block.dqb_bhardlimit,
          block.dqb_curinodes,
          block.dqb_isoftlimit,
          block.dqb_ihardlimit};
  return {};
}

Failure set(const char* path, uid_t uid, const Limits& limits, bool* supported) {
  struct dqblk block;
  memset(&block, 0, sizeof(block));
  block.dqb_bsoftlimit = limits.blocks_soft;
  block.dqb_bhardlimit = limits.blocks_hard;
  block.dqb_isoftlimit = limits.inodes_soft;
  block.dqb_ihardlimit = limits.inodes_hard;
  block.dqb_valid = QIF_LIMITS;
  return call(path, Q_SETQUOTA, uid, &block, "Q_SETQUOTA", supported);
}

}  // namespace oo::quota
