// launchStart, launchKill, launchInput, launchListen for src/native/launch.ts. All launches of one environment report through one
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
    launches_.clear();  // this object stays; they, and the pipes that nobody took over, go
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

// The request as src/native/launch-request.ts packs it: one string of NUL-ended parts and one array of numbers, since
// every property read across the border costs more than the text. Each `Take` moves on; `good` tells that all was there.
class Request {
 public:
  Request(std::string* text, const double* numbers, size_t count) : text_(text), numbers_(numbers), count_(count) {}

  double Number() {
    if (next_number_ == count_) good_ = false;
    return good_ ? numbers_[next_number_++] : 0;
  }
  size_t Count() { return static_cast<size_t>(Number()); }
  bool Flag() { return Number() != 0; }
  const char* Text() {
    const size_t end = text_->find('\0', next_text_);
    if (end == std::string::npos) {
      good_ = false;
      return "";
    }
    const char* part = text_->c_str() + next_text_;
    next_text_ = end + 1;
    return part;
  }
  void Pointers(size_t count, std::vector<const char*>* parts) {
    parts->reserve(count + 1);
    for (size_t i = 0; i < count && good_; ++i) parts->push_back(Text());
    parts->push_back(nullptr);
  }
  void Texts(size_t count, std::vector<std::string>* parts) {
    for (size_t i = 0; i < count && good_; ++i) parts->emplace_back(Text());
  }
  // A part that held a NUL itself has shifted the others: then some are left.
  bool whole() const { return good_ && next_text_ == text_->size() && next_number_ == count_; }

 private:
  const std::string* text_;
  const double* numbers_;
  size_t count_;
  size_t next_number_ = 0;
  size_t next_text_ = 0;
  bool good_ = true;
};

void ReadConfinement(Request* from, LaunchSpec* spec) {
  spec->confined = true;
  spec->uid = static_cast<uid_t>(from->Number());
  spec->gid = static_cast<gid_t>(from->Number());
  spec->umask = static_cast<int>(from->Number());
  spec->oom_score_adj = static_cast<int>(from->Number());
  spec->drop_capabilities = from->Flag();
  spec->no_new_privs = from->Flag();
  spec->seccomp = from->Flag();
  spec->has_label = from->Flag();
  spec->has_landlock = from->Flag();
  spec->v2_group = from->Text();
  spec->label = from->Text();
  from->Texts(from->Count(), &spec->v1_groups);
  const size_t mounts = from->Count();
  for (size_t i = 0; i < mounts; ++i) {
    const char* source = from->Text();
    spec->mounts.emplace_back(source, from->Text());
  }
  from->Texts(from->Count(), &spec->landlock_read_only);
  from->Texts(from->Count(), &spec->landlock_read_write);
  const auto limit = [from] {
    const double value = from->Number();
    return value < 0 ? kUnlimited : static_cast<unsigned long long>(value);
  };
  const size_t limits = from->Count();
  for (size_t i = 0; i < limits; ++i) {
    RlimitSpec one = {};
    one.resource = static_cast<int>(from->Number());
    one.soft = limit();
    one.hard = limit();
    spec->rlimits.push_back(one);
  }
}

bool ReadLaunch(Request* from, Launch* launch) {
  LaunchSpec& spec = launch->spec;
  spec.file = from->Text();
  spec.cwd = from->Text();
  spec.input = static_cast<Input>(static_cast<int>(from->Number()));
  spec.merge_stderr = from->Flag();
  spec.keep = from->Flag();
  launch->tell_started = from->Flag();
  launch->stream_output = from->Flag();
  launch->max_output = from->Count();
  launch->drain = static_cast<int>(from->Number());
  from->Pointers(from->Count(), &spec.argv);
  from->Pointers(from->Count(), &spec.envp);
  if (from->Flag()) ReadConfinement(from, &spec);
  return from->whole() && spec.argv.size() > 1 && !spec.file.empty();
}

// launchStart(text, numbers, bytes?): the launch's number.
Napi::Value LaunchStart(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto launch = std::make_shared<Launch>();
  LaunchSpec& spec = launch->spec;
  spec.text = info[0].As<Napi::String>().Utf8Value();
  const Napi::Float64Array numbers = info[1].As<Napi::Float64Array>();
  Request request(&spec.text, numbers.Data(), numbers.ElementLength());
  const bool good = ReadLaunch(&request, launch.get());
  if (env.IsExceptionPending()) return env.Undefined();
  if (!good || !Of(info)->listening()) {
    ThrowErrno(env, EINVAL, "arguments");
    return env.Undefined();
  }
  if (spec.input == Input::bytes) {
    const auto bytes = info[2].As<Napi::Uint8Array>();
    spec.bytes.assign(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength());
  }
  return Napi::Number::New(env, Of(info)->Start(std::move(launch)));
}

// launchKill(id, reason): 1 deadline, 2 abort. A launch that has ended is none of its business.
void LaunchKill(const Napi::CallbackInfo& info) {
  const auto launch = Of(info)->Find(info[0].ToNumber().Uint32Value());
  if (launch != nullptr) Supervisor::Instance().Kill(launch, static_cast<EndReason>(info[1].ToNumber().Int32Value()));
}

// launchInput(id): the near end of the input pipe, the caller's from now on; -1 when there is none. What nobody takes
// over closes with the launch: a listener may be told in vain, when its environment is ending.
Napi::Value LaunchInput(const Napi::CallbackInfo& info) {
  const auto launch = Of(info)->Find(info[0].ToNumber().Uint32Value());
  const bool pipe = launch != nullptr && launch->spec.input == Input::pipe;
  return Napi::Number::New(info.Env(), pipe ? std::exchange(launch->child.input, -1) : -1);
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
  exports.Set("launchInput", Napi::Function::New(env, LaunchInput, "launchInput", environment));
  exports.Set("launchListen", Napi::Function::New(env, LaunchListen, "launchListen", environment));
}

OO_REGISTER(RegisterLaunch);

}  // namespace
}  // namespace oo
