// See napi_error.h.
#include "napi_error.h"

#include <string.h>

#include <string>

namespace oo {

const char* ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : "EUNKNOWN";
}

Napi::Error MakeErrnoError(Napi::Env env, int error, const char* step, const char* detail) {
  std::string message = std::string(step) + ": " + strerrordesc_np(error);
  if (detail != nullptr) message += std::string(": ") + detail;
  Napi::Error value = Napi::Error::New(env, message);
  value.Set("errno", Napi::Number::New(env, error));
  value.Set("code", Napi::String::New(env, ErrnoName(error)));
  value.Set("step", Napi::String::New(env, step));
  if (detail != nullptr) value.Set("path", Napi::String::New(env, detail));
  return value;
}

void ThrowErrno(Napi::Env env, int error, const char* step, const char* detail) {
  MakeErrnoError(env, error, step, detail).ThrowAsJavaScriptException();
}

}  // namespace oo
