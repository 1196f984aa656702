// See selinux.h.
#include "selinux.h"

#include <dlfcn.h>

namespace oo::selinux {

namespace {

struct Library {
  int (*is_selinux_enabled)() = nullptr;
  int (*security_getenforce)() = nullptr;
  int (*security_check_context_raw)(const char*) = nullptr;
  int (*getcon_raw)(char**) = nullptr;
  int (*getpidcon_raw)(pid_t, char**) = nullptr;
  void (*freecon)(char*) = nullptr;
  bool complete = false;

  Library() {
    void* handle = dlopen("libselinux.so.1", RTLD_NOW | RTLD_LOCAL);  // kept for the life of the process
    if (handle == nullptr) return;
    complete = resolve(handle, "is_selinux_enabled", &is_selinux_enabled) &&
               resolve(handle, "security_getenforce", &security_getenforce) &&
               resolve(handle, "security_check_context_raw", &security_check_context_raw) &&
               resolve(handle, "getcon_raw", &getcon_raw) &&
               resolve(handle, "getpidcon_raw", &getpidcon_raw) && resolve(handle, "freecon", &freecon);
  }

  template <typename Function>
  static bool resolve(void* handle, const char* name, Function* out) {
    *out = reinterpret_cast<Function>(dlsym(handle, name));
    return *out != nullptr;
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

}  // namespace

bool enabled() { return library().complete && library().is_selinux_enabled() == 1; }

bool enforcing() { return enabled() && library().security_getenforce() == 1; }

bool valid_label(const char* label) { return enabled() && library().security_check_context_raw(label) == 0; }

Failure process_label(pid_t pid, std::string* out) {
  out->clear();
  if (!enabled()) return {};
  char* label = nullptr;
  const int result = pid == 0 ? library().getcon_raw(&label) : library().getpidcon_raw(pid, &label);
  if (result != 0) return failed("label");
  if (label != nullptr) {
    *out = label;
    library().freecon(label);
  }
  return {};
}

}  // namespace oo::selinux
