// launchStart, launchKill, launchListen for src/native/launch.ts. All launches of one environment report through one
// function, by number. Invariants: nothing here blocks; the environment is kept alive exactly while launches run; when
// it goes away they are killed.
#include <unordered_map>

#include "napi_error.h"
#include "registry.h"
#include "supervisor.h"

namespace oo {
namespace {

enum EventKind : int { kStarted = 0, kOutput = 1, kEnded = 2 };

struct Event {
  EventKind kind;
  std::shared_ptr<Launch> launch;
  int stream = 0;
  std::string chunk;
};

class Environment final : public LaunchListener {
 public:
  explicit Environment(napi_env env) : env_(env) {}

  // JavaScript's thread.
  bool Listen(Napi::Env env, Napi::Function function) {
    if (told_ != nullptr) return false;
    const napi_status made = napi_create_threadsafe_function(env, function, nullptr, Napi::String::New(env, "oo-launch"), 0, 1,
                                                             nullptr, nullptr, this, Deliver, &told_);
    if (made != napi_ok) return false;
    napi_unref_threadsafe_function(env, told_);
    return true;
  }
  bool listening() const { return told_ != nullptr; }
  unsigned Start(std::shared_ptr<Launch> launch) {
    launch->listener = this;
    Supervisor::Instance().Start(launch);
    if (launches_.empty()) napi_ref_threadsafe_function(env_, told_);
    const unsigned id = launch->id;
    launches_.emplace(id, std::move(launch));
    return id;
  }
  std::shared_ptr<Launch> Find(unsigned id) const {
    const auto found = launches_.find(id);
    return found == launches_.end() ? nullptr : found->second;
  }
  void Close() {
    Supervisor::Instance().Abandon(this);
    if (told_ != nullptr) napi_release_threadsafe_function(told_, napi_tsfn_abort);
  }

  // The supervisor's threads.
  void Started(const std::shared_ptr<Launch>& launch) override { Post(new Event{kStarted, launch, 0, {}}); }
  void Output(const std::shared_ptr<Launch>& launch, int stream, std::string chunk) override {
    Post(new Event{kOutput, launch, stream, std::move(chunk)});
  }
  void Ended(const std::shared_ptr<Launch>& launch) override { Post(new Event{kEnded, launch, 0, {}}); }

 private:
  void Post(Event* event) {
    if (napi_call_threadsafe_function(told_, event, napi_tsfn_nonblocking) != napi_ok) delete event;
  }

  static void Deliver(napi_env raw_env, napi_value function, void* context, void* data) {
    const std::unique_ptr<Event> event(static_cast<Event*>(data));
    if (raw_env == nullptr) return;  // torn down
    static_cast<Environment*>(context)->Tell(Napi::Env(raw_env), Napi::Function(raw_env, function), *event);
  }

  void Tell(Napi::Env env, Napi::Function function, const Event& event) {
    const Napi::HandleScope scope(env);
    Launch& launch = *event.launch;
    std::vector<napi_value> arguments = {Napi::Number::New(env, event.kind), Napi::Number::New(env, launch.id)};
    if (event.kind == kStarted) {
      arguments.push_back(Napi::Number::New(env, launch.child.pid));
      arguments.push_back(Napi::Number::New(env, launch.spec.input == Input::pipe ? launch.child.input : -1));
    } else if (event.kind == kOutput) {
      arguments.push_back(Napi::Number::New(env, event.stream));
      arguments.push_back(Napi::Buffer<char>::Copy(env, event.chunk.data(), event.chunk.size()));
    } else {
      launches_.erase(launch.id);
      if (launches_.empty()) napi_unref_threadsafe_function(env, told_);
      AddResult(env, launch, &arguments);
    }
    napi_value ignored;
    // A listener that throws leaves its exception pending, and the runtime reports it as uncaught.
    napi_call_function(env, env.Undefined(), function, arguments.size(), arguments.data(), &ignored);
    if (event.kind == kOutput) Supervisor::Instance().Delivered(event.launch, event.stream, event.chunk.size());
  }

  static void AddResult(Napi::Env env, const Launch& launch, std::vector<napi_value>* arguments) {
    const auto number = [env](double value) { return Napi::Number::New(env, value); };
    arguments->push_back(number(launch.exit_code));
    arguments->push_back(number(launch.signal));
    for (const OutputStream& stream : launch.streams) {
      arguments->push_back(Napi::Buffer<char>::Copy(env, stream.kept.data(), stream.kept.size()));
    }
    arguments->push_back(Napi::Boolean::New(env, launch.streams[0].truncated || launch.streams[1].truncated));
    arguments->push_back(number(static_cast<int>(launch.reason.load())));
    arguments->push_back(number(launch.milliseconds));
    if (!launch.failure.failed()) return;
    arguments->push_back(MakeErrnoError(env, launch.failure.error, StepName(launch.failure.step)).Value());
  }

  napi_env env_;
  napi_threadsafe_function told_ = nullptr;
  std::unordered_map<unsigned, std::shared_ptr<Launch>> launches_;
};

Environment* Of(const Napi::CallbackInfo& info) { return static_cast<Environment*>(info.Data()); }

std::string Text(const Napi::Object& object, const char* key) { return object.Get(key).ToString().Utf8Value(); }
double Number(const Napi::Object& object, const char* key) { return object.Get(key).ToNumber().DoubleValue(); }
bool Flag(const Napi::Object& object, const char* key) { return object.Get(key).ToBoolean().Value(); }

// Lists come as one NUL-joined string and their length; false when a part holds a NUL itself.
bool List(const Napi::Object& object, const char* key, std::vector<std::string>* parts) {
  const std::string joined = Text(object, key);
  const size_t count = static_cast<size_t>(Number(object, (std::string(key) + "Count").c_str()));
  size_t at = 0;
  while (parts->size() < count) {
    const size_t end = joined.find('\0', at);
    parts->push_back(joined.substr(at, end == std::string::npos ? end : end - at));
    if (end == std::string::npos) return parts->size() == count;
    at = end + 1;
  }
  return count == 0 && joined.empty();
}

bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

bool ReadConfinement(const Napi::Object& from, LaunchSpec* spec) {
  spec->confined = true;
  spec->uid = static_cast<uid_t>(Number(from, "uid"));
  spec->gid = static_cast<gid_t>(Number(from, "gid"));
  spec->v2_group = Text(from, "v2");
  std::vector<std::string> mounts;
  if (HasNul(spec->v2_group) || !List(from, "v1", &spec->v1_groups) || !List(from, "mounts", &mounts)) return false;
  for (size_t i = 0; i + 1 < mounts.size(); i += 2) spec->mounts.emplace_back(mounts[i], mounts[i + 1]);
  const Napi::Array limits = from.Get("rlimits").As<Napi::Array>();
  for (uint32_t i = 0; i + 2 < limits.Length(); i += 3) {
    const auto value = [&limits](uint32_t at) {
      const double number = limits.Get(at).ToNumber().DoubleValue();
      return number < 0 ? kUnlimited : static_cast<unsigned long long>(number);
    };
    spec->rlimits.push_back({static_cast<int>(value(i)), value(i + 1), value(i + 2)});
  }
  spec->umask = static_cast<int>(Number(from, "umask"));
  spec->oom_score_adj = static_cast<int>(Number(from, "oomScoreAdj"));
  spec->has_label = Flag(from, "hasLabel");
  spec->label = Text(from, "label");
  spec->drop_capabilities = Flag(from, "dropCapabilities");
  spec->no_new_privs = Flag(from, "noNewPrivileges");
  spec->seccomp = Flag(from, "seccomp");
  spec->has_landlock = Flag(from, "hasLandlock");
  return !HasNul(spec->label) && List(from, "readOnly", &spec->landlock_read_only) &&
         List(from, "readWrite", &spec->landlock_read_write);
}

Napi::Value LaunchStart(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Object from = info[0].As<Napi::Object>();
  auto launch = std::make_shared<Launch>();
  LaunchSpec& spec = launch->spec;
  spec.file = Text(from, "file");
  spec.arguments = Text(from, "argv");
  spec.environment = Text(from, "env");
  spec.cwd = Text(from, "cwd");
  spec.input = static_cast<Input>(static_cast<int>(Number(from, "input")));
  if (spec.input == Input::bytes) {
    const auto bytes = from.Get("bytes").As<Napi::Uint8Array>();
    spec.bytes.assign(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
  }
  spec.merge_stderr = Flag(from, "merge");
  spec.keep = Flag(from, "keep");
  launch->tell_started = Flag(from, "tellStarted");
  launch->stream_output = Flag(from, "streamOutput");
  launch->max_output = static_cast<size_t>(Number(from, "maxOutput"));
  launch->drain = static_cast<int>(Number(from, "drain"));
  bool good = !HasNul(spec.file) && !HasNul(spec.cwd);
  good = spec.Split(static_cast<size_t>(Number(from, "argc")), static_cast<size_t>(Number(from, "envc"))) && good;
  const Napi::Value confinement = from.Get("confinement");
  if (confinement.IsObject()) good = ReadConfinement(confinement.As<Napi::Object>(), &spec) && good;
  if (env.IsExceptionPending()) return env.Undefined();
  if (!good || !Of(info)->listening()) {
    ThrowErrno(env, EINVAL, "arguments");
    return env.Undefined();
  }
  return Napi::Number::New(env, Of(info)->Start(std::move(launch)));
}

// launchKill(id, reason): 1 deadline, 2 abort. A launch that has ended is none of its business.
void LaunchKill(const Napi::CallbackInfo& info) {
  const auto launch = Of(info)->Find(info[0].ToNumber().Uint32Value());
  if (launch != nullptr) Supervisor::Instance().Kill(launch, static_cast<EndReason>(info[1].ToNumber().Int32Value()));
}

void LaunchListen(const Napi::CallbackInfo& info) {
  if (!Of(info)->Listen(info.Env(), info[0].As<Napi::Function>())) ThrowErrno(info.Env(), EBUSY, "listen");
}

void RegisterLaunch(Napi::Env env, Napi::Object exports) {
  Environment* environment = new Environment(env);
  napi_add_env_cleanup_hook(
      env,
      [](void* pointer) {
        static_cast<Environment*>(pointer)->Close();
        // Not deleted: the runtime may still hand it what was under way, without an environment.
      },
      environment);
  exports.Set("launchStart", Napi::Function::New(env, LaunchStart, "launchStart", environment));
  exports.Set("launchKill", Napi::Function::New(env, LaunchKill, "launchKill", environment));
  exports.Set("launchListen", Napi::Function::New(env, LaunchListen, "launchListen", environment));
}

OO_REGISTER(RegisterLaunch);

}  // namespace
}  // namespace oo
