// Loop (b) of the launch benchmark: the same confinement as `launch`, read from a gear's confinement file, around a
// plain blocking vfork, exec and wait, with no Node, no reactor and no queue. What `launch` takes beyond this loop is
// the price of being asynchronous. One launch for each byte on standard input; its nanoseconds on standard output.
// Invariant: every step of a launch is taken in every round, the making and ending of its cgroup included.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "../../native/confine.h"
#include "../../native/landlock.h"
#include "../../native/profile.h"
#include "../../native/profile_spec.h"

namespace {

unsigned long long Now() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<unsigned long long>(now.tv_sec) * 1000000000ull + static_cast<unsigned long long>(now.tv_nsec);
}

void Write(const std::string& path, const char* text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  if (write(file, text, 1) < 0) perror(path.c_str());
  close(file);
}

int Launch(const oo::Profile& profile, const std::string& v2, const std::vector<std::string>& v1, char** argv) {
  static unsigned count = 0;
  const std::string group = v2 + "/hook-bench-" + std::to_string(++count);
  if (!v2.empty() && mkdir(group.c_str(), 0755) != 0) return -1;
  std::vector<int> files;
  for (const std::string& path : v1) files.push_back(open((path + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
  if (!v2.empty()) files.push_back(open((group + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
  oo::ProfileSpec parts(profile);
  oo::ConfineSpec spec = parts.as_root(files);
  oo::ConfineSpec as_gear;
  const char* step = nullptr;
  int error = 0;
  if (!parts.as_gear(&as_gear, &step, &error)) return -1;
  spec.label = as_gear.label;
  spec.no_new_privs = as_gear.no_new_privs;
  spec.seccomp = as_gear.seccomp;
  spec.landlock = as_gear.landlock;
  spec.drop_capabilities = true;
  spec.set_identity = true;
  spec.uid = profile.uid;
  spec.gid = profile.gid;
  const int cwd = open(profile.home.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  int out[2], err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) return -1;
  char path[] = "PATH=/usr/bin:/bin";
  char* env[] = {path, nullptr};
  oo::StepFailure failure;
  const pid_t child = vfork();
  if (child == 0) {
    setsid();
    failure = oo::ConfineAll(spec);
    if (failure.failed() || fchdir(cwd) != 0) _exit(126);
    dup2(null, 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    execve(argv[0], argv, env);
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  char buffer[4096];
  for (const int end : {out[0], err[0]}) {
    while (read(end, buffer, sizeof(buffer)) > 0) continue;
    close(end);
  }
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  if (failure.failed()) fprintf(stderr, "%s: %d\n", oo::StepName(failure.step), failure.error);
  for (const int file : files) close(file);
  close(cwd);
  close(null);
  if (!v2.empty()) {
    Write(group + "/cgroup.kill", "1");
    if (rmdir(group.c_str()) != 0) return -1;
  }
  return status;
}

}  // namespace

// confined-loop <confinement dir> <uuid> <v2 group or ""> <v1 groups joined by ":"> <program> [argument...]
int main(int argc, char** argv) {
  if (argc < 6) return 2;
  oo::Profile profile;
  std::string why;
  if (oo::read_profile(argv[1], argv[2], 0, &profile, &why) != oo::ProfileRead::found) {
    fprintf(stderr, "%s\n", why.c_str());
    return 2;
  }
  std::vector<std::string> v1;
  const std::string joined = argv[4];
  for (size_t at = 0; at < joined.size();) {
    const size_t end = joined.find(':', at);
    v1.push_back(joined.substr(at, end == std::string::npos ? end : end - at));
    at = end == std::string::npos ? joined.size() : end + 1;
  }
  char command;
  while (read(0, &command, 1) == 1) {
    const unsigned long long start = Now();
    const int status = Launch(profile, argv[3], v1, argv + 5);
    const unsigned long long end = Now();
    if (status != 0) {
      fprintf(stderr, "a round ended with status %d, errno %d\n", status, errno);
      return 1;
    }
    dprintf(1, "%llu\n", end - start);
  }
  return 0;
}
