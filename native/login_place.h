// Whether a process stands where pam_oo puts a session of the gear. oo-login asks before it starts anything:
// a login that came by another way (PAM switched off in sshd, su, a console) would run outside the gear's
// limits.
#pragma once

#include <string>

#include "profile.h"

namespace oo {

// Text of /proc/self/cgroup: in the version 2 tree below the gear's own group, and so in every version 1
// hierarchy that carries cpu, memory or pids; at least one of them all must be there.
bool in_gear_groups(const std::string& cgroups, const Profile& profile);

// Each mount target is a directory of the gear's own: the gear's /tmp, not the host's.
bool has_gear_mounts(const Profile& profile);

}  // namespace oo
