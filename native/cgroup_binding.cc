// killGroup, freezeGroup, groupPids, waitGroupEmpty for src/native/cgroup.ts. The wait runs on a thread of libuv's pool.
#include "cgroup.h"
#include "napi_error.h"
#include "registry.h"

namespace oo {
namespace {

std::string PathOf(const Napi::CallbackInfo& info) { return info[0].ToString().Utf8Value(); }

void Check(const Napi::CallbackInfo& info, int error, const char* step) {
  if (error != 0) ThrowErrno(info.Env(), error, step, PathOf(info).c_str());
}

void Kill(const Napi::CallbackInfo& info) { Check(info, KillGroup(PathOf(info)), "cgroup.kill"); }

void Freeze(const Napi::CallbackInfo& info) {
  Check(info, FreezeGroup(PathOf(info), info[1].ToBoolean().Value()), "cgroup.freeze");
}

// groupPids(dir, subtree)
Napi::Value Pids(const Napi::CallbackInfo& info) {
  std::vector<int> pids;
  Check(info, GroupProcesses(PathOf(info), info[1].ToBoolean().Value(), &pids), "cgroup.procs");
  const Napi::Array list = Napi::Array::New(info.Env(), pids.size());
  for (uint32_t i = 0; i < pids.size(); ++i) list.Set(i, Napi::Number::New(info.Env(), pids[i]));
  return list;
}

class WaitEmpty final : public Napi::AsyncWorker {
 public:
  WaitEmpty(Napi::Env env, std::string group, int milliseconds)
      : AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), group_(std::move(group)), milliseconds_(milliseconds) {}
  Napi::Promise promise() const { return deferred_.Promise(); }
  void Execute() override { error_ = WaitGroupEmpty(group_, milliseconds_); }
  void OnOK() override {
    if (error_ == 0 || error_ == ETIMEDOUT) return deferred_.Resolve(Napi::Boolean::New(Env(), error_ == 0));
    deferred_.Reject(MakeErrnoError(Env(), error_, "cgroup.events", group_.c_str()).Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::string group_;
  int milliseconds_;
  int error_ = 0;
};

Napi::Value Wait(const Napi::CallbackInfo& info) {
  WaitEmpty* worker = new WaitEmpty(info.Env(), PathOf(info), info[1].ToNumber().Int32Value());
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

void RegisterCgroup(Napi::Env env, Napi::Object exports) {
  exports.Set("cgroupKill", Napi::Function::New(env, Kill, "cgroupKill"));
  exports.Set("cgroupFreeze", Napi::Function::New(env, Freeze, "cgroupFreeze"));
  exports.Set("cgroupPids", Napi::Function::New(env, Pids, "cgroupPids"));
  exports.Set("cgroupWaitEmpty", Napi::Function::New(env, Wait, "cgroupWaitEmpty"));
}

OO_REGISTER(RegisterCgroup);

}  // namespace
}  // namespace oo
