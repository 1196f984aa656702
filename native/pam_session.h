// The steps of a gear's confinement that need root, taken by a process that goes on as root for a while:
// sshd's monitor. What it starts as the gear afterwards inherits all of them. No policy here: it does what
// the profile says.
#pragma once

#include <string>

#include "profile.h"

namespace oo {

// Control groups, private /tmp, limits, umask, out-of-memory score, bounding and ambient capabilities, in
// this order. The capabilities the process already holds stay (it must still become the gear); no execve can
// gain one any more. On failure `why` names the step; the process must then not start anything as the gear.
bool confine_session(const Profile& profile, std::string* why);

struct Hierarchy {
  std::string mount_point;
  bool v2 = false;
  bool required = true;  // carries limits, or is what kills: a session outside it is refused
};

// The mounted control group hierarchies that hold gears: version 2, and each of version 1 that carries cpu,
// memory or pids, that counts (cpuacct), or that freezes. Text of /proc/self/mountinfo. A mount that shows
// only a part of its hierarchy is passed over.
std::vector<Hierarchy> gear_hierarchies(const std::string& mountinfo);

}  // namespace oo
