// Small acts on a cgroup directory of either version. Paths are the caller's: absolute, below the host's own cgroup
// mounts, so plain paths are safe here. Invariant: each returns 0 or an errno and leaves no descriptor behind.
#pragma once

#include <string>
#include <vector>

namespace oo {

// Writes `value` in one call to the file `name` of the group.
int WriteGroupFile(const std::string& group, const char* name, const char* value);
int ReadGroupFile(const std::string& group, const char* name, std::string* text);

bool IsV2Group(const std::string& group);

// v2: cgroup.kill, the whole subtree at once. v1, and v2 before cgroup.kill: by list.
int KillGroup(const std::string& group);
// Each process by signal, with a freezer holding them if there is one. One that was just being forked may be missed:
// whoever waits for the end asks again.
int KillGroupByList(const std::string& group);
int FreezeGroup(const std::string& group, bool frozen);

// Processes of this group and, with `subtree`, of all groups below.
int GroupProcesses(const std::string& group, bool subtree, std::vector<int>* pids);

// Waits until no process is left in the subtree: 0, ETIMEDOUT, or an errno.
int WaitGroupEmpty(const std::string& group, int milliseconds);

// This group and all below it, deepest first; EBUSY when a process is in one.
int RemoveGroupTree(const std::string& group);

}  // namespace oo
