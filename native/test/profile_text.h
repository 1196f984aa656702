// A confinement file as the node writes it, for the tests of everything that reads one.
#pragma once

inline const char* const kProfileText =
    "uuid=cc9beb39785a45b9b97bdc6951fc8dbf\nuid=507\ngid=507\n"
    "home=/var/lib/openshift/cc9beb39785a45b9b97bdc6951fc8dbf\n"
    "cgroup=/openshift/cc9beb39785a45b9b97bdc6951fc8dbf/gear\n"
    "label=system_u:system_r:openshift_t:s0:c0,c507\numask=077\noom_score_adj=-10\n"
    "rlimit.nproc=250:250\nrlimit.core=0:-1\n"
    "mount=/var/lib/openshift/cc9beb39785a45b9b97bdc6951fc8dbf/.tmp/tmp /tmp\n"
    "no_new_privs=1\nseccomp=1\nlandlock=0\nlandlock.ro=/usr\nlandlock.ro=/\nlandlock.rw=/dev/null\n";
