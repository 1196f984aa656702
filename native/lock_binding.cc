// N-API for lock.h: `exports.lock`.
#include "handle.h"
#include "lock.h"
#include "registry.h"

namespace oo {

namespace {

constexpr HandleKind kLockFile = {"LockFile", {0x6f6f2d6c6f636b66ULL, 0x696c652d6f6f3031ULL}};

using Info = const Napi::CallbackInfo&;

bool OffsetArgument(const Napi::Value& value, int64_t* out) {
  bool lossless = false;
  if (value.IsBigInt()) *out = value.As<Napi::BigInt>().Int64Value(&lossless);
  if (lossless) return true;
  Napi::TypeError::New(value.Env(), "offset must be a bigint of 63 bits").ThrowAsJavaScriptException();
  return false;
}

Napi::Value Open(Info info) {
  std::string path;
  if (!TextArgument(info[0], "path", &path)) return info.Env().Undefined();
  Descriptor file;
  if (Failure failure = lock::open_lock(path.c_str(), &file)) {
    ThrowFailure(info.Env(), failure);
    return info.Env().Undefined();
  }
  return NewHandle(info.Env(), kLockFile, std::move(file));
}

Napi::Value TryLock(Info info) {
  int64_t offset;
  const Descriptor* file = OpenHandle(info[0], kLockFile);
  if (file == nullptr || !OffsetArgument(info[1], &offset)) return info.Env().Undefined();
  const bool shared = info[2].IsBoolean() && info[2].As<Napi::Boolean>().Value();
  bool got = false;
  if (Failure failure = lock::try_lock(file->get(), offset, shared, &got)) ThrowFailure(info.Env(), failure);
  return Napi::Boolean::New(info.Env(), got);
}

Napi::Value Unlock(Info info) {
  int64_t offset;
  const Descriptor* file = OpenHandle(info[0], kLockFile);
  if (file == nullptr || !OffsetArgument(info[1], &offset)) return info.Env().Undefined();
  if (Failure failure = lock::unlock(file->get(), offset)) ThrowFailure(info.Env(), failure);
  return info.Env().Undefined();
}

Napi::Value Close(Info info) {
  CloseHandle(info[0], kLockFile);
  return info.Env().Undefined();
}

void RegisterLock(Napi::Env env, Napi::Object exports) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("open", Napi::Function::New(env, Open, "open"));
  out.Set("tryLock", Napi::Function::New(env, TryLock, "tryLock"));
  out.Set("unlock", Napi::Function::New(env, Unlock, "unlock"));
  out.Set("close", Napi::Function::New(env, Close, "close"));
  exports.Set("lock", out);
}

}  // namespace

OO_REGISTER(RegisterLock);

}  // namespace oo
