// find and find_by_uid of accounts.h.
#include <pwd.h>

#include "accounts.h"

namespace oo::accounts {

namespace {

template <typename Lookup>
Found look_up(Lookup lookup, Account* out, int* error) {
  std::string buffer(1024, '\0');
  struct passwd entry;
  struct passwd* result = nullptr;
  for (;;) {
    const int code = lookup(&entry, buffer.data(), buffer.size(), &result);
    if (code == ERANGE && buffer.size() < 1024 * 1024) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    if (code == EINTR) continue;
    // Several codes mean "no such account"; what is left says that a source could not be asked.
    if (result == nullptr && (code == 0 || code == ENOENT || code == ESRCH || code == EPERM))
      return Found::no;
    if (result == nullptr) {
      *error = code;
      return Found::error;
    }
    *out = {entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_gecos, entry.pw_dir, entry.pw_shell};
    return Found::yes;
  }
}

}  // namespace

Found find(const char* name, Account* out, int* error) {
  return look_up([name](auto... rest) { return getpwnam_r(name, rest...); }, out, error);
}

Found find_by_uid(uint32_t uid, Account* out, int* error) {
  return look_up([uid](auto... rest) { return getpwuid_r(uid, rest...); }, out, error);
}

}  // namespace oo::accounts
