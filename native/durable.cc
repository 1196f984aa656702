// See durable.h.
#include "durable.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

namespace oo {

bool commits_in_order(int descriptor) {
  struct statfs kind;
  if (fstatfs(descriptor, &kind) != 0) return false;
  const auto type = static_cast<unsigned long>(kind.f_type);
  return type == EXT4_SUPER_MAGIC || type == XFS_SUPER_MAGIC || type == TMPFS_MAGIC;
}

Failure data_to_disk(int file, bool in_order) {
  constexpr unsigned kWait = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  if (in_order && sync_file_range(file, 0, 0, kWait) == 0) return {};
  return fsync(file) == 0 ? Failure{} : failed("fsync");
}

}  // namespace oo
