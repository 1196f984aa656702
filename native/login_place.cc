// See login_place.h.
#include "login_place.h"

#include <sys/stat.h>

#include <string_view>

namespace oo {
namespace {

bool names_limit(std::string_view controllers) {
  while (!controllers.empty()) {
    const size_t end = controllers.find(',');
    const std::string_view one = controllers.substr(0, end);
    if (one == "cpu" || one == "memory" || one == "pids") return true;
    controllers.remove_prefix(end == std::string_view::npos ? controllers.size() : end + 1);
  }
  return false;
}

}  // namespace

bool in_gear_groups(const std::string& cgroups, const Profile& profile) {
  const std::string own = profile.cgroup.substr(0, profile.cgroup.rfind('/'));
  bool any = false;
  std::string_view rest(cgroups);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1),
                           path = line.substr(second + 1);
    const bool v2 = line.substr(0, first) == "0" && controllers.empty();
    if (!v2 && !names_limit(controllers)) continue;
    if (path != own && path.substr(0, own.size() + 1) != own + "/") {
      // A machine of version 1 alone still shows the line of version 2, at its root.
      if (v2 && path == "/") continue;
      return false;
    }
    any = true;
  }
  return any;
}

bool has_gear_mounts(const Profile& profile) {
  for (const ProfileMount& mount : profile.mounts) {
    struct stat info {};
    if (lstat(mount.target.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != profile.uid)
      return false;
  }
  return true;
}

}  // namespace oo
