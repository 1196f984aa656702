// The addon's entry: calls every registration (see registry.h) and holds nothing else.
#include "registry.h"

namespace oo {

static Registration* first_registration = nullptr;

Registration::Registration(RegisterFunction registered) : function(registered), next(first_registration) {
  first_registration = this;
}

static Napi::Object Initialise(Napi::Env env, Napi::Object exports) {
  for (const Registration* item = first_registration; item != nullptr; item = item->next) item->function(env, exports);
  return exports;
}

}  // namespace oo

static Napi::Object InitialiseAddon(Napi::Env env, Napi::Object exports) { return oo::Initialise(env, exports); }
NODE_API_MODULE(oo_native, InitialiseAddon)
