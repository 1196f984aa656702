// pam_oo: PAM session module of the sshd stack. In sshd's privileged process it takes the steps of a gear's
// confinement that need root, before sshd starts anything as the gear: control groups, the gear's own /tmp,
// limits, the bounding set.
// Invariants: an account without a confinement file passes untouched (PAM_IGNORE) unless it is marked as a gear,
// and a gear whose confinement cannot be had gets no session: the stack's control makes the error final, and
// sshd starts nothing without a session.
//
// Arguments: dir=PATH (default /var/lib/openshift/.confinement), gecos=TEXT with `_` for blanks (default
// OpenShift_guest).

// sources: pam_session.cc profile.cc profile_spec.cc confine.cc landlock.cc seccomp.cc

// libraries: -lpam

#include <pwd.h>
#include <string.h>
#include <syslog.h>

#define PAM_SM_SESSION
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

#include <string>

#include "pam_session.h"
#include "profile.h"

#define OO_EXPORT extern "C" __attribute__((visibility("default")))

namespace {

struct Arguments {
  std::string dir = "/var/lib/openshift/.confinement";
  std::string gecos = "OpenShift guest";
};

bool parse_arguments(int argc, const char** argv, Arguments* out) {
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], "dir=/", 5) == 0) {
      out->dir = argv[i] + 4;
    } else if (strncmp(argv[i], "gecos=", 6) == 0) {
      out->gecos = argv[i] + 6;
      for (char& c : out->gecos)
        if (c == '_') c = ' ';
    } else {
      return false;
    }
  }
  return true;
}

// The marks of a gear that do not depend on its confinement file: what a lost file must not turn into a plain
// account.
bool marked_as_gear(const passwd& account, const Arguments& arguments) {
  const char* shell = strrchr(account.pw_shell, '/');
  return arguments.gecos == account.pw_gecos ||
         strcmp(shell == nullptr ? account.pw_shell : shell + 1, "oo-login") == 0;
}

std::string without_final_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// The file must be about this very account: a name or uid that was given to somebody else opens no door.
bool belongs_to(const oo::Profile& profile, const passwd& account) {
  return profile.uid == account.pw_uid && profile.gid == account.pw_gid &&
         profile.home == without_final_slash(account.pw_dir);
}

}  // namespace

OO_EXPORT int pam_sm_open_session(pam_handle_t* pamh, int, int argc, const char** argv) {
  const char* user = nullptr;
  if (pam_get_user(pamh, &user, nullptr) != PAM_SUCCESS || user == nullptr) return PAM_SESSION_ERR;
  const passwd* account = pam_modutil_getpwnam(pamh, user);
  if (account == nullptr) return PAM_IGNORE;  // sshd refuses it by itself

  Arguments arguments;
  const bool understood = parse_arguments(argc, argv, &arguments);
  const bool marked = marked_as_gear(*account, arguments);
  oo::Profile profile;
  std::string why = "the module's arguments are not valid";
  const oo::ProfileRead read = understood ? oo::read_profile(arguments.dir.c_str(), user, 0, &profile, &why)
                                          : oo::ProfileRead::refused;
  if (read != oo::ProfileRead::found && !marked) {
    // A broken folder must not lock the administrator out; a gear it concerns is marked.
    if (read == oo::ProfileRead::refused) pam_syslog(pamh, LOG_WARNING, "%s: %s", user, why.c_str());
    return PAM_IGNORE;
  }
  if (read == oo::ProfileRead::absent) why = "a gear without a confinement file";
  bool confined = false;
  if (read == oo::ProfileRead::found) {
    if (!belongs_to(profile, *account)) why = "the confinement file does not match the account";
    else confined = oo::confine_session(profile, &why);
  }
  if (confined) return PAM_SUCCESS;
  pam_syslog(pamh, LOG_ERR, "gear %s: session refused: %s", user, why.c_str());
  return PAM_SESSION_ERR;
}

// Everything taken belongs to the process and ends with it.
OO_EXPORT int pam_sm_close_session(pam_handle_t*, int, int, const char**) { return PAM_IGNORE; }
