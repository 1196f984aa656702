// Adds and removes local accounts with a group of the same name and id, many in one pass over the four files.
// Invariants: an account is visible (in passwd) only when its group and shadow entries are; it disappears
// from passwd first; each batch is added whole or not at all; a kill at any point leaves nothing that
// remove() cannot clear.
#pragma once

#include <stdint.h>

#include <string>
#include <vector>

#include "failure.h"

namespace oo::accounts {

struct Request {
  std::string name;
  bool has_uid = false;
  uint32_t uid = 0;
  uint32_t first = 0;  // range for the lowest free id, when no uid is asked for
  uint32_t last = 0;
  std::string gecos;
  std::string home;
  std::string shell;
};

struct Account {
  std::string name;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::string gecos;
  std::string home;
  std::string shell;
};

struct Batch {
  std::vector<Request> requests;
  Failure failure;             // why this batch was left out
  std::vector<Account> added;  // in the order of the requests
};

constexpr int kLockWait = 15000;  // milliseconds, as lckpwdf()

// EEXIST step `passwd` (an account has the name) or `left-over` (only other files have it); EADDRINUSE step
// `uid`; ENOSPC step `uid-range`; EINVAL step `name`, `gecos`, `home`, `shell`, `uid`. A returned failure
// concerns all batches.
Failure add(const char* directory, std::vector<Batch>* batches, int wait_milliseconds = kLockWait);

// Absent names are fine, and so are names that only some of the files have.
Failure remove(const char* directory, const std::vector<std::string>& names,
               int wait_milliseconds = kLockWait);

enum class Found { yes, no, error };

// Through the name service switch.
Found find(const char* name, Account* out, int* error);
Found find_by_uid(uint32_t uid, Account* out, int* error);

}  // namespace oo::accounts
