// landlockAbi for src/native/landlock.ts.
#include "landlock.h"
#include "registry.h"

namespace oo {

static Napi::Value Abi(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), LandlockAbi()); }

static void RegisterLandlock(Napi::Env env, Napi::Object exports) {
  exports.Set("landlockAbi", Napi::Function::New(env, Abi, "landlockAbi"));
}

OO_REGISTER(RegisterLandlock);

}  // namespace oo
