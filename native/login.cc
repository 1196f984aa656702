// oo-login: forced command and login shell of a gear. sshd has already become the gear, and pam_oo has placed
// the process; here the rest of the confinement is taken, the environment is composed from nothing, and what
// the client asked for is started: git, sftp, scp or rsync by their argument vector, any other line by the
// gear's own shell.
// Invariant: nothing is started by a process that is not wholly confined; then it ends with 40 and one sentence.

// sources: login_place.cc command.cc environment.cc profile.cc profile_spec.cc confine.cc landlock.cc seccomp.cc

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "command.h"
#include "environment.h"
#include "login_place.h"
#include "profile_spec.h"

extern char** environ;

namespace {

constexpr int kNotInApplication = 3;
constexpr int kNotConfined = 40;
constexpr const char* kShell = "/bin/bash";
constexpr const char* kGlobalEnvironment = "/etc/openshift/env";
constexpr const char* kSystemPath = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

[[noreturn]] void end(int status, const std::string& message) {
  const std::string line = "oo-login: " + message + "\n";
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) _exit(status);
  _exit(status);
}

std::string variable(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? std::string() : value;
}

// Where this program lies: beside it are the node's commands and the SDK.
std::string own_directory() {
  char path[1024];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  const std::string file(path, size > 0 ? static_cast<size_t>(size) : 0);
  const size_t slash = file.rfind('/');
  return slash == std::string::npos ? "/usr/libexec/openshift" : file.substr(0, slash);
}

// The line the client asked for. Empty for an interactive shell: then sshd passes the forced command itself,
// or none.
std::string requested(int argc, char** argv) {
  const char* original = getenv("SSH_ORIGINAL_COMMAND");
  if (original != nullptr) return original;
  if (argc < 3 || strcmp(argv[1], "-c") != 0) return {};
  const std::string line = argv[2];
  const bool self = line.find(' ') == std::string::npos && line.size() >= 9 &&
                    line.compare(line.size() - 9, 9, "/oo-login") == 0;
  return self ? std::string() : line;
}

// The gear's folder of confinement files lies beside its home; sshd took both from the account.
oo::Profile own_profile() {
  std::string home = variable("HOME");
  while (home.size() > 1 && home.back() == '/') home.pop_back();
  const size_t slash = home.rfind('/');
  if (slash == std::string::npos || slash == 0)
    end(kNotConfined, "HOME does not name a gear's home. Nothing was started.");
  oo::Profile profile;
  std::string why = "this account has no confinement file";
  const std::string dir = home.substr(0, slash) + "/.confinement";
  const auto read = oo::read_profile(dir.c_str(), home.c_str() + slash + 1, 0, &profile, &why);
  if (read != oo::ProfileRead::found) end(kNotConfined, why + ". Nothing was started.");
  if (profile.uid != getuid() || profile.gid != getgid() || profile.home != home)
    end(kNotConfined, "the confinement file is of another account. Nothing was started.");
  return profile;
}

void check_place(const oo::Profile& profile) {
  std::string cgroups;
  const int file = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
  char buffer[4096];
  ssize_t n = 0;
  while (file >= 0 && (n = read(file, buffer, sizeof buffer)) > 0)
    cgroups.append(buffer, static_cast<size_t>(n));
  if (file >= 0) close(file);
  if (!oo::in_gear_groups(cgroups, profile) || !oo::has_gear_mounts(profile))
    end(kNotConfined,
        "this login came around the gear's limits (is pam_oo in the PAM stack?). Nothing was started.");
}

// Exactly three descriptors, default signals: nothing of sshd's goes on into the gear.
void settle() {
  if (syscall(SYS_close_range, 3U, ~0U, 0U) != 0) {
    const long most = sysconf(_SC_OPEN_MAX);
    for (int fd = 3; fd < (most > 0 && most < 65536 ? static_cast<int>(most) : 65536); fd++) close(fd);
  }
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
      end(kNotConfined, "a standard descriptor is missing.");
  for (int number = 1; number < 65; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

oo::Environment compose(const oo::Profile& profile) {
  const std::string dir = own_directory();
  const std::string path = dir + "/bin:" + dir + "/cartridges/sdk/bin:" + kSystemPath;
  oo::Environment environment = oo::gear_environment({kGlobalEnvironment, profile.home, path});
  oo::keep_session_variables(environ, &environment);
  environment["HOME"] = profile.home + "/";
  environment["USER"] = environment["LOGNAME"] = profile.uuid;
  environment["SHELL"] = kShell;
  return environment;
}

// A directory below the home, reached without any symbolic link.
bool plain_directory(const std::string& home, const std::string& path) {
  const int root = open(home.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return false;
  struct open_how how {};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long found = syscall(SYS_openat2, root, path.c_str() + home.size() + 1, &how, sizeof how);
  close(root);
  if (found >= 0) close(static_cast<int>(found));
  return found >= 0;
}

struct Program {
  std::vector<std::string> files;  // the first that is there
  std::vector<std::string> argv;
};

Program git(const oo::Command& command, const oo::Profile& profile) {
  const std::string path = command.kind == oo::CommandKind::git
                               ? oo::repository_path(command.argv[1], profile.home)
                               : std::string();
  if (path.empty() || !plain_directory(profile.home, path))
    end(kNotInApplication, "that is not a repository of this application. Use ~/git/NAME.git.");
  return {{"/usr/bin/git"}, {"git", command.argv[0].substr(4), path}};
}

Program shell() {
  const std::string init = own_directory() + "/cartridges/sdk/bash/rhcsh";
  if (access(init.c_str(), R_OK) == 0 && isatty(STDIN_FILENO) == 1)
    return {{kShell}, {"bash", "--noprofile", "--rcfile", init, "-i"}};
  if (isatty(STDIN_FILENO) == 1) return {{kShell}, {"bash", "--noprofile", "--norc", "-i"}};
  return {{kShell}, {"bash", "--noprofile", "--norc"}};
}

Program choose(const oo::Command& command, const oo::Profile& profile) {
  switch (command.kind) {
    case oo::CommandKind::git:
    case oo::CommandKind::git_malformed:
      return git(command, profile);
    case oo::CommandKind::sftp:
      return {{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server"}, command.argv};
    case oo::CommandKind::direct:
      return {{"/usr/bin/" + command.argv[0]}, command.argv};
    case oo::CommandKind::text:
      // Debian's bash would read a start file when it finds SSH_CLIENT.
      return {{kShell}, {"bash", "--norc", "-c", command.text}};
    case oo::CommandKind::shell:
      break;
  }
  return shell();
}

void confine(const oo::Profile& profile) {
  oo::ProfileSpec prepared(profile);
  oo::ConfineSpec spec;
  const char* step = "";
  int error = 0;
  if (prepared.as_gear(&spec, &step, &error)) {
    const oo::StepFailure failure = oo::ConfineAsGear(spec);
    if (!failure.failed()) return;
    step = oo::StepName(failure.step);
    error = failure.error;
  }
  end(kNotConfined,
      std::string("confinement step ") + step + " failed: " + strerror(error) + ". Nothing was started.");
}

[[noreturn]] void start(const Program& program, const oo::Environment& environment) {
  std::vector<std::string> settings;
  for (const auto& [name, value] : environment) settings.push_back(name + "=" + value);
  std::vector<char*> env, argv;
  for (std::string& setting : settings) env.push_back(setting.data());
  std::vector<std::string> words = program.argv;
  for (std::string& word : words) argv.push_back(word.data());
  env.push_back(nullptr);
  argv.push_back(nullptr);
  for (const std::string& file : program.files) execve(file.c_str(), argv.data(), env.data());
  const int error = errno;
  end(error == ENOENT ? 127 : 126, "cannot start " + program.files.back() + ": " + strerror(error));
}

}  // namespace

int main(int argc, char** argv) {
  if (getuid() == 0 || geteuid() == 0) end(kNotConfined, "this is a gear's login; it does not run as root.");
  settle();
  const oo::Profile profile = own_profile();
  check_place(profile);
  const std::string line = requested(argc, argv);
  if (line.size() > oo::kCommandBytes)
    end(1, "the command line is longer than 128 KiB. Nothing was started.");
  const oo::Environment environment = compose(profile);
  if (chdir(profile.home.c_str()) != 0) end(1, "cannot enter the gear's home. Nothing was started.");
  umask(profile.umask);
  const Program program = choose(oo::classify(line), profile);
  confine(profile);
  start(program, environment);
}
