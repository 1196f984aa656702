// The confinement file: what is read, and above all what is refused.

// sources: profile.cc

#include "../profile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "profile_text.h"

static bool accepts(const std::string& text) {
  oo::Profile profile;
  std::string why;
  return oo::parse_profile(text.data(), text.size(), &profile, &why);
}

static std::string replaced(const std::string& from, const std::string& to) {
  std::string text = kProfileText;
  const size_t at = text.find(from);
  CHECK(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST(a_whole_file_is_read) {
  oo::Profile p;
  std::string why;
  const std::string text = kProfileText;
  CHECK(oo::parse_profile(text.data(), text.size(), &p, &why));
  CHECK_EQUAL(why, std::string());
  CHECK_EQUAL(p.uuid, std::string("cc9beb39785a45b9b97bdc6951fc8dbf"));
  CHECK_EQUAL(p.uid, 507U);
  CHECK_EQUAL(p.umask, 077U);
  CHECK_EQUAL(p.oom_score_adj, -10);
  CHECK_EQUAL(p.label, std::string("system_u:system_r:openshift_t:s0:c0,c507"));
  CHECK_EQUAL(p.limits.size(), 2U);
  CHECK_EQUAL(p.limits[1].soft, 0U);
  CHECK_EQUAL(p.limits[1].hard, RLIM_INFINITY);
  CHECK_EQUAL(p.mounts.size(), 1U);
  CHECK_EQUAL(p.mounts[0].target, std::string("/tmp"));
  CHECK(p.no_new_privs && p.seccomp && !p.landlock);
  CHECK_EQUAL(p.read_only.size(), 2U);
  CHECK_EQUAL(p.read_write.size(), 1U);
}

TEST(a_missing_or_doubled_line_is_refused) {
  for (const char* line : {"uid=507\n", "gid=507\n", "umask=077\n", "oom_score_adj=-10\n", "no_new_privs=1\n",
                           "seccomp=1\n", "landlock=0\n", "uuid=cc9beb39785a45b9b97bdc6951fc8dbf\n"}) {
    CHECK(!accepts(replaced(line, "")));
    CHECK(!accepts(replaced(line, std::string(line) + line)));
  }
  CHECK(accepts(replaced("label=system_u:system_r:openshift_t:s0:c0,c507\n", "")));
  CHECK(accepts(replaced("label=system_u:system_r:openshift_t:s0:c0,c507\n", "label=\n")));
  CHECK(!accepts(replaced("rlimit.core=0:-1\n", "rlimit.nproc=1:1\n")));
}

TEST(values_that_would_do_harm_are_refused) {
  const char* const bad[][2] = {{"uid=507", "uid=0"},
                                {"uid=507", "uid=-1"},
                                {"uid=507", "uid=4294967296"},
                                {"uid=507", "uid=507 "},
                                {"uid=507", "uid="},
                                {"gid=507", "gid=0"},
                                {"no_new_privs=1", "no_new_privs=0"},
                                {"umask=077", "umask=1000"},
                                {"umask=077", "umask=08"},
                                {"oom_score_adj=-10", "oom_score_adj=-1001"},
                                {"oom_score_adj=-10", "oom_score_adj=--1"},
                                {"seccomp=1", "seccomp=yes"},
                                {"nproc=250:250", "nproc=250:249"},
                                {"nproc=250:250", "nproc=250"},
                                {"nproc=250:250", "nproc=-1:250"},
                                {"nproc=250:250", "nproc=-2:250"},
                                {"rlimit.core", "rlimit.bogus"},
                                {".tmp/tmp /tmp", ".tmp/../tmp /tmp"},
                                {".tmp/tmp /tmp", ".tmp/tmp tmp"},
                                {".tmp/tmp /tmp", ".tmp/tmp"},
                                {".tmp/tmp /tmp", ".tmp/tmp /tmp x"},
                                {"fc8dbf/gear", "fc8dbf/../gear"},
                                {"cgroup=/openshift", "cgroup=openshift"},
                                {"landlock.ro=/usr", "landlock.ro=usr"},
                                {"landlock.ro=/usr", "landlock.ro=/usr//lib"},
                                {"landlock.ro=/usr", "landlock.xx=/usr"},
                                {"label=system_u", "label=sys tem_u"},
                                {"seccomp=1\n", "seccomp=1\n\n"},
                                {"seccomp=1\n", "seccomp=1\n# x\n"},
                                {"uuid=cc9b", "uuid=../b"},
                                {"uuid=cc9b", "uuid=-c9b"}};
  for (const auto& pair : bad) {
    if (accepts(replaced(pair[0], pair[1])))
      check::Report(__FILE__, __LINE__, std::string("accepted: ") + pair[1]);
  }
}

TEST(a_cut_or_oversized_file_is_refused) {
  const std::string text = kProfileText;
  for (size_t size = 0; size < text.size(); size++) {
    const std::string part = text.substr(0, size);
    // The optional lines at the end may be missing, but never be cut within.
    if (size == 0 || part.back() != '\n') CHECK(!accepts(part));
  }
  std::string large = text;
  while (large.size() <= oo::kProfileBytes) large += "landlock.ro=/usr\n";
  CHECK(!accepts(large));
  std::string many = text;
  for (size_t i = 0; i <= oo::kProfileEntries; i++) many += "landlock.ro=/a\n";
  CHECK(!accepts(many));
  CHECK(!accepts(text + std::string("label\0=x\n", 9)));
}

namespace {

struct Folder {
  char path[64] = "/tmp/oo-profile-XXXXXX";
  Folder() { CHECK(mkdtemp(path) != nullptr); }
  ~Folder() {
    for (const char* name : {"/cc9beb39785a45b9b97bdc6951fc8dbf", "/other"})
      unlink((std::string(path) + name).c_str());
    rmdir(path);
  }
  std::string file(const char* name = "cc9beb39785a45b9b97bdc6951fc8dbf") {
    return std::string(path) + "/" + name;
  }
  void write(const std::string& name, const std::string& text) {
    const int fd = open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0640);
    CHECK(fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    close(fd);
  }
  oo::ProfileRead read(const char* name = "cc9beb39785a45b9b97bdc6951fc8dbf", uid_t owner = getuid()) {
    oo::Profile profile;
    std::string why;
    return oo::read_profile(path, name, owner, &profile, &why);
  }
};

}  // namespace

TEST(only_a_plain_file_of_its_owner_alone_is_read) {
  Folder folder;
  CHECK(folder.read() == oo::ProfileRead::absent);
  folder.write(folder.file(), kProfileText);
  CHECK(folder.read() == oo::ProfileRead::found);
  CHECK(folder.read("../x") == oo::ProfileRead::absent);
  CHECK(folder.read("cc9beb39785a45b9b97bdc6951fc8dbf", getuid() + 1) == oo::ProfileRead::refused);
  chmod(folder.file().c_str(), 0660);
  CHECK(folder.read() == oo::ProfileRead::refused);
  chmod(folder.file().c_str(), 0640);
  chmod(folder.path, 0777);
  CHECK(folder.read() == oo::ProfileRead::refused);
  chmod(folder.path, 0711);
  CHECK(folder.read() == oo::ProfileRead::found);
}

TEST(a_link_a_fifo_and_another_gears_file_are_refused) {
  Folder folder;
  folder.write(folder.file("other"), kProfileText);
  CHECK(folder.read("other") == oo::ProfileRead::refused);
  CHECK(symlink(folder.file("other").c_str(), folder.file().c_str()) == 0);
  CHECK(folder.read() == oo::ProfileRead::refused);
  unlink(folder.file().c_str());
  CHECK(mkfifo(folder.file().c_str(), 0640) == 0);
  CHECK(folder.read() == oo::ProfileRead::refused);
}
