// See launch_group.h.
#include "launch_group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "cgroup.h"

namespace oo {

// Numbers are told apart between processes by the pid, within one by counting.
static std::string NextName(bool keep) {
  static std::atomic<unsigned> count{0};
  char name[48];
  snprintf(name, sizeof(name), "/%s-%d.%u", keep ? "svc" : "hook", getpid(), ++count);
  return name;
}

// Where only v1 exists: the hierarchy in which a group can best be ended.
static const std::string* HoldingGroup(const std::vector<std::string>& v1_groups) {
  for (const char* file : {"/freezer.state", "/pids.max"}) {
    for (const std::string& group : v1_groups) {
      if (access((group + file).c_str(), F_OK) == 0) return &group;
    }
  }
  return v1_groups.empty() ? nullptr : &v1_groups.front();
}

int MakeLaunchGroup(const std::string& v2_group, const std::vector<std::string>& v1_groups, bool keep, LaunchGroup* group) {
  const std::string* parent = v2_group.empty() ? HoldingGroup(v1_groups) : &v2_group;
  if (parent == nullptr) return 0;
  for (;;) {
    std::string path = *parent + NextName(keep);
    if (mkdir(path.c_str(), 0755) == 0) {
      group->path = std::move(path);
      group->v2 = parent == &v2_group;
      if (!group->v2) return 0;
      group->directory.assign(open(group->path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      group->events.assign(openat(group->directory.get(), "cgroup.events", O_RDONLY | O_CLOEXEC));
      if (group->directory.valid() && group->events.valid()) return 0;
      const int error = errno;
      rmdir(group->path.c_str());
      *group = LaunchGroup();
      return error;
    }
    if (errno != EEXIST) return errno;  // EEXIST: of a dead process that had our pid
  }
}

bool LaunchGroupEmpty(const LaunchGroup& group) {
  if (!group.v2) {
    std::vector<int> pids;
    return GroupProcesses(group.path, true, &pids) != 0 || pids.empty();
  }
  char text[128] = {};
  const ssize_t got = pread(group.events.get(), text, sizeof(text) - 1, 0);
  return got <= 0 || strstr(text, "populated 1") == nullptr;
}

int RemoveLaunchGroup(const LaunchGroup& group) {
  if (rmdir(group.path.c_str()) == 0 || errno == ENOENT || errno == ENODEV) return 0;
  return errno;
}

void KillLaunchGroup(const LaunchGroup& group) { KillGroup(group.path); }

void SweepServiceGroups(const LaunchGroup& group) {
  const std::string parent = group.path.substr(0, group.path.rfind('/'));
  DIR* directory = opendir(parent.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    const std::string path = parent + "/" + entry->d_name;
    // rmdir refuses a group with a process; one that another launch has made but not yet entered is made anew there.
    if (entry->d_type == DT_DIR && strncmp(entry->d_name, "svc-", 4) == 0 && path != group.path) rmdir(path.c_str());
  }
  closedir(directory);
}

void SweepDeadHooks(const std::string& v2_group) {
  DIR* directory = opendir(v2_group.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = readdir(directory)) {
    int pid = 0;
    if (entry->d_type != DT_DIR || sscanf(entry->d_name, "hook-%d.", &pid) != 1) continue;
    if (pid <= 0 || kill(pid, 0) == 0 || errno != ESRCH) continue;
    const std::string path = v2_group + "/" + entry->d_name;
    if (rmdir(path.c_str()) == 0) continue;
    KillGroup(path);
    WaitGroupEmpty(path, 2000);
    rmdir(path.c_str());
  }
  closedir(directory);
}

}  // namespace oo
