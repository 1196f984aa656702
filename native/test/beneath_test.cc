// sources: beneath.cc trusted.cc read_file.cc entry.cc replace.cc durable.cc
// What a tenant may plant, and what beneath must make of it.
#include "beneath.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "check.h"
#include "scratch.h"

using namespace oo;
using namespace oo::beneath;

namespace {

Failure write(int base, const char* path, const std::string& text, mode_t mode = 0644) {
  return write_file(base, path, text.data(), text.size(), {mode, nullptr, nullptr}, true);
}

int read_error(int base, const char* path, std::string* out = nullptr) {
  std::string text;
  const Failure failure = read_file(base, path, 1 << 20, out != nullptr ? out : &text);
  return failure.error;
}

}  // namespace

TEST(paths_that_could_leave_the_directory_are_refused) {
  for (const char* bad :
       {"", "/", "/etc", "..", "../x", "a/..", "a/../b", "./a", "a/.", "a//b", "a/", "/a", "..//"}) {
    CHECK(!valid_path(bad));
  }
  for (const char* good : {".", "a", "a/b", ".a", "..a", "a..", "...", "a b", "a\nb"})
    CHECK(valid_path(good));
  CHECK(!valid_path(nullptr));
  CHECK(!valid_path(std::string(256, 'x').c_str()));
  CHECK(valid_path(std::string(255, 'x').c_str()));
  std::string deep;
  for (int i = 0; i < 2047; ++i) deep += "a/";
  CHECK(valid_path((deep + "b").c_str()));
  CHECK(!valid_path((deep + "bb").c_str()));
}

TEST(a_file_is_written_with_its_mode_and_replaced_whole) {
  const Scratch scratch;
  CHECK(!write(scratch.fd(), "f", "one", 0640));
  CHECK_EQUAL(scratch.look("f").st_mode & 07777u, 0640u);
  CHECK(!write(scratch.fd(), "f", "two", 0400));
  CHECK_EQUAL(scratch.get("f"), "two");
  CHECK_EQUAL(scratch.look("f").st_mode & 07777u, 0400u);
  CHECK_EQUAL(scratch.count("."), 1);
  CHECK(!write(scratch.fd(), "empty", ""));
  CHECK_EQUAL(scratch.look("empty").st_size, 0);
}

TEST(a_write_replaces_a_planted_link_and_never_follows_it) {
  const Scratch scratch;
  scratch.folder("gear");
  scratch.put("secret", "secret");
  CHECK_EQUAL(symlink("../secret", scratch.at("gear/state").c_str()), 0);
  CHECK(!write(scratch.fd(), "gear/state", "new"));
  CHECK_EQUAL(scratch.get("secret"), "secret");
  CHECK(S_ISREG(scratch.look("gear/state").st_mode));
  CHECK_EQUAL(::link(scratch.at("secret").c_str(), scratch.at("gear/hard").c_str()), 0);
  CHECK(!write(scratch.fd(), "gear/hard", "new"));
  CHECK_EQUAL(scratch.get("secret"), "secret");
}

TEST(a_write_over_a_directory_fails_and_leaves_nothing) {
  const Scratch scratch;
  scratch.folder("gear");
  scratch.folder("gear/d");
  scratch.put("gear/d/x", "");
  CHECK_EQUAL(write(scratch.fd(), "gear/d", "new").error, EISDIR);
  CHECK_EQUAL(scratch.count("gear"), 1);
}

TEST(links_on_the_way_are_refused_wherever_they_lead) {
  const Scratch scratch;
  scratch.folder("gear");
  scratch.folder("other");
  scratch.put("other/f", "x");
  for (const char* target : {"../other", "/etc", ".", "/proc/self/root", "/proc/self/cwd"}) {
    unlink(scratch.at("gear/way").c_str());
    CHECK_EQUAL(symlink(target, scratch.at("gear/way").c_str()), 0);
    Descriptor gear;
    CHECK(!open_directory(scratch.fd(), "gear", &gear));
    Descriptor below;
    CHECK(open_directory(gear.get(), "way", &below));
    CHECK_EQUAL(read_error(gear.get(), "way/f"), ELOOP);
    CHECK_EQUAL(write(gear.get(), "way/f", "y").error, ELOOP);
    CHECK_EQUAL(unlink_entry(gear.get(), "way/f").error, ELOOP);
    CHECK_EQUAL(make_directory(gear.get(), "way/d", {0755, nullptr, nullptr}, true).error, ELOOP);
    CHECK_EQUAL(rename_entry(gear.get(), "way/f", "f").error, ELOOP);
    CHECK_EQUAL(change_mode(gear.get(), "way/f", 0777).error, ELOOP);
    CHECK_EQUAL(change_mode(gear.get(), "way", 0777).error, ELOOP);
    CHECK_EQUAL(make_directory(gear.get(), "way", {0755, nullptr, nullptr}, true).error, EEXIST);
  }
  CHECK_EQUAL(scratch.get("other/f"), "x");
}

TEST(only_regular_files_are_read_and_nothing_blocks) {
  const Scratch scratch;
  CHECK_EQUAL(mkfifo(scratch.at("fifo").c_str(), 0666), 0);
  CHECK_EQUAL(read_error(scratch.fd(), "fifo"), EINVAL);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", scratch.at("socket").c_str());
  CHECK_EQUAL(bind(listener, reinterpret_cast<struct sockaddr*>(&address), sizeof(address)), 0);
  CHECK_EQUAL(read_error(scratch.fd(), "socket"), EINVAL);
  close(listener);
  scratch.folder("d");
  CHECK_EQUAL(read_error(scratch.fd(), "d"), EISDIR);
  CHECK_EQUAL(symlink("/etc/passwd", scratch.at("l").c_str()), 0);
  CHECK_EQUAL(read_error(scratch.fd(), "l"), ELOOP);
  CHECK_EQUAL(read_error(scratch.fd(), "none"), ENOENT);
  if (is_root() && mknod(scratch.at("null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0) {
    CHECK_EQUAL(read_error(scratch.fd(), "null"), EINVAL);
  }
}

TEST(a_read_stops_at_its_limit) {
  const Scratch scratch;
  scratch.put("f", std::string(1000, 'x'));
  std::string text;
  CHECK_EQUAL(read_file(scratch.fd(), "f", 999, &text).error, EFBIG);
  CHECK_EQUAL(read_file(scratch.fd(), "f", 1000, &text).error, 0);
  CHECK_EQUAL(text.size(), 1000u);
  CHECK_EQUAL(read_file(scratch.fd(), "f", 0, &text).error, EFBIG);
  scratch.put("empty", "");
  CHECK_EQUAL(read_file(scratch.fd(), "empty", 0, &text).error, 0);
  CHECK_EQUAL(text.size(), 0u);
}

TEST(a_file_that_says_zero_and_holds_more_is_read_whole) {
  Descriptor proc;
  CHECK(!open_trusted("/proc/self", &proc));  // its files have size 0
  std::string text;
  CHECK(!read_file(proc.get(), "status", 1 << 20, &text));
  CHECK(text.find("Name:") != std::string::npos);
  CHECK_EQUAL(read_file(proc.get(), "status", 10, &text).error, EFBIG);
}

TEST(roots_file_under_a_second_name_that_others_could_give_is_left_alone) {
  if (!is_root()) return;
  const Scratch scratch;
  scratch.folder("gear");
  CHECK_EQUAL(chown(scratch.at("gear").c_str(), 1234, 1234), 0);
  scratch.put("shadow", "secret");
  CHECK_EQUAL(::link(scratch.at("shadow").c_str(), scratch.at("gear/env").c_str()), 0);
  CHECK_EQUAL(read_error(scratch.fd(), "gear/env"), EMLINK);
  CHECK_EQUAL(change_owner(scratch.fd(), "gear/env", {1234, 1234}).error, EMLINK);
  CHECK_EQUAL(change_mode(scratch.fd(), "gear/env", 0666).error, EMLINK);
  CHECK_EQUAL(change_label(scratch.fd(), "gear/env", "a:b:c:s0").error, EMLINK);
  CHECK_EQUAL(scratch.look("shadow").st_uid, 0u);
  // In root's own directory nobody else can have made the second name; a tenant's own file is the tenant's
  // matter.
  CHECK_EQUAL(::link(scratch.at("shadow").c_str(), scratch.at("second").c_str()), 0);
  CHECK_EQUAL(read_error(scratch.fd(), "second"), 0);
  scratch.put("gear/own", "x");
  CHECK_EQUAL(chown(scratch.at("gear/own").c_str(), 1234, 1234), 0);
  CHECK_EQUAL(::link(scratch.at("gear/own").c_str(), scratch.at("gear/own2").c_str()), 0);
  CHECK_EQUAL(read_error(scratch.fd(), "gear/own2"), 0);
}

TEST(owner_and_label_are_those_of_the_link_itself) {
  if (!is_root()) return;
  const Scratch scratch;
  scratch.put("target", "");
  const Owner owner = {1234, 1235};
  CHECK(!make_symlink(scratch.fd(), "target", "link", &owner));
  CHECK_EQUAL(scratch.look("link").st_uid, 1234u);
  CHECK(!change_owner(scratch.fd(), "link", {77, 78}));
  CHECK_EQUAL(scratch.look("link").st_gid, 78u);
  CHECK_EQUAL(scratch.look("target").st_uid, 0u);
  std::string text;
  CHECK(!read_symlink(scratch.fd(), "link", &text));
  CHECK_EQUAL(text, "target");
  CHECK_EQUAL(read_symlink(scratch.fd(), "target", &text).error, EINVAL);
  CHECK(!read_label(scratch.fd(), "link", &text));
  const std::string before = text;
  if (!change_label(scratch.fd(), "link", "system_u:object_r:etc_t:s0")) {
    CHECK(!read_label(scratch.fd(), "link", &text));
    CHECK_EQUAL(text, "system_u:object_r:etc_t:s0");
    CHECK(!read_label(scratch.fd(), "target", &text));
    CHECK(text != "system_u:object_r:etc_t:s0" || before == text);
  }
}

TEST(a_new_directory_gets_all_its_attributes_or_is_not_there) {
  const Scratch scratch;
  const Owner owner = {geteuid(), getegid()};
  CHECK(!make_directory(scratch.fd(), "d", {01770, &owner, nullptr}, false));
  CHECK_EQUAL(scratch.look("d").st_mode & 07777u, 01770u);
  CHECK_EQUAL(make_directory(scratch.fd(), "d", {0700, nullptr, nullptr}, false).error, EEXIST);
  CHECK(!make_directory(scratch.fd(), "d", {0711, nullptr, nullptr}, true));
  CHECK_EQUAL(scratch.look("d").st_mode & 07777u, 0711u);
  scratch.put("file", "");
  CHECK_EQUAL(make_directory(scratch.fd(), "file", {0711, nullptr, nullptr}, true).error, EEXIST);
  CHECK_EQUAL(make_directory(scratch.fd(), "no/d", {0711, nullptr, nullptr}, true).error, ENOENT);
}

TEST(a_directory_is_listed_with_types) {
  const Scratch scratch;
  scratch.put("f", "");
  scratch.folder("d");
  CHECK_EQUAL(symlink("x", scratch.at("l").c_str()), 0);
  std::vector<ListedEntry> entries;
  CHECK(!list_directory(scratch.fd(), ".", 10, &entries));
  CHECK_EQUAL(entries.size(), 3u);
  for (const ListedEntry& entry : entries) {
    const unsigned char wanted = entry.name == "f" ? DT_REG : entry.name == "d" ? DT_DIR : DT_LNK;
    CHECK_EQUAL(static_cast<int>(entry.type), static_cast<int>(wanted));
  }
  entries.clear();
  CHECK_EQUAL(list_directory(scratch.fd(), ".", 2, &entries).error, EOVERFLOW);
}

TEST(a_trusted_directory_is_one_that_only_root_can_replace) {
  const Scratch scratch;
  scratch.folder("safe");
  scratch.folder("safe/below");
  Descriptor out;
  CHECK(!open_trusted(scratch.at("safe/below").c_str(), &out));
  CHECK(!open_trusted((scratch.path() + "//safe/./below/").c_str(), &out));
  CHECK_EQUAL(symlink("safe", scratch.at("own-link").c_str()), 0);
  CHECK(!open_trusted(scratch.at("own-link/below").c_str(), &out));
  CHECK_EQUAL(symlink("loop", scratch.at("loop").c_str()), 0);
  CHECK_EQUAL(open_trusted(scratch.at("loop").c_str(), &out).error, ELOOP);
  CHECK_EQUAL(open_trusted("relative", &out).error, EINVAL);
  CHECK_EQUAL(open_trusted(scratch.at("none").c_str(), &out).error, ENOENT);
  scratch.put("file", "");
  CHECK_EQUAL(open_trusted(scratch.at("file").c_str(), &out).error, ENOTDIR);
  scratch.folder("safe", 0777);
  CHECK_EQUAL(open_trusted(scratch.at("safe/below").c_str(), &out).error, EPERM);
  CHECK(!open_trusted(scratch.at("safe").c_str(), &out));
  scratch.folder("safe", 01777);
  CHECK(!open_trusted(scratch.at("safe/below").c_str(), &out));
  if (!is_root()) return;
  CHECK_EQUAL(chown(scratch.at("safe/below").c_str(), 1234, 1234), 0);
  CHECK_EQUAL(open_trusted(scratch.at("safe/below").c_str(), &out).error, EPERM);
  CHECK_EQUAL(lchown(scratch.at("own-link").c_str(), 1234, 1234), 0);
  CHECK_EQUAL(chmod(scratch.path().c_str(), 01777), 0);
  CHECK_EQUAL(open_trusted(scratch.at("own-link").c_str(), &out).error, EPERM);
  // A gear's own directory, in a directory of root's.
  scratch.folder("safe", 0750);
  CHECK(!open_trusted(scratch.at("safe/below").c_str(), &out));
  CHECK_EQUAL(chown(scratch.at("safe").c_str(), 1234, 1234), 0);
  CHECK_EQUAL(open_trusted(scratch.at("safe/below").c_str(), &out).error, EPERM);
}

TEST(no_descriptor_is_left_by_success_or_failure) {
  const Scratch scratch;
  const int before = open_descriptors();
  scratch.folder("d");
  std::string text;
  for (int round = 0; round < 3; ++round) {
    (void)write(scratch.fd(), "d/f", "x").error;
    (void)write(scratch.fd(), "none/f", "x").error;
    (void)read_error(scratch.fd(), "d/f");
    (void)read_error(scratch.fd(), "d");
    (void)make_directory(scratch.fd(), "d/e", {0700, nullptr, nullptr}, true).error;
    (void)rename_entry(scratch.fd(), "d/f", "none/f").error;
    (void)change_mode(scratch.fd(), "d/none", 0600).error;
    (void)remove_directory(scratch.fd(), "d").error;
    Descriptor out;
    (void)open_trusted(scratch.at("d/f").c_str(), &out).error;
  }
  CHECK_EQUAL(open_descriptors(), before);
}
