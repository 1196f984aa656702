// N-API for selinux.h: `exports.selinux`.
#include "handle.h"
#include "registry.h"
#include "selinux.h"

namespace oo {

namespace {

using Info = const Napi::CallbackInfo&;

Napi::Value Enabled(Info info) { return Napi::Boolean::New(info.Env(), selinux::enabled()); }

Napi::Value Enforcing(Info info) { return Napi::Boolean::New(info.Env(), selinux::enforcing()); }

Napi::Value ValidLabel(Info info) {
  std::string label;
  if (!TextArgument(info[0], "label", &label)) return info.Env().Undefined();
  return Napi::Boolean::New(info.Env(), selinux::valid_label(label.c_str()));
}

Napi::Value ProcessLabel(Info info) {
  double pid;
  if (!NumberArgument(info[0], "pid", 0, 4194304, &pid)) return info.Env().Undefined();
  std::string label;
  if (Failure failure = selinux::process_label(static_cast<pid_t>(pid), &label)) {
    ThrowFailure(info.Env(), failure);
    return info.Env().Undefined();
  }
  return label.empty() ? info.Env().Undefined() : Napi::String::New(info.Env(), label);
}

void RegisterSelinux(Napi::Env env, Napi::Object exports) {
  Napi::Object out = Napi::Object::New(env);
  out.Set("enabled", Napi::Function::New(env, Enabled, "enabled"));
  out.Set("enforcing", Napi::Function::New(env, Enforcing, "enforcing"));
  out.Set("validLabel", Napi::Function::New(env, ValidLabel, "validLabel"));
  out.Set("processLabel", Napi::Function::New(env, ProcessLabel, "processLabel"));
  exports.Set("selinux", out);
}

}  // namespace

OO_REGISTER(RegisterSelinux);

}  // namespace oo
