// sources: quota.cc selinux.cc
// libraries: -ldl
// What holds on every machine, with and without quota and SELinux.
#include "quota.h"

#include "check.h"
#include "scratch.h"
#include "selinux.h"

using namespace oo;

TEST(a_file_system_without_quota_is_no_failure) {
  quota::Limits limits;
  bool supported = true;
  CHECK(!quota::get("/proc", 1000, &limits, &supported));
  CHECK(!supported);
  CHECK(!quota::set("/proc", 1000, {0, 0, 1, 0, 0, 1}, &supported));
  CHECK(!supported);
  CHECK_EQUAL(quota::get("/nonexistent", 1000, &limits, &supported).error, ENOENT);
  CHECK_EQUAL(quota::get("/etc/passwd", 1000, &limits, &supported).error, ENOTDIR);
}

TEST(the_device_of_a_mount_is_found_and_unescaped) {
  const char* const text =
      "22 1 253:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw\n"
      "23 22 0:21 / /proc rw - proc proc rw\n"
      "24 22 8:17 /a /mnt/a\\040b rw - xfs /dev/disk\\040\\134x rw,usrquota\n"
      "25 22 9:9 / /broken rw\n";
  CHECK_EQUAL(quota::source_of(text, 253, 0), "/dev/vda");
  CHECK_EQUAL(quota::source_of(text, 0, 21), "proc");
  CHECK_EQUAL(quota::source_of(text, 8, 17), "/dev/disk \\x");
  CHECK_EQUAL(quota::source_of(text, 9, 9), "");
  CHECK_EQUAL(quota::source_of(text, 8, 1), "");
}

TEST(selinux_answers_alike_however_it_is_asked) {
  std::string label;
  CHECK(!selinux::process_label(0, &label));
  CHECK_EQUAL(selinux::enabled(), !label.empty());
  if (selinux::enabled()) return;
  CHECK(!selinux::enforcing());
  CHECK(!selinux::valid_label("system_u:object_r:etc_t:s0"));
}
