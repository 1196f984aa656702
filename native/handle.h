// A descriptor in JavaScript's hands: a type-tagged object that cannot be taken for another kind, is checked
// for being closed at each use, and closes what it holds when it is collected or its environment ends. Also
// the reading of arguments: every wrong type is a TypeError, never undefined behaviour.
#pragma once

#include <napi.h>

#include <functional>
#include <string>

#include "descriptor.h"
#include "failure.h"

namespace oo {

struct HandleKind {
  const char* name;
  napi_type_tag tag;
};

Napi::Value NewHandle(Napi::Env env, const HandleKind& kind, Descriptor descriptor);

// Null, with an exception pending, when `value` is not such a handle or is closed.
Descriptor* OpenHandle(const Napi::Value& value, const HandleKind& kind);
// Closing twice is fine.
void CloseHandle(const Napi::Value& value, const HandleKind& kind);

// False, with an exception pending, when the value is of another type, or is a text with a NUL in it.
bool TextArgument(const Napi::Value& value, const char* name, std::string* out);
bool NumberArgument(const Napi::Value& value, const char* name, double least, double most, double* out);

void ThrowFailure(Napi::Env env, const Failure& failure);

// Runs `work` on a worker thread; the promise is settled with `result` (undefined when empty) or the failure.
// Neither function may touch JavaScript values that `work` sees.
Napi::Value RunJob(Napi::Env env, std::function<Failure()> work,
                   std::function<Napi::Value(Napi::Env)> result = {});

}  // namespace oo
