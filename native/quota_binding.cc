// N-API for quota.h: `exports.quota`.
#include "handle.h"
#include "quota.h"
#include "registry.h"

namespace oo {

namespace {

using Info = const Napi::CallbackInfo&;
constexpr double kLargestId = 4294967294.0;
constexpr double kLargestCount = 9007199254740991.0;

bool Target(Info info, std::string* path, uid_t* uid) {
  double number;
  if (!TextArgument(info[0], "path", path) || !NumberArgument(info[1], "uid", 0, kLargestId, &number))
    return false;
  *uid = static_cast<uid_t>(number);
  return true;
}

// path, uid -> the six figures, or undefined
Napi::Value Get(Info info) {
  const Napi::Env env = info.Env();
  std::string path;
  uid_t uid;
  if (!Target(info, &path, &uid)) return env.Undefined();
  quota::Limits limits;
  bool supported = false;
  if (Failure failure = quota::get(path.c_str(), uid, &limits, &supported)) {
    ThrowFailure(env, failure);
    return env.Undefined();
  }
  if (!supported) return env.Undefined();
  Napi::Array out = Napi::Array::New(env, 6);
  const uint64_t figures[] = {limits.blocks_used, limits.blocks_soft, limits.blocks_hard,
                              limits.inodes_used, limits.inodes_soft, limits.inodes_hard};
  for (uint32_t i = 0; i < 6; ++i) out.Set(i, static_cast<double>(figures[i]));
  return out;
}

// path, uid, blocks soft, blocks hard, inodes soft, inodes hard -> supported
Napi::Value Set(Info info) {
  const Napi::Env env = info.Env();
  std::string path;
  uid_t uid;
  if (!Target(info, &path, &uid)) return env.Undefined();
  double figures[4];
  for (size_t i = 0; i < 4; ++i) {
    if (!NumberArgument(info[i + 2], "limit", 0, kLargestCount, &figures[i])) return env.Undefined();
  }
  quota::Limits limits;
  limits.blocks_soft = static_cast<uint64_t>(figures[0]);
  limits.blocks_hard = static_cast<uint64_t>(figures[1]);
  limits.inodes_soft = static_cast<uint64_t>(figures[2]);
  limits.inodes_hard = static_cast<uint64_t>(figures[3]);
  bool supported = false;
  if (Failure failure = quota::set(path.c_str(), uid, limits, &supported)) ThrowFailure(env, failure);
  return Napi::Boolean::New(env, supported);
}

void RegisterQuota(Napi::Env env, Napi::Object exports) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("get", Napi::Function::New(env, Get, "get"));
  out.Set("set", Napi::Function::New(env, Set, "set"));
  exports.Set("quota", out);
}

}  // namespace

OO_REGISTER(RegisterQuota);

}  // namespace oo
