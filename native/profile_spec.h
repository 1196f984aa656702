// From a confinement file to the steps of confine.h. Invariant: the spec points into this object, which
// neither moves nor changes while the spec is in use.
#pragma once

#include <vector>

#include "confine.h"
#include "profile.h"

namespace oo {

class ProfileSpec {
 public:
  explicit ProfileSpec(const Profile& profile);
  ProfileSpec(const ProfileSpec&) = delete;
  ProfileSpec& operator=(const ProfileSpec&) = delete;
  ~ProfileSpec();

  // What pam_oo takes: groups (their open files), mounts, limits, umask, score; the capabilities are taken
  // apart.
  ConfineSpec as_root(const std::vector<int>& cgroup_files);
  // What oo-login takes: label, no_new_privs, seccomp, Landlock. False, with the step's name, when one cannot
  // be had.
  bool as_gear(ConfineSpec* spec, const char** step, int* error);

 private:
  bool open_proc();
  const char* seen_at(const std::string& path) const;

  const Profile& profile_;
  std::vector<MountSpec> mounts_;
  std::vector<RlimitSpec> limits_;
  std::vector<const char*> read_only_;
  std::vector<const char*> read_write_;
  std::vector<int> cgroup_files_;
  int proc_ = -1;
  int ruleset_ = -1;
};

}  // namespace oo
