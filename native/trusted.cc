// open_trusted of beneath.h: the one way into a tree, by a path that only root could bend.
#include <limits.h>
#include <string.h>

#include "beneath_parts.h"

namespace oo::beneath {

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
      // A relative target goes on from the directory that holds the link; what lies above a trusted one is
      // trusted.
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
    // Beyond this point others could rename what comes next, unless the sticky bit keeps root's entries in
    // place.
    if (more && exposed && ((info.st_mode & S_ISVTX) == 0 || !root_or_self(info.st_uid)))
      return {EPERM, "trust", name};
  }
  Descriptor opened(openat(here.get(), ".", kDirectoryFlags | O_CLOEXEC | O_NOFOLLOW));
  if (!opened.valid()) return failed("open");
  *out = std::move(opened);
  return {};
}

}  // namespace oo::beneath
