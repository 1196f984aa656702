// Fuzz target: the parser of the confinement file. Whatever it accepts must be safe to act on as root.

// sources: profile.cc

#include "../profile.h"
#include "fuzz.h"
#include "profile_text.h"

static void safe_path(const std::string& path) {
  FUZZ_REQUIRE(!path.empty() && path[0] == '/');
  FUZZ_REQUIRE((path + "/").find("/../") == std::string::npos);
  FUZZ_REQUIRE(path.find('\0') == std::string::npos && path.find('\n') == std::string::npos);
}

void fuzz_one(const std::string& input) {
  oo::Profile profile;
  std::string why;
  if (!oo::parse_profile(input.data(), input.size(), &profile, &why)) {
    FUZZ_REQUIRE(!why.empty() && why.size() < 200 && profile.uuid.empty());
    return;
  }
  FUZZ_REQUIRE(profile.uid != 0 && profile.gid != 0 && profile.no_new_privs);
  FUZZ_REQUIRE(oo::valid_gear_name(profile.uuid.c_str()) && profile.umask <= 0777);
  safe_path(profile.home);
  safe_path(profile.cgroup);
  FUZZ_REQUIRE(profile.cgroup.rfind('/') > 0);
  for (const auto& mount : profile.mounts) {
    safe_path(mount.source);
    safe_path(mount.target);
  }
  for (const auto& path : profile.read_only) safe_path(path);
  for (const auto& path : profile.read_write) safe_path(path);
  for (const auto& limit : profile.limits) FUZZ_REQUIRE(limit.soft <= limit.hard);
}

std::vector<std::string> fuzz_seeds() { return {kProfileText, "", "\n", "uid=507\n", "mount=/a /b\n"}; }

std::vector<std::string> fuzz_words() {
  return {"\n",
          "=",
          "/",
          "/../",
          "uid=0\n",
          "uid=",
          "-1",
          ":",
          "rlimit.",
          "mount=",
          " ",
          "label=",
          "umask=",
          "landlock.ro=",
          "18446744073709551615",
          "4294967296",
          std::string(1, '\0')};
}
