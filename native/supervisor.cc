// See supervisor.h.
#include "supervisor.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <thread>
#include <vector>

#include "reactor.h"

namespace oo {

namespace {

constexpr unsigned kMostLaunchers = 128;
constexpr int kHeldUp = 50;  // milliseconds after which a start counts as held up (stopped, or born in a frozen group)

unsigned UsualLaunchers() {
  const unsigned processors = std::thread::hardware_concurrency();
  return std::min(std::max(processors, 2U), 8U);
}

// Signals are for the threads of Node; ours, and so the children before their exec, take none.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

struct Supervisor::Parts : LaunchListener {
  std::mutex mutex;
  std::condition_variable work;
  std::deque<std::shared_ptr<Launch>> queue;
  std::map<unsigned, std::shared_ptr<Launch>> active;  // accepted and not ended
  std::map<unsigned, long long> starting;              // launch to when its start began
  unsigned next_id = 0;
  unsigned launchers = 0;
  unsigned idle = 0;
  bool watching = false;
  Reactor reactor{*this};

  void AddLauncher() {
    ++launchers;
    const SignalsBlocked blocked;
    std::thread([this] { RunLauncher(); }).detach();
  }

  void RunLauncher() {
    pthread_setname_np(pthread_self(), "oo-launcher");
    const ChildStack stack;
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      ++idle;
      work.wait(lock, [this] { return !queue.empty(); });
      --idle;
      const std::shared_ptr<Launch> launch = std::move(queue.front());
      queue.pop_front();
      launch->began = Microseconds();
      starting[launch->id] = launch->began;
      lock.unlock();
      Begin(launch, stack);
      lock.lock();
      starting.erase(launch->id);
      if (launchers > UsualLaunchers() && queue.empty()) {
        --launchers;
        return;
      }
    }
  }

  void Begin(const std::shared_ptr<Launch>& launch, const ChildStack& stack) {
    if (launch->reason.load() != EndReason::none) return Ended(launch);
    launch->failure = StartChild(launch->spec, stack, &launch->child);
    if (launch->failure.failed()) return Ended(launch);
    if (launch->spec.keep && launch->child.group.present()) SweepServiceGroups(launch->child.group);
    if (launch->tell_started) Started(launch);
    reactor.Adopt(launch);
    // A kill that came before the adoption found nothing to kill.
    if (launch->reason.load() != EndReason::none) reactor.Post([this, launch] { reactor.Kill(launch); });
  }

  // A listener that was abandoned is null, and none is abandoned while it is being told.
  void Started(const std::shared_ptr<Launch>& launch) override {
    const std::lock_guard<std::mutex> lock(mutex);
    if (launch->listener != nullptr) launch->listener->Started(launch);
  }

  void Output(const std::shared_ptr<Launch>& launch, int stream, std::string chunk) override {
    const std::lock_guard<std::mutex> lock(mutex);
    if (launch->listener != nullptr) launch->listener->Output(launch, stream, std::move(chunk));
  }

  void Ended(const std::shared_ptr<Launch>& launch) override {
    const std::lock_guard<std::mutex> lock(mutex);
    active.erase(launch->id);
    if (launch->listener != nullptr) launch->listener->Ended(launch);
  }

  // While launches wait and a start is held up by its child, another launcher takes over.
  void WatchQueue() {
    const std::lock_guard<std::mutex> lock(mutex);
    watching = !queue.empty();
    if (!watching) return;
    long long oldest = Microseconds();
    for (const auto& entry : starting) oldest = std::min(oldest, entry.second);
    if (idle == 0 && launchers < kMostLaunchers && Microseconds() - oldest > kHeldUp * 1000LL) AddLauncher();
    reactor.After(kHeldUp, [this] { WatchQueue(); });
  }
};

Supervisor::Supervisor() : parts_(new Parts) {}

Supervisor& Supervisor::Instance() {
  static Supervisor* instance = [] {
    const SignalsBlocked blocked;  // the reactor's thread inherits it
    return new Supervisor;
  }();
  return *instance;
}

void Supervisor::Start(std::shared_ptr<Launch> launch) {
  Parts& parts = *parts_;
  const std::lock_guard<std::mutex> lock(parts.mutex);
  launch->id = ++parts.next_id;
  parts.active[launch->id] = launch;
  parts.queue.push_back(std::move(launch));
  if (parts.idle >= parts.queue.size()) {
    parts.work.notify_one();
  } else if (parts.launchers < UsualLaunchers()) {
    parts.AddLauncher();
  } else if (!parts.watching) {
    parts.watching = true;
    parts.reactor.Post([&parts] { parts.reactor.After(kHeldUp, [&parts] { parts.WatchQueue(); }); });
  }
}

void Supervisor::Kill(const std::shared_ptr<Launch>& launch, EndReason reason) {
  EndReason none = EndReason::none;
  if (!launch->reason.compare_exchange_strong(none, reason)) return;
  Reactor& reactor = parts_->reactor;
  reactor.Post([&reactor, launch] { reactor.Kill(launch); });
}

void Supervisor::Delivered(const std::shared_ptr<Launch>& launch, int stream, size_t bytes) {
  constexpr size_t kResumeBelow = 1 << 19;
  const size_t before = launch->streams[stream].undelivered.fetch_sub(bytes);
  if (before <= kResumeBelow || before - bytes > kResumeBelow) return;
  Reactor& reactor = parts_->reactor;
  reactor.Post([&reactor, launch, stream] { reactor.Resume(launch, stream); });
}

void Supervisor::Abandon(LaunchListener* listener) {
  std::vector<std::shared_ptr<Launch>> left;
  {
    const std::lock_guard<std::mutex> lock(parts_->mutex);
    for (const auto& entry : parts_->active) {
      if (entry.second->listener == listener) left.push_back(entry.second);
    }
    for (const auto& launch : left) launch->listener = nullptr;
  }
  for (const auto& launch : left) Kill(launch, EndReason::abort);
  // The process may be about to end: give the reactor a moment to see the groups empty and removed.
  for (int wait = 0; wait < 200; ++wait) {
    {
      const std::lock_guard<std::mutex> lock(parts_->mutex);
      const auto running = [this](const std::shared_ptr<Launch>& launch) { return parts_->active.count(launch->id) != 0; };
      if (std::none_of(left.begin(), left.end(), running)) return;
    }
    const timespec moment = {0, 1000000};
    nanosleep(&moment, nullptr);
  }
}

}  // namespace oo
