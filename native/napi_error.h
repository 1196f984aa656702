// Errno errors on their way to JavaScript: an Error with `errno`, `code` (the errno's name), `step` and `path`.
// src/native/load.ts turns them into NativeError; C++ code throws them with one call and returns.
#pragma once

#include <napi.h>

namespace oo {

// The errno's name ("ENOENT"), or "E<number>" where libc has none.
const char* ErrnoName(int error);

// An Error value; `detail` is the path or name concerned (may be null).
Napi::Error MakeErrnoError(Napi::Env env, int error, const char* step, const char* detail = nullptr);

// Throws it as a pending JavaScript exception; the caller must return at once.
void ThrowErrno(Napi::Env env, int error, const char* step, const char* detail = nullptr);

}  // namespace oo
