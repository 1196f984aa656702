// sources: beneath.cc trusted.cc read_folder.cc entry.cc replace.cc durable.cc
// Folders of small files: what counts, what a tenant may plant in one, and that a remembered text never
// outlives a change.
#include <string.h>
#include <time.h>

#include "beneath.h"
#include "check.h"
#include "scratch.h"

using namespace oo;
using namespace oo::beneath;

namespace {

struct Read {
  FolderContent content;
  int error = 0;

  explicit Read(const Scratch& scratch, const char* path = "env", unsigned known = 0, size_t most = 100) {
    error = read_folder(scratch.fd(), path, most, 1000, known, &content).error;
  }
  std::string operator[](const char* name) const {
    for (const NamedText& file : content.files) {
      if (file.name == name) return file.text;
    }
    return "(none)";
  }
};

void wait_until_settled() {
  const timespec time = {0, 160 * 1000 * 1000};
  nanosleep(&time, nullptr);
}

}  // namespace

TEST(plain_files_with_the_names_of_variables_are_read_and_nothing_else) {
  const Scratch scratch;
  scratch.folder("env");
  scratch.put("env/A", "a");
  scratch.put("env/_b9", std::string("nul\0byte", 8));
  scratch.put("env/EMPTY", "");
  scratch.put("env/9A", "no");
  scratch.put("env/A.rpmnew", "no");
  scratch.put("env/" + std::string(129, 'x'), "no");
  scratch.put("env/LARGE", std::string(1001, 'x'));
  scratch.put("env/FITS", std::string(1000, 'x'));
  scratch.folder("env/FOLDER");
  CHECK_EQUAL(mkfifo(scratch.at("env/FIFO").c_str(), 0666), 0);
  CHECK_EQUAL(symlink("A", scratch.at("env/LINK").c_str()), 0);
  for (int time = 0; time < 2; ++time) {
    const Read read(scratch);
    CHECK_EQUAL(read.error, 0);
    CHECK_EQUAL(read.content.files.size(), 4u);
    CHECK_EQUAL(read["A"], "a");
    CHECK_EQUAL(read["_b9"], std::string("nul\0byte", 8));
    CHECK_EQUAL(read["EMPTY"], "");
    CHECK_EQUAL(read["FITS"].size(), 1000u);
    CHECK_EQUAL(read.content.folders.size(), 1u);
    wait_until_settled();
  }
  // Which two come first is the file system's choice.
  scratch.folder("few");
  for (const char* name : {"few/A", "few/B", "few/C"}) scratch.put(name, "a");
  CHECK_EQUAL(Read(scratch, "few", 0, 2).content.files.size(), 2u);
}

TEST(no_folder_is_an_empty_one_and_a_link_to_one_is_none) {
  const Scratch scratch;
  scratch.folder("env");
  scratch.put("env/A", "a");
  CHECK_EQUAL(symlink("env", scratch.at("link").c_str()), 0);
  for (const char* path : {"none", "link", "env/A", "none/env"}) {
    const Read read(scratch, path);
    CHECK_EQUAL(read.error, 0);
    CHECK_EQUAL(read.content.generation, 0u);
    CHECK(read.content.files.empty());
  }
  CHECK_EQUAL(Read(scratch, "../x").error, EINVAL);
}

TEST(a_change_is_seen_at_once_however_often_it_was_read_before) {
  const Scratch scratch;
  scratch.folder("env");
  scratch.put("env/A", "1");
  scratch.put("env/B", "b");
  wait_until_settled();
  const unsigned first = Read(scratch).content.generation;
  CHECK(Read(scratch, "env", first).content.unchanged);
  // In place, of the same length: only the file's own times tell.
  for (char digit = '2'; digit <= '9'; ++digit) {
    scratch.put("env/A", std::string(1, digit));
    const Read read(scratch, "env", first);
    CHECK(!read.content.unchanged);
    CHECK_EQUAL(read["A"], std::string(1, digit));
    CHECK_EQUAL(read["B"], "b");
  }
  wait_until_settled();
  const unsigned second = Read(scratch).content.generation;
  CHECK(second != first);
  CHECK(Read(scratch, "env", second).content.unchanged);
  // Put back with the old modification time: the time of change tells.
  const struct timespec old[2] = {{1000, 0}, {1000, 0}};
  scratch.put("env/A", "x");
  CHECK_EQUAL(utimensat(AT_FDCWD, scratch.at("env/A").c_str(), old, 0), 0);
  CHECK_EQUAL(Read(scratch, "env", second)["A"], "x");
  // By rename, by removal, by addition.
  scratch.put("new", "y");
  CHECK_EQUAL(rename(scratch.at("new").c_str(), scratch.at("env/A").c_str()), 0);
  CHECK_EQUAL(Read(scratch)["A"], "y");
  CHECK_EQUAL(unlink(scratch.at("env/B").c_str()), 0);
  CHECK_EQUAL(Read(scratch)["B"], "(none)");
  scratch.put("env/C", "c");
  CHECK_EQUAL(Read(scratch)["C"], "c");
}

TEST(a_folder_made_again_under_the_same_name_has_its_own_content) {
  const Scratch scratch;
  for (char digit = '0'; digit < '6'; ++digit) {
    scratch.folder("env");
    scratch.put("env/A", std::string(1, digit));
    if (digit % 2 == 0) wait_until_settled();
    CHECK_EQUAL(Read(scratch)["A"], std::string(1, digit));
    CHECK_EQUAL(unlink(scratch.at("env/A").c_str()), 0);
    CHECK_EQUAL(rmdir(scratch.at("env").c_str()), 0);
    CHECK_EQUAL(Read(scratch).content.generation, 0u);
  }
}

TEST(roots_file_under_a_second_name_is_no_variable_also_when_the_folder_becomes_the_tenants_later) {
  if (!is_root()) return;
  const Scratch scratch;
  scratch.folder("env", 0700);
  scratch.put("shadow", "secret");
  CHECK_EQUAL(::link(scratch.at("shadow").c_str(), scratch.at("env/A").c_str()), 0);
  wait_until_settled();
  CHECK_EQUAL(Read(scratch)["A"],
              "secret");  // nobody but root could have put it there
  CHECK_EQUAL(chown(scratch.at("env").c_str(), 1234, 1234), 0);
  CHECK_EQUAL(Read(scratch)["A"], "(none)");
}

TEST(a_folder_that_is_too_much_is_read_in_part_and_never_remembered) {
  const Scratch scratch;
  scratch.folder("env");
  const auto read_large = [&scratch](unsigned known) {
    FolderContent content;
    CHECK(!read_folder(scratch.fd(), "env", 1000, 65536, known, &content));
    return content;
  };
  for (int i = 0; i < 60; ++i) scratch.put("env/X" + std::to_string(i), std::string(65536, 'x'));
  wait_until_settled();
  const FolderContent first = read_large(0);
  CHECK(first.files.size() >= 32 && first.files.size() < 40);  // 2 MiB
  const FolderContent again = read_large(first.generation);
  CHECK(!again.unchanged);
  CHECK(again.generation != first.generation);
}

TEST(no_descriptor_stays_open) {
  const Scratch scratch;
  scratch.folder("env");
  scratch.put("env/A", "a");
  const int before = open_descriptors();
  for (int time = 0; time < 10; ++time) Read read(scratch);
  CHECK_EQUAL(open_descriptors(), before);
}
