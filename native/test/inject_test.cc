// sources: accounts.cc account_lookup.cc account_file.cc account_lines.cc beneath.cc trusted.cc read_file.cc entry.cc replace.cc durable.cc
// libraries: -Wl,--wrap=write -Wl,--wrap=fsync -Wl,--wrap=sync_file_range -Wl,--wrap=renameat -Wl,--wrap=fchown -Wl,--wrap=fchmod -Wl,--wrap=openat -Wl,--wrap=linkat -Wl,--wrap=fstat -Wl,--wrap=read
// Every system call of an edit fails once, each in its turn: files stay whole, nothing is left beside them, no
// descriptor is lost, and what a failure in the middle left is cleared by a removal.
#include <stdarg.h>
#include <sys/stat.h>

#include "accounts.h"
#include "beneath.h"
#include "check.h"
#include "scratch.h"

using namespace oo;

namespace {

long countdown = -1;  // calls until one fails; below 0: none does
int injected = EIO;

bool fails() {
  if (countdown < 0 || countdown-- > 0) return false;
  errno = injected;
  return true;
}

}  // namespace

extern "C" {
ssize_t __real_write(int, const void*, size_t);
ssize_t __wrap_write(int fd, const void* data, size_t size) {
  return fails() ? -1 : __real_write(fd, data, size);
}
ssize_t __real_read(int, void*, size_t);
ssize_t __wrap_read(int fd, void* data, size_t size) { return fails() ? -1 : __real_read(fd, data, size); }
int __real_fsync(int);
int __wrap_fsync(int fd) { return fails() ? -1 : __real_fsync(fd); }
int __real_sync_file_range(int, off64_t, off64_t, unsigned);
int __wrap_sync_file_range(int fd, off64_t a, off64_t b, unsigned c) {
  return fails() ? -1 : __real_sync_file_range(fd, a, b, c);
}
int __real_renameat(int, const char*, int, const char*);
int __wrap_renameat(int a, const char* from, int b, const char* to) {
  return fails() ? -1 : __real_renameat(a, from, b, to);
}
int __real_fchown(int, uid_t, gid_t);
int __wrap_fchown(int fd, uid_t uid, gid_t gid) { return fails() ? -1 : __real_fchown(fd, uid, gid); }
int __real_fchmod(int, mode_t);
int __wrap_fchmod(int fd, mode_t mode) { return fails() ? -1 : __real_fchmod(fd, mode); }
int __real_linkat(int, const char*, int, const char*, int);
int __wrap_linkat(int a, const char* from, int b, const char* to, int flags) {
  return fails() ? -1 : __real_linkat(a, from, b, to, flags);
}
int __real_fstat(int, struct stat*);
int __wrap_fstat(int fd, struct stat* info) { return fails() ? -1 : __real_fstat(fd, info); }
int __real_openat(int, const char*, int, ...);
int __wrap_openat(int directory, const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return fails() ? -1 : __real_openat(directory, path, flags, mode);
}
}

namespace {

const char* const kFiles[] = {"passwd", "group", "shadow", "gshadow"};

std::string all(const Scratch& scratch) {
  std::string text;
  for (const char* file : kFiles) text += scratch.get(file) + "--\n";
  return text;
}

Failure add_one(const Scratch& scratch) {
  std::vector<accounts::Batch> batches(1);
  accounts::Request request;
  request.name = "g9";
  request.first = request.last = 5000;
  request.home = "/h";
  batches[0].requests = {request};
  Failure failure = accounts::add(scratch.path().c_str(), &batches, 10);
  return failure ? failure : batches[0].failure;
}

// Runs `action` with its Nth call failing, for N from 0 until none fails any more; `check` after each.
template <typename Action, typename Check>
int for_each_call(Action action, Check check) {
  for (int n = 0; n < 1000; ++n) {
    countdown = n;
    const Failure failure = action();
    const bool reached = countdown < 0;
    countdown = -1;
    if (!reached) {
      CHECK(!failure);
      return n;
    }
    check(failure, n);
  }
  return -1;
}

}  // namespace

TEST(an_account_edit_survives_the_failure_of_any_call) {
  for (const int error : {EIO, ENOSPC, EDQUOT}) {
    injected = error;
    const Scratch scratch;
    scratch.put("passwd", "root:x:0:0:root:/root:/bin/bash\n");
    scratch.put("group", "root:x:0:\n");
    scratch.put("shadow", "root:*:1::::::\n");
    scratch.put("gshadow", "root:*::\n");
    scratch.put(".pwd.lock", "");
    const std::string before = all(scratch);
    const int descriptors = open_descriptors();
    int in_between = 0;
    const int calls = for_each_call([&] { return add_one(scratch); },
                                    [&](const Failure& failure, int) {
                                      const bool visible =
                                          scratch.get("passwd").find("g9:") != std::string::npos;
                                      // A failure that is reported, or one that did not matter.
                                      CHECK(failure || visible);
                                      if (visible)
                                        CHECK(scratch.get("group").find("g9:") != std::string::npos);
                                      if (visible)
                                        CHECK(scratch.get("shadow").find("g9:") != std::string::npos);
                                      in_between += all(scratch) != before && !visible ? 1 : 0;
                                      CHECK_EQUAL(scratch.count("."), 5);
                                      CHECK(!accounts::remove(scratch.path().c_str(), {"g9"}));
                                      CHECK_EQUAL(all(scratch) == before, true);
                                    });
    CHECK(calls > 30);
    CHECK(in_between > 0);
    const std::string after = all(scratch);
    const int removal_calls = for_each_call([&] { return accounts::remove(scratch.path().c_str(), {"g9"}); },
                                            [&](const Failure&, int) {
                                              CHECK_EQUAL(scratch.count("."), 5);
                                              CHECK(!accounts::remove(scratch.path().c_str(), {"g9"}));
                                              CHECK_EQUAL(all(scratch) == before, true);
                                              CHECK(!add_one(scratch));
                                              CHECK_EQUAL(all(scratch) == after, true);
                                            });
    CHECK(removal_calls > 30);
    CHECK_EQUAL(open_descriptors(), descriptors);
  }
}

TEST(an_atomic_write_survives_the_failure_of_any_call) {
  const beneath::Owner owner = {geteuid(), getegid()};
  for (const int error : {EIO, ENOSPC, EOPNOTSUPP}) {
    injected = error;
    const Scratch scratch;
    scratch.folder("d");
    const int descriptors = open_descriptors();
    for (const bool replaces : {false, true}) {
      const int calls = for_each_call(
          [&] {
            return beneath::write_file(scratch.fd(), "d/f", "new", 3, {0640, &owner, nullptr}, true);
          },
          [&](const Failure& failure, int) {
            const std::string text = scratch.get("d/f");
            CHECK(text == "new" || (failure && text == (replaces ? "old" : "")));
            const bool there = scratch.look("d/f").st_mode != 0;
            CHECK(replaces ? there : there == (text == "new"));
            CHECK_EQUAL(scratch.count("d"), there ? 1 : 0);
            scratch.put("d/f", "old");
            if (!replaces) unlink(scratch.at("d/f").c_str());
          });
      CHECK(calls >= 6);
      scratch.put("d/f", "old");
    }
    CHECK_EQUAL(open_descriptors(), descriptors);
  }
}

TEST(a_read_that_fails_anywhere_gives_its_errno_and_no_text) {
  const Scratch scratch;
  scratch.put("f", std::string(10000, 'x'));
  injected = EIO;
  const int descriptors = open_descriptors();
  std::string text;
  const int calls = for_each_call([&] { return beneath::read_file(scratch.fd(), "f", 1 << 20, &text); },
                                  [&](const Failure& failure, int) { CHECK_EQUAL(failure.error, EIO); });
  CHECK(calls >= 3);
  CHECK_EQUAL(open_descriptors(), descriptors);
}
