// How the pieces of the addon reach N-API without a central list: each NAME_binding.cc has one
// OO_REGISTER(RegisterName) and addon.cc calls them all. Invariant: a registration only adds properties of its own.
#pragma once

#include <napi.h>

namespace oo {

using RegisterFunction = void (*)(Napi::Env env, Napi::Object exports);

struct Registration {
  explicit Registration(RegisterFunction function);
  RegisterFunction function;
  Registration* next;
};

}  // namespace oo

#define OO_REGISTER(function) static ::oo::Registration oo_registration_##function(function)
