// What a core function returns: nothing wrong, or an errno with the step that failed and, in a tree, where.
// Invariant: `step` is a literal; a Failure is true exactly when something failed.
#pragma once

#include <errno.h>

#include <string>
#include <utility>

namespace oo {

struct [[nodiscard]] Failure {
  int error = 0;
  const char* step = "";
  std::string
      where;  // the entry concerned where the caller cannot know it (deep in a tree, an account's name)

  explicit operator bool() const { return error != 0; }
};

// The failure of the system call that has just returned -1.
inline Failure failed(const char* step, std::string where = {}) { return {errno, step, std::move(where)}; }

}  // namespace oo
