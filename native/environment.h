// The environment of a gear's SSH session, composed from the files that hold it and from nothing else. The
// rules are those of src/gear/environment.ts, so that a hook and a login see the same variables. It runs as
// the gear. Invariant: a name that would steer the programs started (loader, shell start-up) is never taken
// from user_vars, and of the client's environment only the terminal, the locale and the facts of the
// connection are kept.
#pragma once

#include <map>
#include <string>

namespace oo {

using Environment = std::map<std::string, std::string>;

struct EnvironmentSources {
  std::string global;  // /etc/openshift/env
  std::string home;    // without a final slash
  std::string default_path;
};

Environment gear_environment(const EnvironmentSources& sources);

// Adds TERM, LANG, LC_*, SSH_CLIENT, SSH_CONNECTION and SSH_TTY of `environ`-like `from`, each checked for
// its form.
void keep_session_variables(char* const* from, Environment* environment);

// A variable's name: a letter or `_`, then letters, digits, `_`; at most 128.
bool valid_variable_name(const std::string& name);

// Whether a user variable may carry this name at all.
bool allowed_user_variable(const std::string& name);

// Raw content -> value: NUL removed, one final newline chomped; the old form `export NAME='value'` is taken
// apart.
std::string variable_value(const std::string& name, const std::string& content);

}  // namespace oo
