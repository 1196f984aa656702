// Confinement of an SSH session from within sshd's privileged process; see pam_session.h.
#include "pam_session.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

#include "profile_spec.h"

namespace oo {
namespace {

bool fail(std::string* why, const std::string& step, int error) {
  *why = step + ": " + strerror(error);
  return false;
}

bool read_all(const char* path, std::string* out) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char buffer[8192];
  ssize_t n = 0;
  while ((n = read(file, buffer, sizeof buffer)) > 0) out->append(buffer, static_cast<size_t>(n));
  close(file);
  return n == 0;
}

// A gear's own group carries the limits and is made by the node; a session must not make it, or it would have
// none.
int open_group(const Hierarchy& hierarchy, const std::string& group, std::string* why) {
  const std::string of_gear = hierarchy.mount_point + group.substr(0, group.rfind('/'));
  const std::string dir = hierarchy.v2 ? hierarchy.mount_point + group : of_gear;
  struct stat info {};
  int file = -1;
  if (stat(of_gear.c_str(), &info) != 0) fail(why, "control group " + of_gear + " (start the gear)", errno);
  else if (hierarchy.v2 && mkdir(dir.c_str(), 0755) != 0 && errno != EEXIST)
    fail(why, "control group " + dir, errno);
  else if ((file = open((dir + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
    fail(why, "control group " + dir, errno);
  return file;
}

bool open_groups(const Profile& profile, std::vector<int>* files, std::string* why) {
  std::string mountinfo;
  if (!read_all("/proc/self/mountinfo", &mountinfo)) return fail(why, "/proc/self/mountinfo", errno);
  const std::vector<Hierarchy> hierarchies = gear_hierarchies(mountinfo);
  if (hierarchies.empty()) return fail(why, "no control group hierarchy is mounted", ENOENT);
  for (const Hierarchy& hierarchy : hierarchies) {
    const int file = open_group(hierarchy, profile.cgroup, why);
    if (file >= 0) files->push_back(file);
    else if (hierarchy.required) return false;
  }
  return true;
}

// What becomes the gear's /tmp must be the gear's own directory: a lost or replaced one would be shared or
// root's.
bool own_sources(const Profile& profile, std::string* why) {
  for (const ProfileMount& mount : profile.mounts) {
    struct stat info {};
    if (lstat(mount.source.c_str(), &info) != 0) return fail(why, "mount source " + mount.source, errno);
    if (!S_ISDIR(info.st_mode) || info.st_uid != profile.uid)
      return fail(why, "mount source " + mount.source, EPERM);
  }
  return true;
}

std::vector<std::string_view> fields(std::string_view line) {
  std::vector<std::string_view> found;
  while (!line.empty()) {
    const size_t end = line.find(' ');
    found.push_back(line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return found;
}

bool has_option(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const size_t end = list.find(',');
    if (list.substr(0, end) == wanted) return true;
    list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
  }
  return false;
}

}  // namespace

std::vector<Hierarchy> gear_hierarchies(const std::string& mountinfo) {
  std::vector<Hierarchy> found;
  std::string
      seen;  // super options of version 1 mounts already taken: one mount for each hierarchy is enough
  bool v2 = false;
  std::string_view rest(mountinfo);
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::vector<std::string_view> f = fields(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    size_t dash = 6;  // the optional fields begin here and end with `-`
    while (dash < f.size() && f[dash] != "-") dash++;
    if (dash + 3 >= f.size() || f[3] != "/" || f[4].find('\\') != std::string_view::npos) continue;
    const std::string_view type = f[dash + 1], options = f[dash + 3];
    if (type == "cgroup2" && !v2) {
      v2 = true;
      found.push_back({std::string(f[4]), true, true});
    } else if (type == "cgroup") {
      const bool limits =
          has_option(options, "cpu") || has_option(options, "memory") || has_option(options, "pids");
      const std::string mark = "\n" + std::string(options) + "\n";
      if ((!limits && !has_option(options, "cpuacct") && !has_option(options, "freezer")) ||
          seen.find(mark) != std::string::npos)
        continue;
      seen += mark;
      found.push_back({std::string(f[4]), false, limits});
    }
  }
  return found;
}

bool confine_session(const Profile& profile, std::string* why) {
  std::vector<int> files;
  bool done = open_groups(profile, &files, why) && own_sources(profile, why);
  if (done) {
    ProfileSpec prepared(profile);
    const ConfineSpec spec = prepared.as_root(files);
    StepFailure failure = ConfineAsRoot(spec);
    // Only what an execve could gain: sshd keeps what it holds, for it must still become the gear and end the
    // session.
    if (!failure.failed()) failure = {Step::capabilities, ConfineCapabilities(spec)};
    if (failure.error != 0) done = fail(why, StepName(failure.step), failure.error);
  }
  for (int file : files) close(file);
  return done;
}

}  // namespace oo
