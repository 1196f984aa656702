// sources: lock.cc
// Byte-range locks between descriptors, processes and children.
#include "lock.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "check.h"
#include "scratch.h"

using namespace oo;
using namespace oo::lock;

namespace {

bool got(const Descriptor& file, int64_t offset, bool shared = false) {
  bool result = false;
  CHECK(!try_lock(file.get(), offset, shared, &result));
  return result;
}

}  // namespace

TEST(each_offset_is_a_lock_of_its_own) {
  const Scratch scratch;
  Descriptor one, two;
  CHECK(!open_lock(scratch.at("l").c_str(), &one));
  CHECK(!open_lock(scratch.at("l").c_str(), &two));
  CHECK_EQUAL(scratch.look("l").st_mode & 07777u, 0600u);
  CHECK(got(one, 5));
  CHECK(got(one, 5));  // ours already
  CHECK(!got(two, 5));
  CHECK(got(two, 6));
  CHECK(got(two, (int64_t{1} << 62) - 1));
  CHECK(!unlock(one.get(), 5));
  CHECK(got(two, 5));
  CHECK(!unlock(two.get(), 1000));  // never held
}

TEST(shared_locks_stand_side_by_side) {
  const Scratch scratch;
  Descriptor one, two;
  CHECK(!open_lock(scratch.at("l").c_str(), &one));
  CHECK(!open_lock(scratch.at("l").c_str(), &two));
  CHECK(got(one, 1, true));
  CHECK(got(two, 1, true));
  CHECK(!got(two, 1));
  CHECK(!unlock(one.get(), 1));
  CHECK(got(two, 1));
}

TEST(another_close_of_the_same_file_does_not_lose_the_lock) {
  const Scratch scratch;
  Descriptor one, two;
  CHECK(!open_lock(scratch.at("l").c_str(), &one));
  CHECK(got(one, 1));
  {
    Descriptor other;
    CHECK(!open_lock(scratch.at("l").c_str(), &other));
  }
  CHECK(!open_lock(scratch.at("l").c_str(), &two));
  CHECK(!got(two, 1));
}

TEST(a_lock_ends_with_its_process_and_does_not_reach_a_program_it_starts) {
  const Scratch scratch;
  Descriptor own;
  CHECK(!open_lock(scratch.at("l").c_str(), &own));
  const pid_t child = fork();
  if (child == 0) {
    Descriptor file;
    bool result = false;
    if (open_lock(scratch.at("l").c_str(), &file) || try_lock(file.get(), 1, false, &result) || !result)
      _exit(1);
    if (fork() == 0) execlp("sleep", "sleep", "5", nullptr);
    scratch.put("held", "");
    pause();
  }
  while (scratch.look("held").st_mode == 0) usleep(1000);
  CHECK(!got(own, 1));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  bool free = false;  // at once, but for the moment in which the program is not yet executed
  for (int tries = 0; tries < 200 && !free; ++tries) {
    free = got(own, 1);
    if (!free) usleep(2000);
  }
  CHECK(free);
}

TEST(what_is_no_plain_file_and_offsets_out_of_range_are_refused) {
  const Scratch scratch;
  Descriptor file;
  CHECK_EQUAL(symlink("target", scratch.at("link").c_str()), 0);
  CHECK_EQUAL(open_lock(scratch.at("link").c_str(), &file).error, ELOOP);
  CHECK_EQUAL(scratch.look("target").st_mode, 0u);
  CHECK_EQUAL(mkfifo(scratch.at("fifo").c_str(), 0600), 0);
  CHECK_EQUAL(open_lock(scratch.at("fifo").c_str(), &file).error, EINVAL);
  CHECK(open_lock(scratch.at("none/l").c_str(), &file));
  CHECK(!open_lock(scratch.at("l").c_str(), &file));
  bool result;
  CHECK_EQUAL(try_lock(file.get(), -1, false, &result).error, EINVAL);
  CHECK_EQUAL(try_lock(file.get(), INT64_MAX, false, &result).error, EINVAL);
  CHECK_EQUAL(try_lock(-1, 1, false, &result).error, EBADF);
}
