// One account file on disk: read, changed in memory, and put back beside itself before it is renamed over the
// old one. Invariants: mode, owner and extended attributes (label, ACL) of the old file are kept; nothing is
// visible before publish(); the lock of account_lock() is held from load() to publish().
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "descriptor.h"
#include "failure.h"

namespace oo::accounts {

class AccountFile {
 public:
  explicit AccountFile(const char* name) : name_(name), temporary_(std::string(name) + "+") {}

  // An absent file is fine when `optional`: present() is false then and the file is left out.
  Failure load(int directory, bool optional);
  bool present() const { return present_; }
  const char* name() const { return name_; }

  std::string text;
  bool changed = false;

  Failure stage(int directory);         // the new content, complete, under the temporary name
  Failure make_durable(bool in_order);  // what stage() wrote (see durable.h)
  Failure publish(int directory);       // rename over the old file
  void discard(int directory);          // removes the temporary, this one's or a dead process's

 private:
  const char* name_;
  std::string temporary_;
  bool present_ = false;
  struct stat info_ = {};
  Descriptor old_;
  Descriptor new_;
};

// The lock that shadow-utils, systemd and lckpwdf() honour (`.pwd.lock`). It is given back by name: a child
// that is just being started elsewhere in this process may hold a copy of the descriptor, and with it the
// lock.
class AccountLock {
 public:
  AccountLock() = default;
  AccountLock(const AccountLock&) = delete;
  AccountLock& operator=(const AccountLock&) = delete;
  ~AccountLock() { release(); }

  // EBUSY when it is not had in time.
  Failure take(int directory, int wait_milliseconds);
  void release();

 private:
  Descriptor file_;
};

}  // namespace oo::accounts
