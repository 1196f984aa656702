// sources: accounts.cc account_lookup.cc account_file.cc account_lines.cc beneath.cc trusted.cc read_file.cc entry.cc replace.cc durable.cc
// Account files in a scratch folder: what is added, what is refused, what a kill leaves, and who waits for whom.
#include "accounts.h"

#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include <thread>

#include "account_file.h"
#include "check.h"
#include "scratch.h"

using namespace oo;

namespace {

const char* const kFiles[] = {"passwd", "group", "shadow", "gshadow"};

void fill(const Scratch& scratch) {
  scratch.put("passwd", "root:x:0:0:root:/root:/bin/bash\nbob:x:1001:1001::/home/bob:/bin/sh\n");
  scratch.put("group", "root:x:0:\nbob:x:1001:\nstaff:x:1003:bob,g1,ann\n");
  scratch.put("shadow", "root:*:1:0:99999:7:::\nbob:!:1::::::\n");
  scratch.put("gshadow", "root:*::\nbob:!::\nstaff:!:g1:g1,ann\n");
}

std::string all(const Scratch& scratch) {
  std::string text;
  for (const char* file : kFiles) text += scratch.get(file) + "--\n";
  return text;
}

accounts::Request request(const std::string& name, uint32_t uid = 0) {
  accounts::Request out;
  out.name = name;
  out.has_uid = uid != 0;
  out.uid = uid;
  out.first = 1000;
  out.last = 1009;
  out.gecos = "guest";
  out.home = "/h/" + name;
  out.shell = "/s";
  return out;
}

Failure add_all(const Scratch& scratch, const std::vector<accounts::Request>& requests,
                std::vector<accounts::Account>* added = nullptr, int wait = 15000) {
  std::vector<accounts::Batch> batches(1);
  batches[0].requests = requests;
  if (Failure failure = accounts::add(scratch.path().c_str(), &batches, wait)) return failure;
  if (added != nullptr) *added = batches[0].added;
  return batches[0].failure;
}

void same(const Failure& failure, int error, const char* step) {
  CHECK_EQUAL(failure.error, error);
  CHECK_EQUAL(std::string(failure.step), step);
}

}  // namespace

TEST(an_account_is_in_all_four_files_and_gone_from_all) {
  const Scratch scratch;
  fill(scratch);
  const std::string before = all(scratch);
  std::vector<accounts::Account> added;
  CHECK(!add_all(scratch, {request("g9")}, &added));
  CHECK_EQUAL(added.size(), 1u);
  CHECK_EQUAL(added[0].uid, 1000u);
  CHECK(scratch.get("passwd").find("\ng9:x:1000:1000:guest:/h/g9:/s\n") != std::string::npos);
  CHECK(scratch.get("group").find("\ng9:x:1000:\n") != std::string::npos);
  CHECK(scratch.get("gshadow").find("\ng9:!::\n") != std::string::npos);
  CHECK(scratch.get("shadow").find("\ng9:!:" + std::to_string(time(nullptr) / 86400) + "::::::\n") !=
        std::string::npos);
  CHECK(!accounts::remove(scratch.path().c_str(), {"g9"}));
  CHECK_EQUAL(all(scratch), before);
  CHECK(!accounts::remove(scratch.path().c_str(), {"g9", "nobody-has-this"}));
  CHECK_EQUAL(scratch.count("."), 5);  // and the lock file
}

TEST(the_lowest_id_free_in_both_files_is_taken_and_given_back) {
  const Scratch scratch;
  fill(scratch);
  std::vector<accounts::Account> added;
  CHECK(!add_all(scratch, {request("g1"), request("g2"), request("g3")}, &added));
  CHECK_EQUAL(added[0].uid, 1000u);
  CHECK_EQUAL(added[1].uid, 1002u);
  CHECK_EQUAL(added[2].uid, 1004u);  // 1003 is a group
  CHECK(!accounts::remove(scratch.path().c_str(), {"g2"}));
  CHECK(!add_all(scratch, {request("g4")}, &added));
  CHECK_EQUAL(added[0].uid, 1002u);
  CHECK(!add_all(scratch, {request("a"), request("b"), request("c"), request("d"), request("e")}));
  const std::string full = all(scratch);
  same(add_all(scratch, {request("f")}), ENOSPC, "uid-range");
  CHECK_EQUAL(all(scratch), full);
}

TEST(a_taken_name_or_number_is_refused_and_nothing_changes) {
  const Scratch scratch;
  fill(scratch);
  const std::string before = all(scratch);
  same(add_all(scratch, {request("bob")}), EEXIST, "passwd");
  same(add_all(scratch, {request("staff")}), EEXIST, "left-over");
  same(add_all(scratch, {request("x", 1001)}), EADDRINUSE, "uid");
  same(add_all(scratch, {request("x", 1003)}), EADDRINUSE, "uid");
  same(add_all(scratch, {request("x"), request("x")}), EEXIST, "passwd");
  same(add_all(scratch, {request("x", 1500), request("y", 1500)}), EADDRINUSE, "uid");
  same(add_all(scratch, {request("x"), request("bob")}), EEXIST, "passwd");
  CHECK_EQUAL(all(scratch), before);
}

TEST(one_batch_that_fails_is_no_other_batchs_failure) {
  const Scratch scratch;
  fill(scratch);
  std::vector<accounts::Batch> batches(4);
  batches[0].requests = {request("a")};
  batches[1].requests = {request("b"), request("bob")};
  batches[2].requests = {request("b"), request("c")};
  batches[3].requests = {request("a")};
  CHECK(!accounts::add(scratch.path().c_str(), &batches));
  CHECK_EQUAL(batches[0].added[0].uid, 1000u);
  same(batches[1].failure, EEXIST, "passwd");
  CHECK_EQUAL(batches[2].added[0].uid, 1002u);
  CHECK_EQUAL(batches[2].added[1].uid, 1004u);
  same(batches[3].failure, EEXIST, "passwd");
  CHECK(scratch.get("passwd").find("\nb:x:1002:") != std::string::npos);
}

TEST(what_cannot_stand_in_a_line_is_refused) {
  const Scratch scratch;
  fill(scratch);
  const std::string before = all(scratch);
  for (const std::string& name :
       {std::string(), std::string("-x"), std::string("a:b"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("../x"), std::string("a/b"), std::string("a b"), std::string("+x"),
        std::string("\xc3\xa9"), std::string(65, 'x'), std::string(".")}) {
    same(add_all(scratch, {request(name)}), EINVAL, "name");
    CHECK_EQUAL(accounts::remove(scratch.path().c_str(), {name}).error, EINVAL);
  }
  accounts::Request bad = request("x");
  bad.gecos = "a\nroot2:x:0:0::/:/bin/sh";
  same(add_all(scratch, {bad}), EINVAL, "gecos");
  bad = request("x");
  bad.home = "relative";
  same(add_all(scratch, {bad}), EINVAL, "home");
  bad = request("x");
  bad.shell = "/bin/sh:";
  same(add_all(scratch, {bad}), EINVAL, "shell");
  bad = request("x");
  bad.has_uid = true;
  for (const uint32_t uid : {0u, 65535u, 4294967295u}) {
    bad.uid = uid;
    same(add_all(scratch, {bad}), EINVAL, "uid");
  }
  bad = request("x");
  bad.last = 999;
  same(add_all(scratch, {bad}), EINVAL, "uid");
  bad.first = 0;
  same(add_all(scratch, {bad}), EINVAL, "uid");
  CHECK_EQUAL(all(scratch), before);
}

TEST(left_overs_of_an_unfinished_change_are_removed_wherever_they_are) {
  for (int mask = 0; mask < 16; ++mask) {
    const Scratch scratch;
    fill(scratch);
    const std::string before = all(scratch);
    for (int file = 0; file < 4; ++file) {
      if ((mask & (1 << file)) != 0)
        scratch.put(kFiles[file], scratch.get(kFiles[file]) + "g9:x:1005:1005:::\n");
    }
    scratch.put("passwd+", "half");
    const Failure failure = add_all(scratch, {request("g9")});
    if (mask != 0) same(failure, EEXIST, (mask & 1) != 0 ? "passwd" : "left-over");
    CHECK(!accounts::remove(scratch.path().c_str(), {"g9"}));
    CHECK_EQUAL(all(scratch), before);
    CHECK_EQUAL(scratch.look("passwd+").st_mode, 0u);
  }
}

TEST(members_of_other_groups_go_with_the_account) {
  const Scratch scratch;
  fill(scratch);
  CHECK(!accounts::remove(scratch.path().c_str(), {"g1"}));
  CHECK(scratch.get("group").find("staff:x:1003:bob,ann\n") != std::string::npos);
  CHECK(scratch.get("gshadow").find("staff:!::ann\n") != std::string::npos);
}

TEST(files_without_shadow_are_edited_too_and_odd_ones_are_refused) {
  const Scratch scratch;
  fill(scratch);
  unlink(scratch.at("shadow").c_str());
  unlink(scratch.at("gshadow").c_str());
  CHECK(!add_all(scratch, {request("g9")}));
  CHECK(scratch.get("passwd").find("g9:*:1000:") != std::string::npos);
  CHECK_EQUAL(scratch.look("shadow").st_mode, 0u);
  CHECK(!accounts::remove(scratch.path().c_str(), {"g9"}));
  CHECK_EQUAL(symlink("/etc/shadow", scratch.at("shadow").c_str()), 0);
  CHECK_EQUAL(add_all(scratch, {request("g9")}).error, ELOOP);
  unlink(scratch.at("shadow").c_str());
  CHECK_EQUAL(mkfifo(scratch.at("shadow").c_str(), 0600), 0);
  CHECK_EQUAL(add_all(scratch, {request("g9")}).error, EINVAL);
  unlink(scratch.at("shadow").c_str());
  unlink(scratch.at("passwd").c_str());
  CHECK_EQUAL(add_all(scratch, {request("g9")}).error, ENOENT);
}

TEST(mode_owner_and_attributes_of_the_files_are_kept) {
  const Scratch scratch;
  fill(scratch);
  chmod(scratch.at("shadow").c_str(), 0640);
  if (is_root()) CHECK_EQUAL(chown(scratch.at("shadow").c_str(), 0, 42), 0);
  const bool labels = setxattr(scratch.at("shadow").c_str(), "user.oo", "v", 1, 0) == 0;
  CHECK(!add_all(scratch, {request("g9")}));
  CHECK_EQUAL(scratch.look("shadow").st_mode & 07777u, 0640u);
  if (is_root()) CHECK_EQUAL(scratch.look("shadow").st_gid, 42u);
  char value[8];
  if (labels) CHECK_EQUAL(getxattr(scratch.at("shadow").c_str(), "user.oo", value, sizeof(value)), 1);
}

TEST(the_lock_is_given_back_though_a_child_holds_a_copy_of_its_descriptor) {
  const Scratch scratch;
  fill(scratch);
  accounts::AccountLock lock;
  CHECK(!lock.take(scratch.fd(), 0));
  const pid_t child = fork();  // as a launch whose child has not got to its exec
  if (child == 0) {
    pause();
    _exit(0);
  }
  lock.release();
  same(add_all(scratch, {request("g9")}, nullptr, 0), 0, "");
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(the_lock_is_waited_for_and_given_up_in_time) {
  const Scratch scratch;
  fill(scratch);
  // As lckpwdf(3) takes it: a plain fcntl lock, here of another process.
  const pid_t holder = fork();
  if (holder == 0) {
    const int file = open(scratch.at(".pwd.lock").c_str(), O_RDWR | O_CREAT, 0600);
    struct flock whole = {};
    whole.l_type = F_WRLCK;
    if (fcntl(file, F_SETLK, &whole) != 0) _exit(1);
    scratch.put("held", "");
    usleep(400 * 1000);
    _exit(0);
  }
  while (scratch.look("held").st_mode == 0) usleep(1000);
  same(add_all(scratch, {request("g9")}, nullptr, 50), EBUSY, "lock");
  CHECK(!add_all(scratch, {request("g9")}));
  int status = -1;
  waitpid(holder, &status, 0);
  CHECK_EQUAL(status, 0);
}

TEST(threads_do_not_lose_each_others_accounts) {
  const Scratch scratch;
  fill(scratch);
  std::vector<std::thread> threads;
  for (uint32_t thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&scratch, thread] {
      for (uint32_t i = 0; i < 10; ++i) {
        CHECK(!add_all(scratch, {request("t" + std::to_string(thread) + "-" + std::to_string(i),
                                         2000 + thread * 10 + i)}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string passwd = scratch.get("passwd");
  int lines = 0;
  for (const char c : passwd) lines += c == '\n' ? 1 : 0;
  CHECK_EQUAL(lines, 42);
}

// Killed anywhere, 60 times: every file is whole, and one removal makes all as it was.
TEST(a_kill_at_any_moment_is_repaired_by_removal) {
  const Scratch scratch;
  fill(scratch);
  std::string big = scratch.get("passwd");
  for (int i = 0; i < 3000; ++i)
    big += "u" + std::to_string(i) + ":x:" + std::to_string(5000 + i) + ":100::/h:/s\n";
  scratch.put("passwd", big);
  const std::string before = all(scratch);
  int between = 0;
  for (int round = 0; round < 60; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      for (;;) {
        (void)add_all(scratch, {request("g9")}).error;
        (void)accounts::remove(scratch.path().c_str(), {"g9"}).error;
      }
    }
    usleep(static_cast<useconds_t>(2000 + round * 137));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    const bool whole = (all(scratch) == before);
    between += whole ? 0 : 1;
    for (const char* file : kFiles) CHECK_EQUAL(scratch.get(file).back(), '\n');
    CHECK(!accounts::remove(scratch.path().c_str(), {"g9"}));
    CHECK_EQUAL(all(scratch) == before, true);
    for (const char* file : kFiles) CHECK_EQUAL(scratch.look(std::string(file) + "+").st_mode, 0u);
  }
  CHECK(between > 0);
}

TEST(a_full_disk_changes_nothing) {
  if (!is_root() || unshare(CLONE_NEWNS) != 0 ||
      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return;
  const Scratch outer;
  outer.folder("etc");
  if (mount("oo", outer.at("etc").c_str(), "tmpfs", 0, "size=64k") != 0) return;
  const auto put = [&](const char* name, const std::string& text) {
    outer.put(std::string("etc/") + name, text);
  };
  put("passwd", "root:x:0:0::/:/s\n" + std::string(20000, '#') + "\n");
  put("group", "root:x:0:\n");
  put("shadow", "root:*:1::::::\n");
  put("gshadow", "root:*::\n");
  std::vector<accounts::Batch> batches(1);
  batches[0].requests = {request("g9")};
  put("filler", std::string(16000, 'x'));
  const Failure failure = accounts::add(outer.at("etc").c_str(), &batches);
  CHECK_EQUAL(failure.error, ENOSPC);
  CHECK(outer.get("etc/group") == "root:x:0:\n" && outer.get("etc/shadow") == "root:*:1::::::\n");
  CHECK_EQUAL(outer.count("etc"), 6);
  unlink(outer.at("etc/filler").c_str());
  CHECK(!accounts::add(outer.at("etc").c_str(), &batches));
  umount2(outer.at("etc").c_str(), MNT_DETACH);
}

TEST(the_name_service_finds_root_and_not_what_is_not_there) {
  accounts::Account account;
  int error = 0;
  CHECK(accounts::find("root", &account, &error) == accounts::Found::yes);
  CHECK_EQUAL(account.uid, 0u);
  CHECK(accounts::find_by_uid(0, &account, &error) == accounts::Found::yes);
  CHECK_EQUAL(account.name, "root");
  CHECK(accounts::find("no-such-account-here", &account, &error) == accounts::Found::no);
}
