// Parser and reader of the confinement file; see profile.h for the invariant.
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>

namespace oo {
namespace {

struct ResourceName {
  std::string_view name;
  int resource;
};

constexpr ResourceName kResources[] = {
    {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
    {"memlock", RLIMIT_MEMLOCK},   {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
    {"stack", RLIMIT_STACK},       {"as", RLIMIT_AS},
    {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"rtprio", RLIMIT_RTPRIO},     {"sigpending", RLIMIT_SIGPENDING},
    {"locks", RLIMIT_LOCKS},
};

// Strict: digits of the base only, no sign, no blank, no overflow past `most`.
bool number(std::string_view text, unsigned base, unsigned long long most, unsigned long long* out) {
  if (text.empty() || text.size() > 20) return false;
  unsigned long long value = 0;
  for (char c : text) {
    if (c < '0' || c >= static_cast<char>('0' + base)) return false;
    const unsigned digit = static_cast<unsigned>(c - '0');
    if (value > (most - digit) / base) return false;
    value = value * base + digit;
  }
  *out = value;
  return true;
}

bool limit_value(std::string_view text, rlim_t* out) {
  if (text == "-1") {
    *out = RLIM_INFINITY;
    return true;
  }
  unsigned long long value = 0;
  if (!number(text, 10, RLIM_INFINITY - 1, &value)) return false;
  *out = value;
  return true;
}

bool flag(std::string_view text, bool* out) {
  if (text != "0" && text != "1") return false;
  *out = text == "1";
  return true;
}

// An absolute path without `.` or `..`, without doubled slashes, in printable characters and without a blank.
bool plain_path(std::string_view path) {
  if (path.size() < 2 || path.size() > 1024 || path[0] != '/' || path.back() == '/') return false;
  size_t start = 1;
  while (start <= path.size()) {
    size_t end = path.find('/', start);
    if (end == std::string_view::npos) end = path.size();
    const std::string_view part = path.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = end + 1;
  }
  for (unsigned char c : path)
    if (c <= ' ' || c == 0x7f) return false;
  return true;
}

bool plain_label(std::string_view label) {
  if (label.empty() || label.size() > 255) return false;
  for (char c : label) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!word && c != '_' && c != ':' && c != ',' && c != '.' && c != '-') return false;
  }
  return true;
}

// Keys that may stand at most once, as bits, so that a second one is refused.
enum Once : unsigned {
  kUuid = 1,
  kUid = 2,
  kGid = 4,
  kHome = 8,
  kCgroup = 16,
  kLabel = 32,
  kUmask = 64,
  kOom = 128,
  kNoNewPrivs = 256,
  kSeccomp = 512,
  kLandlock = 1024
};
constexpr unsigned kRequired =
    kUuid | kUid | kGid | kHome | kCgroup | kUmask | kOom | kNoNewPrivs | kSeccomp | kLandlock;

bool scalar(std::string_view key, std::string_view value, Profile* p, unsigned* bit) {
  unsigned long long n = 0;
  if (key == "uuid") {
    *bit = kUuid;
    p->uuid = value;
    return valid_gear_name(p->uuid.c_str()) && p->uuid.size() == value.size();
  }
  if (key == "uid" || key == "gid") {
    *bit = key == "uid" ? kUid : kGid;
    if (!number(value, 10, 0x7fffffff, &n) || n == 0) return false;
    if (key == "uid") p->uid = static_cast<uid_t>(n);
    else p->gid = static_cast<gid_t>(n);
    return true;
  }
  if (key == "home" || key == "cgroup") {
    *bit = key == "home" ? kHome : kCgroup;
    (key == "home" ? p->home : p->cgroup) = value;
    // A group needs a parent of its own: version 1 hierarchies use it.
    return plain_path(value) && (key == "home" || value.find('/', 1) != std::string_view::npos);
  }
  if (key == "label") {
    *bit = kLabel;
    p->label = value;
    return value.empty() || plain_label(value);
  }
  if (key == "umask") {
    *bit = kUmask;
    if (!number(value, 8, 0777, &n)) return false;
    p->umask = static_cast<mode_t>(n);
    return true;
  }
  if (key == "oom_score_adj") {
    *bit = kOom;
    const bool minus = !value.empty() && value[0] == '-';
    if (!number(minus ? value.substr(1) : value, 10, 1000, &n)) return false;
    p->oom_score_adj = minus ? -static_cast<int>(n) : static_cast<int>(n);
    return true;
  }
  if (key == "no_new_privs") return *bit = kNoNewPrivs, flag(value, &p->no_new_privs) && p->no_new_privs;
  if (key == "seccomp") return *bit = kSeccomp, flag(value, &p->seccomp);
  if (key == "landlock") return *bit = kLandlock, flag(value, &p->landlock);
  return false;
}

bool add_limit(std::string_view name, std::string_view value, Profile* p) {
  const size_t colon = value.find(':');
  if (colon == std::string_view::npos) return false;
  ProfileLimit limit{-1, 0, 0};
  for (const ResourceName& r : kResources)
    if (r.name == name) limit.resource = r.resource;
  if (limit.resource < 0) return false;
  for (const ProfileLimit& other : p->limits)
    if (other.resource == limit.resource) return false;
  if (!limit_value(value.substr(0, colon), &limit.soft) || !limit_value(value.substr(colon + 1), &limit.hard))
    return false;
  if (limit.soft > limit.hard) return false;  // RLIM_INFINITY is the largest value
  p->limits.push_back(limit);
  return true;
}

bool add_mount(std::string_view value, Profile* p) {
  const size_t blank = value.find(' ');
  if (blank == std::string_view::npos || p->mounts.size() >= kProfileEntries) return false;
  const std::string_view source = value.substr(0, blank), target = value.substr(blank + 1);
  if (!plain_path(source) || !plain_path(target)) return false;
  p->mounts.push_back({std::string(source), std::string(target)});
  return true;
}

bool add_path(std::string_view value, std::vector<std::string>* paths) {
  if ((value != "/" && !plain_path(value)) || paths->size() >= kProfileEntries) return false;
  paths->emplace_back(value);
  return true;
}

bool entry(std::string_view line, Profile* p, unsigned* seen) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = line.substr(0, equals), value = line.substr(equals + 1);
  if (key.substr(0, 7) == "rlimit.") return add_limit(key.substr(7), value, p);
  if (key == "mount") return add_mount(value, p);
  if (key == "landlock.ro") return add_path(value, &p->read_only);
  if (key == "landlock.rw") return add_path(value, &p->read_write);
  unsigned bit = 0;
  if (!scalar(key, value, p, &bit) || (*seen & bit) != 0) return false;
  *seen |= bit;
  return true;
}

}  // namespace

bool valid_gear_name(const char* name) {
  const size_t length = strnlen(name, 65);
  if (length == 0 || length > 64 || name[0] == '.' || name[0] == '-') return false;
  for (size_t i = 0; i < length; i++) {
    const char c = name[i];
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!word && c != '-' && c != '_' && c != '.') return false;
  }
  return true;
}

bool parse_profile(const char* text, size_t size, Profile* out, std::string* why) {
  if (size > kProfileBytes) {
    *why = "the confinement file is larger than 64 KiB";
    return false;
  }
  Profile p;
  unsigned seen = 0;
  size_t line_number = 0;
  std::string_view rest(text, size);
  while (!rest.empty()) {
    line_number++;
    const size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      *why = "the confinement file ends within line " + std::to_string(line_number);
      return false;
    }
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    if (!entry(line, &p, &seen)) {
      *why = "line " + std::to_string(line_number) + " of the confinement file is not valid";
      return false;
    }
  }
  if ((seen & kRequired) != kRequired) {
    *why = "the confinement file lacks a required line";
    return false;
  }
  *out = std::move(p);
  return true;
}

ProfileRead read_profile(const char* dir, const char* name, uid_t owner, Profile* out, std::string* why) {
  const auto refuse = [why](const std::string& text) {
    *why = text;
    return ProfileRead::refused;
  };
  if (!valid_gear_name(name)) return ProfileRead::absent;
  const int folder = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0)
    return errno == ENOENT ? ProfileRead::absent
                           : refuse(std::string("cannot open ") + dir + ": " + strerror(errno));
  struct stat info {};
  if (fstat(folder, &info) != 0 || info.st_uid != owner || (info.st_mode & 022) != 0) {
    close(folder);
    return refuse(std::string(dir) + " is not owned by root alone");
  }
  // O_NONBLOCK: a FIFO under this name must not hold the login.
  const int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  const int error = errno;
  close(folder);
  if (file < 0)
    return error == ENOENT ? ProfileRead::absent
                           : refuse(std::string("cannot open the confinement file: ") + strerror(error));
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode) || info.st_uid != owner ||
      (info.st_mode & 022) != 0) {
    close(file);
    return refuse("the confinement file is not a plain file of root alone");
  }
  std::string text;
  char buffer[4096];
  ssize_t n = 0;
  while ((n = read(file, buffer, sizeof buffer)) > 0 && text.size() <= kProfileBytes)
    text.append(buffer, static_cast<size_t>(n));
  close(file);
  if (n < 0) return refuse("cannot read the confinement file");
  Profile p;
  if (!parse_profile(text.data(), text.size(), &p, why)) return ProfileRead::refused;
  if (p.uuid != name) return refuse("the confinement file is of another gear");
  *out = std::move(p);
  return ProfileRead::found;
}

}  // namespace oo
