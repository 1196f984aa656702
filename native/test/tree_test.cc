// sources: beneath.cc trusted.cc read_file.cc entry.cc replace.cc durable.cc tree.cc remove_tree.cc settle.cc
// Whole trees: deep, wide, hostile, and changing while they are worked on.
#include "tree.h"

#include <dirent.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <atomic>
#include <thread>

#include "check.h"
#include "scratch.h"

using namespace oo;
using namespace oo::beneath;

namespace {

// `depth` directories one in the other, with a file in each.
void dig(int base, int depth) {
  Descriptor here(openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < depth; ++i) {
    mkdirat(here.get(), "d", 0755);
    Descriptor file(openat(here.get(), "f", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    here = Descriptor(openat(here.get(), "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
}

}  // namespace

TEST(a_tree_is_removed_with_all_kinds_of_entries_and_links_are_not_followed) {
  const Scratch scratch;
  scratch.put("outside", "keep");
  scratch.folder("kept");
  scratch.put("kept/f", "keep");
  scratch.folder("t");
  scratch.folder("t/a");
  scratch.put("t/a/f", "");
  CHECK_EQUAL(symlink("../kept", scratch.at("t/l").c_str()), 0);
  CHECK_EQUAL(symlink(scratch.at("kept").c_str(), scratch.at("t/a/l").c_str()), 0);
  CHECK_EQUAL(link(scratch.at("outside").c_str(), scratch.at("t/hard").c_str()), 0);
  CHECK_EQUAL(mkfifo(scratch.at("t/fifo").c_str(), 0600), 0);
  CHECK(!remove_tree(scratch.fd(), "t"));
  CHECK_EQUAL(scratch.look("t").st_mode, 0u);
  CHECK_EQUAL(scratch.get("outside") + scratch.get("kept/f"), "keepkeep");
  CHECK(!remove_tree(scratch.fd(), "t"));
  CHECK(!remove_tree(scratch.fd(), "none/t"));
  CHECK(!remove_tree(scratch.fd(), "outside"));
  CHECK_EQUAL(symlink("kept", scratch.at("l").c_str()), 0);
  CHECK(!remove_tree(scratch.fd(), "l"));
  CHECK_EQUAL(scratch.get("kept/f"), "keep");
}

TEST(no_depth_is_too_deep_to_remove_or_to_give_away) {
  const Scratch scratch;
  scratch.folder("t");
  Descriptor top(openat(scratch.fd(), "t", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  dig(top.get(), 3000);
  const int before = open_descriptors();
  if (is_root()) {
    CHECK(!chown_tree(scratch.fd(), "t", {1234, 1234}));
    CHECK_EQUAL(scratch.look("t/d/d/d/f").st_uid, 1234u);
    std::string deep = "t";
    for (int i = 0; i < 1000; ++i) deep += "/d";
    CHECK_EQUAL(scratch.look(deep + "/f").st_uid, 1234u);
  }
  CHECK(!remove_tree(scratch.fd(), "t"));
  CHECK_EQUAL(scratch.look("t").st_mode, 0u);
  CHECK_EQUAL(open_descriptors(), before);
}

TEST(a_large_directory_is_removed) {
  const Scratch scratch;
  scratch.folder("t");
  for (int i = 0; i < 40000; ++i) {
    Descriptor file(
        openat(scratch.fd(), ("t/" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  }
  CHECK(!remove_tree(scratch.fd(), "t"));
  CHECK_EQUAL(scratch.look("t").st_mode, 0u);
}

TEST(a_tree_is_copied_with_modes_and_owner_and_without_what_is_excluded) {
  const Scratch scratch;
  scratch.folder("s", 0750);
  scratch.folder("s/d", 01770);
  scratch.folder("s/skip");
  scratch.put("s/skip/f", "");
  scratch.put("s/d/f", std::string(300000, 'x'));
  chmod(scratch.at("s/d/f").c_str(), 04755);
  scratch.put("s/d/not", "");
  CHECK_EQUAL(symlink("/etc/shadow", scratch.at("s/l").c_str()), 0);
  CHECK_EQUAL(mkfifo(scratch.at("s/fifo").c_str(), 0600), 0);
  const Owner owner = is_root() ? Owner{1234, 1235} : Owner{geteuid(), getegid()};
  CopyOptions options;
  options.owner = &owner;
  options.exclude = {"skip", "d/not"};
  CHECK(!copy_tree(scratch.fd(), "s", scratch.fd(), "t", options));
  CHECK_EQUAL(scratch.look("t").st_mode & 07777u, 0750u);
  CHECK_EQUAL(scratch.look("t/d").st_mode & 07777u, 01770u);
  CHECK_EQUAL(scratch.look("t/d/f").st_mode & 07777u, 0755u);
  CHECK_EQUAL(scratch.look("t/d/f").st_uid, owner.uid);
  CHECK_EQUAL(scratch.get("t/d/f").size(), 300000u);
  CHECK(S_ISLNK(scratch.look("t/l").st_mode));
  CHECK_EQUAL(scratch.look("t/l").st_gid, owner.gid);
  for (const char* left_out : {"t/skip", "t/d/not", "t/fifo"})
    CHECK_EQUAL(scratch.look(left_out).st_mode, 0u);
  // Again, over what is there: files are replaced, links made new.
  scratch.put("s/d/f", "new");
  CHECK(!copy_tree(scratch.fd(), "s", scratch.fd(), "t", options));
  CHECK_EQUAL(scratch.get("t/d/f"), "new");
  CHECK(!copy_tree(scratch.fd(), "s/d/f", scratch.fd(), "single", options));
  CHECK_EQUAL(scratch.get("single"), "new");
  CHECK_EQUAL(copy_tree(scratch.fd(), "none", scratch.fd(), "x", options).error, ENOENT);
}

TEST(copies_do_not_write_through_planted_links) {
  const Scratch scratch;
  scratch.folder("s");
  scratch.put("s/f", "new");
  scratch.folder("t");
  scratch.put("victim", "old");
  CHECK_EQUAL(symlink("../victim", scratch.at("t/f").c_str()), 0);
  CHECK(!copy_tree(scratch.fd(), "s", scratch.fd(), "t", {}));
  CHECK_EQUAL(scratch.get("victim"), "old");
  CHECK_EQUAL(scratch.get("t/f"), "new");
  scratch.folder("elsewhere");
  CHECK_EQUAL(symlink("elsewhere", scratch.at("u").c_str()), 0);
  CHECK(copy_tree(scratch.fd(), "s", scratch.fd(), "u", {}));
  CHECK_EQUAL(scratch.count("elsewhere"), 0);
}

TEST(roots_files_that_a_tenant_linked_are_neither_given_away_nor_copied) {
  if (!is_root()) return;
  const Scratch scratch;
  scratch.folder("gear");
  scratch.put("shadow", "secret");
  CHECK_EQUAL(link(scratch.at("shadow").c_str(), scratch.at("gear/x").c_str()), 0);
  CHECK_EQUAL(chown(scratch.at("gear").c_str(), 1234, 1234), 0);
  const Failure failure = chown_tree(scratch.fd(), "gear", {1234, 1234});
  CHECK_EQUAL(failure.error, EMLINK);
  CHECK_EQUAL(failure.where, "x");
  CHECK_EQUAL(scratch.look("shadow").st_uid, 0u);
  CHECK_EQUAL(copy_tree(scratch.fd(), "gear", scratch.fd(), "copy", {}).error, EMLINK);
  CHECK(!remove_tree(scratch.fd(), "gear"));
  CHECK_EQUAL(scratch.get("shadow"), "secret");
}

TEST(a_mount_below_stops_every_walk) {
  if (!is_root() || unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return;
  const Scratch scratch;
  scratch.folder("t");
  scratch.folder("t/m");
  scratch.folder("host");
  scratch.put("host/f", "keep");
  CHECK_EQUAL(mount(scratch.at("host").c_str(), scratch.at("t/m").c_str(), nullptr, MS_BIND, nullptr), 0);
  const int removed = remove_tree(scratch.fd(), "t").error;
  CHECK(removed == EXDEV || removed == EBUSY);
  CHECK_EQUAL(chown_tree(scratch.fd(), "t", {1234, 1234}).error, EXDEV);
  CHECK_EQUAL(scratch.look("host").st_uid, 0u);
  CHECK_EQUAL(copy_tree(scratch.fd(), "t", scratch.fd(), "copy", {}).error, EXDEV);
  CHECK_EQUAL(scratch.get("host/f"), "keep");
  CHECK_EQUAL(umount2(scratch.at("t/m").c_str(), MNT_DETACH), 0);
}

TEST(a_tree_settles_whatever_lies_in_it) {
  const Scratch scratch;
  scratch.folder("t");
  scratch.put("t/f", "x");
  scratch.folder("t/d");
  scratch.put("t/d/g", "");
  CHECK_EQUAL(mkfifo(scratch.at("t/d/fifo").c_str(), 0600), 0);
  CHECK_EQUAL(symlink("/etc", scratch.at("t/l").c_str()), 0);
  CHECK(!settle(scratch.fd(), "t"));
  CHECK(!settle(scratch.fd(), "."));
  CHECK_EQUAL(settle(scratch.fd(), "t/l").error, ELOOP);
  CHECK_EQUAL(settle(scratch.fd(), "none").error, ENOENT);
  CHECK_EQUAL(scratch.count("t"), 3);
}

// A tenant exchanges a directory for a link to somebody else's, 20,000 times, while root works on the tree.
TEST(a_flip_race_never_reaches_what_lies_outside) {
  const Scratch scratch;
  scratch.folder("outside");
  scratch.put("outside/f", "keep");
  scratch.folder("outside/d");
  const struct stat before = scratch.look("outside/f");
  scratch.folder("gear");
  CHECK_EQUAL(symlink("../outside", scratch.at("gear/b").c_str()), 0);
  Descriptor gear(openat(scratch.fd(), "gear", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  scratch.folder("gear/a");
  scratch.put("gear/a/f", "mine");
  std::atomic<bool> done{false};
  std::thread tenant([&] {
    for (int i = 0; i < 20000; ++i) {
      syscall(SYS_renameat2, gear.get(), "a", gear.get(), "b", RENAME_EXCHANGE);
      // What root removed, the tenant makes again, where there is no link.
      mkdirat(gear.get(), "a", 0755);
      Descriptor file(openat(gear.get(), "a/g", O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    }
    done = true;
  });
  int wrong = 0;
  int rounds = 0;
  for (; !done; ++rounds) {
    std::string text;
    if (!read_file(gear.get(), "a/f", 100, &text)) wrong += text == "keep" ? 1 : 0;
    (void)write_file(gear.get(), "a/f", "mine", 4, {0604, nullptr, nullptr}, false).error;
    (void)change_mode(gear.get(), "a/f", 0606).error;
    (void)change_mode(gear.get(), "a", 0705).error;
    (void)make_directory(gear.get(), "a/d", {0707, nullptr, nullptr}, true).error;
    (void)copy_tree(gear.get(), "b", gear.get(), "copy", {}).error;
    (void)copy_tree(gear.get(), "copy", gear.get(), "a", {}).error;
    if (is_root()) (void)chown_tree(gear.get(), "a", {1234, 1234}).error;
    if (rounds % 3 == 0) (void)remove_tree(gear.get(), "a").error;
    (void)unlink_entry(gear.get(), "a/f").error;
  }
  tenant.join();
  CHECK_EQUAL(wrong, 0);
  CHECK_EQUAL(scratch.get("outside/f"), "keep");
  const struct stat after = scratch.look("outside/f");
  CHECK_EQUAL(after.st_mode, before.st_mode);
  CHECK_EQUAL(after.st_uid, before.st_uid);
  CHECK_EQUAL(after.st_ino, before.st_ino);
  CHECK_EQUAL(scratch.look("outside/d").st_mode & 07777u, 0755u);
  // The tenant itself writes `g` through whatever `a` is at that moment; root's part is f and d.
  CHECK(scratch.count("outside") <= 3);
  CHECK(rounds > 10);
}

// A tenant goes on adding files while its tree is removed: bounded, and no error but "not empty".
TEST(removal_ends_while_somebody_keeps_adding) {
  const Scratch scratch;
  scratch.folder("t");
  std::atomic<bool> stop{false};
  std::thread tenant([&] {
    for (int i = 0; !stop; ++i) {
      const std::string name = scratch.at("t/" + std::to_string(i % 50));
      mkdir(name.c_str(), 0755);
      Descriptor file(open((name + "/f").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    }
  });
  for (int i = 0; i < 20; ++i) {
    const int error = remove_tree(scratch.fd(), "t").error;
    CHECK(error == 0 || error == ENOTEMPTY);
    scratch.folder("t");
  }
  stop = true;
  tenant.join();
  CHECK(!remove_tree(scratch.fd(), "t"));
}
