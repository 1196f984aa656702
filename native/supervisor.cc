// See supervisor.h.
#include "supervisor.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
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
constexpr int kSweep = 1000;  // milliseconds between looks at what is kept warm
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

// Launchers of one kind and what waits for them.
struct Pool {
  bool bounding_set_empty = false;
  std::condition_variable work;
  std::deque<std::shared_ptr<Launch>> queue;
  unsigned launchers = 0;
  unsigned idle = 0;
};

struct Supervisor::Parts : LaunchListener {
  std::mutex mutex;
  Pool pools[2];  // with all capabilities to give; and with none, so that no child has to drop them one by one
  std::map<unsigned, std::shared_ptr<Launch>> active;  // accepted and not ended
  std::map<unsigned, long long> starting;              // launch to when its start began
  unsigned next_id = 0;
  bool watching = false;
  std::atomic<bool> sweeping{false};
  Reactor reactor{*this};

  Parts() { pools[1].bounding_set_empty = true; }

  void AddLauncher(Pool* pool) {
    ++pool->launchers;
    const SignalsBlocked blocked;
    std::thread([this, pool] { RunLauncher(pool); }).detach();
  }

  void RunLauncher(Pool* pool) {
    pthread_setname_np(pthread_self(), "oo-launcher");
    Launcher launcher;
    if (pool->bounding_set_empty) {
      ConfineSpec bounding;
      bounding.drop_capabilities = true;
      launcher.bounding_set_empty = ConfineCapabilities(bounding) == 0;  // if not, each child tries and reports
    }
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      ++pool->idle;
      pool->work.wait(lock, [pool] { return !pool->queue.empty(); });
      --pool->idle;
      const std::shared_ptr<Launch> launch = std::move(pool->queue.front());
      pool->queue.pop_front();
      launch->began = Microseconds();
      starting[launch->id] = launch->began;
      lock.unlock();
      Begin(launch, launcher);
      lock.lock();
      starting.erase(launch->id);
      if (pool->launchers > UsualLaunchers() && pool->queue.empty()) {
        --pool->launchers;
        return;
      }
    }
  }

  void Begin(const std::shared_ptr<Launch>& launch, const Launcher& launcher) {
    if (launch->reason.load() == EndReason::none) launch->failure = StartChild(launch->spec, launcher, &launch->child);
    if (launch->reason.load() != EndReason::none && launch->child.pidfd.load() < 0) {
      launch->failure = {};  // it was not let run: that is a result, not a failure
      launch->signal = SIGKILL;
      return Ended(launch);
    }
    if (launch->failure.failed()) return Ended(launch);
    if (launch->spec.keep && launch->child.group.present()) SweepServiceGroups(launch->child.group);
    if (launch->tell_started) Started(launch);
    if (launch->child.warm != nullptr && !sweeping.exchange(true)) {
      reactor.Post([this] { reactor.After(kSweep, [this] { SweepWarm(); }); });
    }
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
    launch->ended = true;
    active.erase(launch->id);
    if (launch->listener != nullptr) launch->listener->Ended(launch);
  }

  // While launches wait and a start is held up by its child, another launcher takes over.
  void WatchQueues() {
    const std::lock_guard<std::mutex> lock(mutex);
    long long oldest = Microseconds();
    for (const auto& entry : starting) oldest = std::min(oldest, entry.second);
    const bool held_up = Microseconds() - oldest > kHeldUp * 1000LL;
    watching = false;
    for (Pool& pool : pools) {
      if (pool.queue.empty()) continue;
      watching = true;
      if (held_up && pool.idle == 0 && pool.launchers < kMostLaunchers) AddLauncher(&pool);
    }
    if (watching) reactor.After(kHeldUp, [this] { WatchQueues(); });
  }

  void SweepWarm() {
    if (WarmStore::Instance().Sweep()) {
      reactor.After(kSweep, [this] { SweepWarm(); });
      return;
    }
    sweeping = false;  // what a launch keeps from now on starts it again: it looks at `sweeping` after it has kept it
  }
};

Supervisor::Supervisor() : parts_(new Parts) {}

Supervisor& Supervisor::Instance() {
  static Supervisor* instance = [] {
    const SignalsBlocked blocked;  // the reactor's thread inherits it
    // process.exit() runs no cleanup of environments, but this.
    atexit([] { Instance().Abandon(nullptr); });
    return new Supervisor;
  }();
  return *instance;
}

void Supervisor::Start(std::shared_ptr<Launch> launch) {
  Parts& parts = *parts_;
  Pool& pool = parts.pools[WantsEmptyBoundingSet(launch->spec) ? 1 : 0];
  const std::lock_guard<std::mutex> lock(parts.mutex);
  launch->id = ++parts.next_id;
  parts.active[launch->id] = launch;
  pool.queue.push_back(std::move(launch));
  if (pool.idle >= pool.queue.size()) {
    pool.work.notify_one();
  } else if (pool.launchers < UsualLaunchers()) {
    parts.AddLauncher(&pool);
  } else if (!parts.watching) {
    parts.watching = true;
    parts.reactor.Post([&parts] { parts.reactor.After(kHeldUp, [&parts] { parts.WatchQueues(); }); });
  }
}

void Supervisor::Kill(const std::shared_ptr<Launch>& launch, EndReason reason) {
  EndReason none = EndReason::none;
  if (!launch->reason.compare_exchange_strong(none, reason)) return;
  launch->child.cancelled = true;
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
      if (listener == nullptr || entry.second->listener == listener) left.push_back(entry.second);
    }
    for (const auto& launch : left) launch->listener = nullptr;
  }
  for (const auto& launch : left) Kill(launch, EndReason::abort);
  // The process may be about to end: give the reactor a moment to see the groups empty and removed.
  for (int wait = 0; wait < 200; ++wait) {
    {
      const std::lock_guard<std::mutex> lock(parts_->mutex);
      const auto running = [this](const std::shared_ptr<Launch>& launch) { return parts_->active.count(launch->id) != 0; };
      if (std::none_of(left.begin(), left.end(), running)) break;
    }
    const timespec moment = {0, 1000000};
    nanosleep(&moment, nullptr);
  }
  WarmStore::Instance().Clear();
}

}  // namespace oo
