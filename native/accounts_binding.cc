// N-API for accounts.h: `exports.accounts`. The files are edited on a worker thread; many batches in one
// pass.
#include <memory>

#include "accounts.h"
#include "handle.h"
#include "napi_error.h"
#include "registry.h"

namespace oo {

namespace {

using Info = const Napi::CallbackInfo&;
constexpr double kLargestId = 4294967294.0;

bool ReadRequest(const Napi::Value& value, accounts::Request* out) {
  const Napi::Env env = value.Env();
  if (!value.IsObject()) {
    Napi::TypeError::New(env, "a request must be an object").ThrowAsJavaScriptException();
    return false;
  }
  const auto object = value.As<Napi::Object>();
  if (!TextArgument(object.Get("name"), "name", &out->name) ||
      !TextArgument(object.Get("gecos"), "gecos", &out->gecos) ||
      !TextArgument(object.Get("home"), "home", &out->home) ||
      !TextArgument(object.Get("shell"), "shell", &out->shell)) {
    return false;
  }
  const Napi::Value uid = object.Get("uid");
  double first, last;
  out->has_uid = !uid.IsUndefined();
  if (out->has_uid) {
    if (!NumberArgument(uid, "uid", 0, kLargestId, &first)) return false;
    out->uid = static_cast<uint32_t>(first);
    return true;
  }
  if (!NumberArgument(object.Get("first"), "first", 0, kLargestId, &first)) return false;
  if (!NumberArgument(object.Get("last"), "last", 0, kLargestId, &last)) return false;
  out->first = static_cast<uint32_t>(first);
  out->last = static_cast<uint32_t>(last);
  return true;
}

Napi::Object ToObject(Napi::Env env, const accounts::Account& account) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("name", account.name);
  out.Set("uid", account.uid);
  out.Set("gid", account.gid);
  out.Set("gecos", account.gecos);
  out.Set("home", account.home);
  out.Set("shell", account.shell);
  return out;
}

// One element for each batch: an array of accounts, or the error for which the batch was left out.
Napi::Value ToResults(Napi::Env env, const std::vector<accounts::Batch>& batches) {
  Napi::Array out = Napi::Array::New(env, batches.size());
  for (uint32_t i = 0; i < batches.size(); ++i) {
    const Napi::HandleScope scope(env);
    const accounts::Batch& batch = batches[i];
    if (batch.failure) {
      out.Set(
          i,
          MakeErrnoError(env, batch.failure.error, batch.failure.step, batch.failure.where.c_str()).Value());
      continue;
    }
    Napi::Array added = Napi::Array::New(env, batch.added.size());
    for (uint32_t j = 0; j < batch.added.size(); ++j) added.Set(j, ToObject(env, batch.added[j]));
    out.Set(i, added);
  }
  return out;
}

// directory, requests[][], wait
Napi::Value Add(Info info) {
  const Napi::Value nothing = info.Env().Undefined();
  std::string directory;
  double wait;
  if (!TextArgument(info[0], "directory", &directory)) return nothing;
  if (!NumberArgument(info[2], "wait", 0, 3600000, &wait)) return nothing;
  if (!info[1].IsArray()) {
    Napi::TypeError::New(info.Env(), "batches must be an array").ThrowAsJavaScriptException();
    return nothing;
  }
  const auto list = info[1].As<Napi::Array>();
  const auto batches = std::make_shared<std::vector<accounts::Batch>>(list.Length());
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::HandleScope scope(info.Env());
    const Napi::Value value = list.Get(i);
    if (!value.IsArray()) {
      Napi::TypeError::New(info.Env(), "a batch must be an array").ThrowAsJavaScriptException();
      return nothing;
    }
    const auto requests = value.As<Napi::Array>();
    (*batches)[i].requests.resize(requests.Length());
    for (uint32_t j = 0; j < requests.Length(); ++j) {
      const Napi::HandleScope inner(info.Env());
      if (!ReadRequest(requests.Get(j), &(*batches)[i].requests[j])) return nothing;
    }
  }
  return RunJob(
      info.Env(), [=] { return accounts::add(directory.c_str(), batches.get(), static_cast<int>(wait)); },
      [=](Napi::Env env) { return ToResults(env, *batches); });
}

// directory, names[], wait
Napi::Value Remove(Info info) {
  const Napi::Value nothing = info.Env().Undefined();
  std::string directory;
  double wait;
  if (!TextArgument(info[0], "directory", &directory)) return nothing;
  if (!NumberArgument(info[2], "wait", 0, 3600000, &wait)) return nothing;
  if (!info[1].IsArray()) {
    Napi::TypeError::New(info.Env(), "names must be an array").ThrowAsJavaScriptException();
    return nothing;
  }
  const auto list = info[1].As<Napi::Array>();
  std::vector<std::string> names(list.Length());
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::HandleScope scope(info.Env());
    if (!TextArgument(list.Get(i), "name", &names[i])) return nothing;
  }
  return RunJob(info.Env(),
                [=] { return accounts::remove(directory.c_str(), names, static_cast<int>(wait)); });
}

Napi::Value Result(Info info, accounts::Found found, const accounts::Account& account, int error) {
  if (found == accounts::Found::yes) return ToObject(info.Env(), account);
  if (found == accounts::Found::error) ThrowErrno(info.Env(), error, "nss");
  return info.Env().Undefined();
}

Napi::Value Find(Info info) {
  std::string name;
  if (!TextArgument(info[0], "name", &name)) return info.Env().Undefined();
  accounts::Account account;
  int error = 0;
  const accounts::Found found = accounts::find(name.c_str(), &account, &error);
  return Result(info, found, account, error);
}

Napi::Value FindByUid(Info info) {
  double uid;
  if (!NumberArgument(info[0], "uid", 0, kLargestId, &uid)) return info.Env().Undefined();
  accounts::Account account;
  int error = 0;
  const accounts::Found found = accounts::find_by_uid(static_cast<uint32_t>(uid), &account, &error);
  return Result(info, found, account, error);
}

void RegisterAccounts(Napi::Env env, Napi::Object exports) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("add", Napi::Function::New(env, Add, "add"));
  out.Set("remove", Napi::Function::New(env, Remove, "remove"));
  out.Set("find", Napi::Function::New(env, Find, "find"));
  out.Set("findByUid", Napi::Function::New(env, FindByUid, "findByUid"));
  exports.Set("accounts", out);
}

}  // namespace

OO_REGISTER(RegisterAccounts);

}  // namespace oo
