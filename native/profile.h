// The confinement file of one gear (`.confinement/<uuid>`): what every door into the gear must apply.
// It is written by root from the same object that feeds a launch, and read here by the two doors that no Node
// stands behind: pam_oo (as root) and oo-login (as the gear). Invariant: a file that is not understood to the
// last line, or that anybody but root could have written, yields no profile at all; a door without a profile
// stays shut.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace oo {

struct ProfileMount {
  std::string source;
  std::string target;
};

struct ProfileLimit {
  int resource;
  rlim_t soft;
  rlim_t hard;
};

struct Profile {
  std::string uuid;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home;
  std::string cgroup;  // below a hierarchy's mount point: /openshift/<uuid>/gear; version 1 uses its parent
  std::string label;   // empty: no SELinux label
  mode_t umask = 077;
  int oom_score_adj = 0;
  bool no_new_privs = false;
  bool seccomp = false;
  bool landlock = false;
  std::vector<ProfileLimit> limits;
  std::vector<ProfileMount> mounts;
  std::vector<std::string> read_only;
  std::vector<std::string> read_write;
};

// Largest file and most repeated entries that are accepted.
constexpr size_t kProfileBytes = 64 * 1024;
constexpr size_t kProfileEntries = 256;

// Parses the text of a confinement file. On failure `why` is one sentence that names the line, and `out` is
// untouched.
bool parse_profile(const char* text, size_t size, Profile* out, std::string* why);

enum class ProfileRead { found, absent, refused };

// Reads `<dir>/<name>`. Neither may be a symbolic link or writable by anybody but root; `owner` is 0 outside
// tests.
ProfileRead read_profile(const char* dir, const char* name, uid_t owner, Profile* out, std::string* why);

// A gear's name as it may stand in a path: 1 to 64 letters, digits, `-`, `_`, and `.` not at the start.
bool valid_gear_name(const char* name);

}  // namespace oo
