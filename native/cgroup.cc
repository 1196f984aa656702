// See cgroup.h.
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace oo {

int WriteGroupFile(const std::string& group, const char* name, const char* value) {
  const int file = open((group + "/" + name).c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return errno;
  const ssize_t written = write(file, value, strlen(value));
  const int error = written < 0 ? errno : 0;
  close(file);
  return error;
}

int ReadGroupFile(const std::string& group, const char* name, std::string* text) {
  const int file = open((group + "/" + name).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno;
  text->clear();
  char part[4096];
  ssize_t got = 0;
  while ((got = read(file, part, sizeof(part))) > 0) text->append(part, static_cast<size_t>(got));
  const int error = got < 0 ? errno : 0;
  close(file);
  return error;
}

bool IsV2Group(const std::string& group) { return access((group + "/cgroup.controllers").c_str(), F_OK) == 0; }

static bool Has(const std::string& group, const char* name) { return access((group + "/" + name).c_str(), F_OK) == 0; }

// Groups directly below.
static int Children(const std::string& group, std::vector<std::string>* children) {
  DIR* directory = opendir(group.c_str());
  if (directory == nullptr) return errno;
  while (const dirent* entry = readdir(directory)) {
    if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
    children->push_back(group + "/" + entry->d_name);
  }
  closedir(directory);
  return 0;
}

int GroupProcesses(const std::string& group, bool subtree, std::vector<int>* pids) {
  std::string text;
  if (const int error = ReadGroupFile(group, "cgroup.procs", &text)) return error;
  const char* at = text.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const long pid = strtol(at, &end, 10);
    if (end == at) break;
    if (pid > 0) pids->push_back(static_cast<int>(pid));  // 0: a process outside our pid namespace
    at = *end == '\n' ? end + 1 : end;
  }
  if (!subtree) return 0;
  std::vector<std::string> children;
  if (const int error = Children(group, &children)) return error;
  for (const std::string& child : children) {
    const int error = GroupProcesses(child, true, pids);
    if (error != 0 && error != ENOENT && error != ENODEV) return error;
  }
  return 0;
}

// A pid read from a list may belong to another process by now: take hold of it, see that it is still in the group,
// then signal what is held.
static void KillMember(const std::string& group, int pid) {
  const int held = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (held < 0) return;
  std::vector<int> again;
  GroupProcesses(group, true, &again);
  for (const int member : again) {
    if (member == pid) syscall(SYS_pidfd_send_signal, held, SIGKILL, nullptr, 0);
  }
  close(held);
}

int KillGroupByList(const std::string& group) {
  constexpr int kPasses = 16;
  // Held still or kept from forking, the members cannot outrun the list.
  const bool v2_freezer = Has(group, "cgroup.freeze");
  const bool freezer = !v2_freezer && Has(group, "freezer.state");
  const bool pids_limit = !v2_freezer && !freezer && Has(group, "pids.max");
  std::string limit;
  if (v2_freezer) WriteGroupFile(group, "cgroup.freeze", "1");
  if (freezer) WriteGroupFile(group, "freezer.state", "FROZEN");
  if (pids_limit) {
    ReadGroupFile(group, "pids.max", &limit);
    WriteGroupFile(group, "pids.max", "0");
  }
  // A freeze takes a moment, in which a member may still fork: its child is in the list of the next pass.
  std::vector<int> pids;
  int error = 0;
  size_t before = 0;
  for (int pass = 0; pass < kPasses && error == 0 && (pass < 2 || pids.size() > before); ++pass) {
    before = pids.size();
    pids.clear();
    error = GroupProcesses(group, true, &pids);
    for (const int pid : pids) KillMember(group, pid);
  }
  if (v2_freezer) WriteGroupFile(group, "cgroup.freeze", "0");
  if (freezer) WriteGroupFile(group, "freezer.state", "THAWED");  // a frozen process does not die
  if (pids_limit && !limit.empty()) WriteGroupFile(group, "pids.max", limit.c_str());
  return error;
}

int KillGroup(const std::string& group) {
  const int error = WriteGroupFile(group, "cgroup.kill", "1");
  return error == ENOENT && Has(group, "cgroup.procs") ? KillGroupByList(group) : error;
}

int FreezeGroup(const std::string& group, bool frozen) {
  const int error = WriteGroupFile(group, "cgroup.freeze", frozen ? "1" : "0");
  if (error != ENOENT) return error;
  return WriteGroupFile(group, "freezer.state", frozen ? "FROZEN" : "THAWED");
}

static long long Now() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int Populated(const std::string& group, bool v2, bool* populated) {
  if (v2) {
    std::string text;
    const int error = ReadGroupFile(group, "cgroup.events", &text);
    *populated = text.find("populated 1") != std::string::npos;
    return error;
  }
  std::vector<int> pids;
  const int error = GroupProcesses(group, true, &pids);
  *populated = !pids.empty();
  return error;
}

int WaitGroupEmpty(const std::string& group, int milliseconds) {
  const bool v2 = IsV2Group(group);
  const long long end = Now() + milliseconds;
  const int events = v2 ? open((group + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC) : -1;
  int error = 0;
  for (;;) {
    bool populated = false;
    error = Populated(group, v2, &populated);
    if (error == ENOENT || error == ENODEV) error = populated = false;  // gone is empty
    if (error != 0 || !populated) break;
    const long long left = end - Now();
    if (left <= 0) {
      error = ETIMEDOUT;
      break;
    }
    // v2 tells of the change at once; v1 has to be asked.
    pollfd watch = {events, POLLPRI, 0};
    poll(&watch, 1, static_cast<int>(events < 0 ? (left < 5 ? left : 5) : (left < 50 ? left : 50)));
    if (events >= 0) {
      char drop[128];
      while (pread(events, drop, sizeof(drop), 0) < 0 && errno == EINTR) continue;
    }
  }
  if (events >= 0) close(events);
  return error;
}

int RemoveGroupTree(const std::string& group) {
  std::vector<std::string> children;
  const int listed = Children(group, &children);
  if (listed != 0) return listed == ENOENT ? 0 : listed;
  for (const std::string& child : children) {
    if (const int error = RemoveGroupTree(child)) return error;
  }
  if (rmdir(group.c_str()) == 0 || errno == ENOENT || errno == ENODEV) return 0;
  return errno;
}

}  // namespace oo
