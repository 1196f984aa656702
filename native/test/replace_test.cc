// sources: beneath.cc trusted.cc read_file.cc entry.cc replace.cc durable.cc
// An atomic write that is killed, that runs out of room, and that others read meanwhile.
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "beneath.h"
#include "check.h"
#include "scratch.h"

using namespace oo;
using namespace oo::beneath;

namespace {

Failure write(int base, const char* path, const std::string& text, bool sync = true) {
  return write_file(base, path, text.data(), text.size(), {0644, nullptr, nullptr}, sync);
}

bool enter_own_mounts() {
  return is_root() && unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// One letter throughout, and of one of the two lengths: never a mixture, never half.
bool is_whole(const std::string& text) {
  if (text.empty()) return false;
  const size_t wanted = text[0] == 'a' ? 200000u : 70000u;
  return text.size() == wanted && text.find_first_not_of(text[0]) == std::string::npos;
}

}  // namespace

TEST(a_kill_in_the_middle_leaves_the_old_or_the_new_content) {
  const Scratch scratch;
  const std::string contents[] = {std::string(200000, 'a'), std::string(70000, 'b')};
  CHECK(!write(scratch.fd(), "f", contents[0]));
  int stray = 0;
  for (int round = 0; round < 60; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (int i = 1;; ++i) (void)write(scratch.fd(), "f", contents[i % 2], false).error;
    }
    usleep(static_cast<useconds_t>(1500 + round * 71));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    CHECK(is_whole(scratch.get("f")));
    stray += scratch.count(".") - 1;
    if (system(("rm -f " + scratch.at(".oo-new-*")).c_str()) != 0) abort();
  }
  // The new file has a name of its own only for the moment between link and rename.
  CHECK(stray <= 15);
}

TEST(a_reader_never_sees_half_a_file) {
  const Scratch scratch;
  const std::string contents[] = {std::string(200000, 'a'), std::string(70000, 'b')};
  CHECK(!write(scratch.fd(), "f", contents[0]));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 1; !stop; ++i) (void)write(scratch.fd(), "f", contents[i % 2], false).error;
  });
  int half = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    if (read_file(scratch.fd(), "f", 1 << 20, &text) || !is_whole(text)) ++half;
  }
  stop = true;
  writer.join();
  CHECK_EQUAL(half, 0);
}

TEST(a_full_disk_leaves_the_old_file_and_nothing_else) {
  if (!enter_own_mounts()) return;
  const Scratch scratch;
  scratch.folder("small");
  if (mount("oo", scratch.at("small").c_str(), "tmpfs", 0, "size=128k,nr_inodes=5") != 0) return;
  Descriptor small(open(scratch.at("small").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK(!write(small.get(), "f", "old"));
  CHECK_EQUAL(write(small.get(), "f", std::string(400000, 'x')).error, ENOSPC);
  CHECK_EQUAL(scratch.get("small/f"), "old");
  CHECK_EQUAL(scratch.count("small"), 1);
  for (int i = 0; i < 3; ++i) (void)write(small.get(), ("g" + std::to_string(i)).c_str(), "").error;
  CHECK_EQUAL(write(small.get(), "more", "").error, ENOSPC);
  CHECK_EQUAL(make_directory(small.get(), "d", {0700, nullptr, nullptr}, false).error, ENOSPC);
  CHECK_EQUAL(scratch.get("small/f"), "old");
  CHECK_EQUAL(scratch.count("small"), 4);
  umount2(scratch.at("small").c_str(), MNT_DETACH);
}

TEST(a_read_only_file_system_is_named_as_such) {
  if (!enter_own_mounts()) return;
  const Scratch scratch;
  scratch.folder("fixed");
  if (mount("oo", scratch.at("fixed").c_str(), "tmpfs", MS_RDONLY, "size=64k") != 0) return;
  Descriptor fixed(open(scratch.at("fixed").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CHECK_EQUAL(write(fixed.get(), "f", "x").error, EROFS);
  umount2(scratch.at("fixed").c_str(), MNT_DETACH);
}

TEST(owner_mode_and_set_id_bits_are_exactly_those_asked_for) {
  const Scratch scratch;
  umask(0077);
  const Owner owner = is_root() ? Owner{1234, 1235} : Owner{geteuid(), getegid()};
  CHECK(!write_file(scratch.fd(), "f", "x", 1, {06755, &owner, nullptr}, true));
  CHECK_EQUAL(scratch.look("f").st_mode & 07777u, 06755u);
  CHECK_EQUAL(scratch.look("f").st_uid, owner.uid);
  CHECK_EQUAL(scratch.look("f").st_gid, owner.gid);
  umask(0022);
}
