// See profile_spec.h.
#include "profile_spec.h"

#include <errno.h>
#include <unistd.h>

#include "landlock.h"
#include "seccomp.h"

namespace oo {

ProfileSpec::ProfileSpec(const Profile& profile) : profile_(profile) {
  for (const ProfileMount& mount : profile.mounts)
    mounts_.push_back({mount.source.c_str(), mount.target.c_str()});
  for (const ProfileLimit& limit : profile.limits)
    limits_.push_back({limit.resource, limit.soft == RLIM_INFINITY ? kUnlimited : limit.soft,
                       limit.hard == RLIM_INFINITY ? kUnlimited : limit.hard});
  for (const std::string& path : profile.read_only) read_only_.push_back(path.c_str());
  for (const std::string& path : profile.read_write) read_write_.push_back(seen_at(path));
}

// A launch names the gear's /tmp by its source, from outside; within the gear only the mounted place can be
// reached.
const char* ProfileSpec::seen_at(const std::string& path) const {
  for (const ProfileMount& mount : profile_.mounts)
    if (mount.source == path) return mount.target.c_str();
  return path.c_str();
}

ProfileSpec::~ProfileSpec() {
  if (proc_ >= 0) close(proc_);
  if (ruleset_ >= 0) close(ruleset_);
}

bool ProfileSpec::open_proc() {
  if (proc_ < 0) proc_ = OpenProc();
  return proc_ >= 0;
}

ConfineSpec ProfileSpec::as_root(const std::vector<int>& cgroup_files) {
  cgroup_files_ = cgroup_files;
  ConfineSpec spec;
  spec.cgroup_files = cgroup_files_.data();
  spec.cgroup_file_count = static_cast<unsigned>(cgroup_files_.size());
  spec.mounts = mounts_.data();
  spec.mount_count = static_cast<unsigned>(mounts_.size());
  spec.rlimits = limits_.data();
  spec.rlimit_count = static_cast<unsigned>(limits_.size());
  spec.umask = static_cast<int>(profile_.umask);
  // Without a /proc the score's write fails, and with it the step.
  open_proc();
  spec.proc = proc_;
  spec.set_oom_score_adj = true;
  spec.oom_score_adj = profile_.oom_score_adj;
  spec.drop_capabilities = true;
  return spec;
}

bool ProfileSpec::as_gear(ConfineSpec* spec, const char** step, int* error) {
  *spec = ConfineSpec();
  if (!profile_.label.empty()) {
    *step = StepName(Step::label);
    if (!open_proc()) return *error = -proc_, false;
    spec->proc = proc_;
    spec->label = profile_.label.c_str();
  }
  spec->no_new_privs = profile_.no_new_privs;
  if (profile_.seccomp) spec->seccomp = SeccompFilter();
  if (profile_.landlock) {
    *step = StepName(Step::landlock);
    *error = MakeLandlockRuleset(read_only_.data(), read_only_.size(), read_write_.data(), read_write_.size(),
                                 &ruleset_);
    if (*error != 0) return false;
    spec->landlock = ruleset_;
  }
  return true;
}

}  // namespace oo
