// See handle.h.
#include "handle.h"

#include "napi_error.h"

namespace oo {

namespace {

void Finalize(napi_env, void* data, void*) { delete static_cast<Descriptor*>(data); }

// The descriptor, closed or not; null with an exception pending.
Descriptor* Unwrap(const Napi::Value& value, const HandleKind& kind) {
  const Napi::Env env = value.Env();
  bool matches = false;
  if (!value.IsObject() || napi_check_object_type_tag(env, value, &kind.tag, &matches) != napi_ok ||
      !matches) {
    Napi::TypeError::New(env, std::string("not a ") + kind.name).ThrowAsJavaScriptException();
    return nullptr;
  }
  void* data = nullptr;
  if (napi_unwrap(env, value, &data) != napi_ok || data == nullptr) {
    Napi::TypeError::New(env, std::string("not a ") + kind.name).ThrowAsJavaScriptException();
    return nullptr;
  }
  return static_cast<Descriptor*>(data);
}

class Job : public Napi::AsyncWorker {
 public:
  Job(Napi::Env env, std::function<Failure()> work, std::function<Napi::Value(Napi::Env)> result)
      : Napi::AsyncWorker(env, "oo-native"),
        work_(std::move(work)),
        result_(std::move(result)),
        deferred_(Napi::Promise::Deferred::New(env)) {}

  Napi::Promise Promise() { return deferred_.Promise(); }

 protected:
  void Execute() override { failure_ = work_(); }

  void OnOK() override {
    const Napi::HandleScope scope(Env());
    if (failure_) {
      const char* where = failure_.where.empty() ? nullptr : failure_.where.c_str();
      deferred_.Reject(MakeErrnoError(Env(), failure_.error, failure_.step, where).Value());
    } else {
      deferred_.Resolve(result_ ? result_(Env()) : Env().Undefined());
    }
  }

 private:
  std::function<Failure()> work_;
  std::function<Napi::Value(Napi::Env)> result_;
  Napi::Promise::Deferred deferred_;
  Failure failure_;
};

}  // namespace

Napi::Value NewHandle(Napi::Env env, const HandleKind& kind, Descriptor descriptor) {
  Napi::Object object = Napi::Object::New(env);
  auto* held = new Descriptor(std::move(descriptor));
  if (napi_type_tag_object(env, object, &kind.tag) != napi_ok ||
      napi_wrap(env, object, held, Finalize, nullptr, nullptr) != napi_ok) {
    delete held;
    Napi::Error::New(env, "the addon cannot make a handle").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  return object;
}

Descriptor* OpenHandle(const Napi::Value& value, const HandleKind& kind) {
  Descriptor* held = Unwrap(value, kind);
  if (held == nullptr || held->valid()) return held;
  ThrowErrno(value.Env(), EBADF, "closed", kind.name);
  return nullptr;
}

void CloseHandle(const Napi::Value& value, const HandleKind& kind) {
  if (Descriptor* held = Unwrap(value, kind)) held->close();
}

bool TextArgument(const Napi::Value& value, const char* name, std::string* out) {
  if (!value.IsString()) {
    Napi::TypeError::New(value.Env(), std::string(name) + " must be a string").ThrowAsJavaScriptException();
    return false;
  }
  *out = value.As<Napi::String>().Utf8Value();
  if (out->find('\0') == std::string::npos) return true;
  Napi::TypeError::New(value.Env(), std::string(name) + " holds a NUL character")
      .ThrowAsJavaScriptException();
  return false;
}

bool NumberArgument(const Napi::Value& value, const char* name, double least, double most, double* out) {
  if (value.IsNumber()) {
    *out = value.As<Napi::Number>().DoubleValue();
    if (*out >= least && *out <= most && *out == static_cast<double>(static_cast<long long>(*out)))
      return true;
  }
  Napi::TypeError::New(value.Env(), std::string(name) + " must be a whole number in its range")
      .ThrowAsJavaScriptException();
  return false;
}

void ThrowFailure(Napi::Env env, const Failure& failure) {
  ThrowErrno(env, failure.error, failure.step, failure.where.empty() ? nullptr : failure.where.c_str());
}

Napi::Value RunJob(Napi::Env env, std::function<Failure()> work,
                   std::function<Napi::Value(Napi::Env)> result) {
  auto* job = new Job(env, std::move(work), std::move(result));  // deletes itself when it is done
  Napi::Promise promise = job->Promise();
  job->Queue();
  return promise;
}

}  // namespace oo
