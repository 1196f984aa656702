// Where a session is put (pam_oo) and where one must stand (oo-login), read from the kernel's own text.

// sources: login_place.cc pam_session.cc profile.cc profile_spec.cc confine.cc landlock.cc seccomp.cc

#include "../login_place.h"

#include "../pam_session.h"
#include "check.h"
#include "profile_text.h"

static oo::Profile gear() {
  oo::Profile profile;
  profile.cgroup = "/openshift/g/gear";
  profile.uid = 507;
  return profile;
}

static std::string mounts(const std::string& mountinfo) {
  std::string all;
  for (const oo::Hierarchy& h : oo::gear_hierarchies(mountinfo))
    all += std::string(h.v2 ? "2" : "1") + (h.required ? "!" : "?") + h.mount_point + " ";
  return all;
}

TEST(hierarchies_of_all_three_layouts_are_found) {
  CHECK_EQUAL(
      mounts("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
             "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
             "33 31 0:32 / /sys/fs/cgroup/memory rw shared:1 master:2 - cgroup cgroup rw,memory\n"
             "34 31 0:33 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"
             "35 31 0:34 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
             "36 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"),
      std::string(
          "1!/sys/fs/cgroup/cpu 1!/sys/fs/cgroup/memory 1?/sys/fs/cgroup/freezer 2!/sys/fs/cgroup/unified "));
  CHECK_EQUAL(mounts("30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"),
              std::string("2!/sys/fs/cgroup "));
  CHECK_EQUAL(mounts("30 23 0:26 / /a rw - cgroup2 c rw\n31 23 0:26 / /b rw - cgroup2 c rw\n"),
              std::string("2!/a "));
  CHECK_EQUAL(mounts("30 23 0:26 /part /a rw - cgroup2 c rw\n"), std::string());
  CHECK_EQUAL(mounts(""), std::string());
  CHECK_EQUAL(mounts("garbage\n - \n1 2 3 / /x rw -\n"), std::string());
}

TEST(a_session_stands_in_the_gears_groups_or_is_refused) {
  const oo::Profile p = gear();
  CHECK(oo::in_gear_groups("0::/openshift/g/gear\n", p));
  CHECK(oo::in_gear_groups("0::/openshift/g/svc-3\n", p));
  CHECK(oo::in_gear_groups(
      "9:name=systemd:/\n4:memory:/openshift/g\n1:cpu,cpuacct:/openshift/g\n0::/openshift/g/gear\n", p));
  CHECK(oo::in_gear_groups("4:memory:/openshift/g\n0::/\n", p));
  CHECK(!oo::in_gear_groups("0::/\n", p));
  CHECK(!oo::in_gear_groups("", p));
  CHECK(!oo::in_gear_groups("0::/user.slice/user-507.slice/session-1.scope\n", p));
  CHECK(!oo::in_gear_groups("0::/openshift/g2/gear\n", p));
  CHECK(!oo::in_gear_groups("0::/openshift/gg\n", p));
  CHECK(!oo::in_gear_groups("0::/../openshift/g/gear\n", p));
  CHECK(!oo::in_gear_groups("4:memory:/\n0::/openshift/g/gear\n", p));
  CHECK(!oo::in_gear_groups("4:memory:/openshift/g\n0::/system.slice/ssh.service\n", p));
}

TEST(a_session_without_the_gears_tmp_is_refused) {
  oo::Profile p = gear();
  CHECK(oo::has_gear_mounts(p));
  p.mounts.push_back({"/x", "/tmp"});
  CHECK(!oo::has_gear_mounts(p));
}

TEST(a_gear_without_its_own_groups_gets_no_session) {
  oo::Profile p = gear();
  p.cgroup = "/openshift/nobody-made-this/gear";
  std::string why;
  CHECK(!oo::confine_session(p, &why));
  CHECK(!why.empty());
}
