// The cgroup of one launch: `hook-<n>` (ends with the launch) or `svc-<n>` (its services may stay) below the gear's
// own group. Invariants: a group has one launch at a time, and whoever made it ends it.
// In the v2 tree a group is ended by cgroup.kill. Where only v1 exists it lies in the gear's freezer group (or, without
// one, its pids or first group) and is ended by freezing or forbidding forks, then signals.
#pragma once

#include <string>
#include <vector>

#include "descriptor.h"

namespace oo {

struct LaunchGroup {
  std::string path;       // empty: this launch has no group
  bool v2 = false;
  Descriptor directory;   // v2: for clone3
  Descriptor events;      // v2: cgroup.events, which tells when the last process has gone
  bool present() const { return !path.empty(); }
};

// Makes the group below `v2_group`, or, if that is empty, below one of `v1_groups`. 0 or an errno.
int MakeLaunchGroup(const std::string& v2_group, const std::vector<std::string>& v1_groups, bool keep, LaunchGroup* group);

// True when no process is in it (or it is gone).
bool LaunchGroupEmpty(const LaunchGroup& group);

// Removes the group if no process is in it: 0, EBUSY when one is, or another errno. Absent counts as removed.
int RemoveLaunchGroup(const LaunchGroup& group);

// Sends the end to all that is in the group; they may take a moment to be gone.
void KillLaunchGroup(const LaunchGroup& group);

// Groups of earlier launches with `keep` below the same gear whose services have all ended are removed.
void SweepServiceGroups(const LaunchGroup& group);

// Groups of hooks that a process which no longer lives has left below `v2_group` are killed and removed.
void SweepDeadHooks(const std::string& v2_group);

}  // namespace oo
