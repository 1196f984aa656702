// See reactor.h.
#include "reactor.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <thread>

namespace oo {

namespace {

enum Kind : int { kOutput = 0, kError = 1, kInput = 2, kChild = 3, kGroup = 4 };
constexpr unsigned long long kWake = ~0ULL;
constexpr size_t kStreamAhead = 1 << 20;     // a slow listener stops the reading, and so the writer, beyond this
constexpr int kGroupRetry = 20;              // milliseconds between looks at what tells nothing by itself
constexpr long long kGroupPatience = 30000000;  // microseconds; only a process stuck in the kernel takes that long

}  // namespace

long long Microseconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

Reactor::Reactor(LaunchListener& listener)
    : listener_(listener), epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = kWake;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  std::thread([this] { Run(); }).detach();
}

void Reactor::Watch(int descriptor, unsigned events, const Launch& launch, int kind) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = static_cast<unsigned long long>(launch.id) << 8 | static_cast<unsigned>(kind);
  epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
}

void Reactor::Adopt(const std::shared_ptr<Launch>& launch) {
  launch->streams[0].descriptor = launch->child.output;
  launch->streams[1].descriptor = launch->child.error;
  const std::lock_guard<std::mutex> lock(mutex_);  // the reactor looks a launch up under it, so it sees it whole
  adopted_[launch->id] = launch;
  launch->running = true;
  Watch(launch->child.output, EPOLLIN, *launch, kOutput);
  if (launch->child.error >= 0) Watch(launch->child.error, EPOLLIN, *launch, kError);
  if (launch->spec.input == Input::bytes) Watch(launch->child.input, EPOLLOUT, *launch, kInput);
  Watch(launch->child.pidfd.load(), EPOLLIN, *launch, kChild);
}

void Reactor::Post(std::function<void()> task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  const unsigned long long one = 1;
  if (write(wake_, &one, sizeof(one)) < 0) return;  // full: it is awake
}

void Reactor::After(int milliseconds, std::function<void()> task) {
  timers_.emplace(Microseconds() + milliseconds * 1000LL, std::move(task));
}

int Reactor::RunTimers() {
  while (!timers_.empty()) {
    const long long left = timers_.begin()->first - Microseconds();
    if (left > 0) return static_cast<int>((left + 999) / 1000);
    const std::function<void()> task = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    task();
  }
  return -1;
}

void Reactor::RunTasks() {
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks.swap(tasks_);
  }
  for (const auto& task : tasks) task();
}

void Reactor::Run() {
  pthread_setname_np(pthread_self(), "oo-reactor");
  epoll_event events[64];
  for (;;) {
    const int count = epoll_wait(epoll_, events, 64, RunTimers());
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == kWake) {
        unsigned long long drop;
        while (read(wake_, &drop, sizeof(drop)) > 0) continue;
        RunTasks();
      } else {
        Handle(events[i].data.u64, events[i].events);
      }
    }
  }
}

void Reactor::Handle(unsigned long long key, unsigned) {
  std::shared_ptr<Launch> launch;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = adopted_.find(static_cast<unsigned>(key >> 8));
    if (found == adopted_.end()) return;  // an event of a launch that an earlier one of this round finished
    launch = found->second;
  }
  switch (static_cast<int>(key & 0xff)) {
    case kOutput:
    case kError:
      return ReadStream(launch, static_cast<int>(key & 0xff), false);
    case kInput:
      return WriteInput(launch);
    case kChild:
      return ChildEnded(launch);
    default:
      return EndGroup(launch);
  }
}

// A child that is just being started holds copies until its exec, so closing alone would not end the watch.
void Reactor::Unwatch(int* descriptor) {
  if (*descriptor < 0) return;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, *descriptor, nullptr);
  close(*descriptor);
  *descriptor = -1;
}

// One turn of at most 256 KiB, so that one loud launch does not hold up the others; `all`: what a pipe can hold.
void Reactor::ReadStream(const std::shared_ptr<Launch>& launch, int number, bool all) {
  static char part[65536];
  OutputStream& stream = launch->streams[number];
  for (int turn = 0; stream.descriptor >= 0 && turn < (all ? 16 : 4); ++turn) {
    const ssize_t got = read(stream.descriptor, part, sizeof(part));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      Unwatch(&stream.descriptor);
      break;
    }
    const size_t size = static_cast<size_t>(got);
    const size_t room = launch->max_output - stream.kept.size();
    stream.kept.append(part, size < room ? size : room);
    if (size > room) stream.truncated = true;
    if (launch->stream_output) {
      listener_.Output(launch, number, std::string(part, size));
      if (stream.undelivered.fetch_add(size) + size > kStreamAhead && !all) {
        epoll_event event = {};
        event.data.u64 = static_cast<unsigned long long>(launch->id) << 8 | static_cast<unsigned>(number);
        epoll_ctl(epoll_, EPOLL_CTL_MOD, stream.descriptor, &event);
        stream.paused = true;
        return;
      }
    }
    if (size < sizeof(part)) break;  // most likely empty now; if not, epoll says so
  }
  if (launch->reaped && launch->streams[0].descriptor < 0 && launch->streams[1].descriptor < 0) Drain(launch);
}

void Reactor::Resume(const std::shared_ptr<Launch>& launch, int number) {
  OutputStream& stream = launch->streams[number];
  if (launch->ended || !stream.paused || stream.descriptor < 0 || stream.undelivered.load() > kStreamAhead / 2) return;
  stream.paused = false;
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<unsigned long long>(launch->id) << 8 | static_cast<unsigned>(number);
  epoll_ctl(epoll_, EPOLL_CTL_MOD, stream.descriptor, &event);
}

void Reactor::WriteInput(const std::shared_ptr<Launch>& launch) {
  const std::string& bytes = launch->spec.bytes;
  while (launch->child.input >= 0 && launch->input_written < bytes.size()) {
    const ssize_t written = write(launch->child.input, bytes.data() + launch->input_written, bytes.size() - launch->input_written);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0) break;  // it does not want to read on
    launch->input_written += static_cast<size_t>(written);
  }
  Unwatch(&launch->child.input);
}

void Reactor::Kill(const std::shared_ptr<Launch>& launch) {
  if (launch->ended) return;
  {
    const std::lock_guard<std::mutex> lock(launch->child.guard);
    const int pidfd = launch->child.pidfd.load();
    if (pidfd >= 0) {
      // Without a group its session is all that is known of its descendants; its id cannot be reused while it is held.
      if (!launch->child.group.present() && launch->running) kill(-launch->child.pid, SIGKILL);
      syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
    }
  }
  if (!launch->running) {  // in its start, or not begun: there may be nothing to kill yet
    After(kGroupRetry, [this, launch] { Kill(launch); });
    return;
  }
  if (launch->child.group.present()) KillLaunchGroup(launch->child.group);
  if (launch->reaped) EndGroup(launch);
}

void Reactor::ChildEnded(const std::shared_ptr<Launch>& launch) {
  if (launch->reaped) return;
  const bool keep = launch->spec.keep && launch->reason.load() == EndReason::none;
  if (!launch->child.group.present() && !keep) kill(-launch->child.pid, SIGKILL);  // while the zombie holds the id
  siginfo_t ended = {};
  {
    const std::lock_guard<std::mutex> lock(launch->child.guard);
    int pidfd = launch->child.pidfd.exchange(-1);
    waitid(P_PIDFD, static_cast<id_t>(pidfd), &ended, WEXITED | __WALL);
    Unwatch(&pidfd);
  }
  launch->reaped = true;
  launch->milliseconds = static_cast<double>(Microseconds() - launch->began) / 1000;
  if (ended.si_code == CLD_EXITED) {
    launch->exit_code = ended.si_status;
  } else {
    launch->signal = ended.si_status;
  }
  if (launch->spec.input == Input::bytes) Unwatch(&launch->child.input);
  if (launch->child.group.present() && !keep) return EndGroup(launch);
  // What goes on writing: services that stay, or descendants of a launch without a group. Listen a little longer.
  ReadStream(launch, 0, false);
  if (!launch->ended) ReadStream(launch, 1, false);
  if (launch->ended) return;
  if (launch->streams[0].descriptor < 0 && launch->streams[1].descriptor < 0) return Drain(launch);
  After(launch->drain, [this, launch] { Drain(launch); });
}

// Kill, wait until empty, let go. Emptiness is looked at first: mostly nobody is left, and then that is all.
void Reactor::EndGroup(const std::shared_ptr<Launch>& launch) {
  if (launch->ended || !launch->reaped) return;
  LaunchGroup& group = launch->child.group;
  if (group.present() && !LaunchGroupEmpty(group)) {
    const long long now = Microseconds();
    const bool first = launch->give_up == 0;
    if (first) launch->give_up = now + kGroupPatience;
    KillLaunchGroup(group);  // again each time: where the kernel has no cgroup.kill one may have been missed
    if (first && group.v2) {
      Watch(group.events.get(), EPOLLPRI, *launch, kGroup);
      launch->group_watched = true;
    }
    if (!LaunchGroupEmpty(group) && now < launch->give_up) {
      if (!launch->group_timer) {
        launch->group_timer = true;
        After(kGroupRetry, [this, launch] {
          launch->group_timer = false;
          EndGroup(launch);
        });
      }
      return;
    }
  }
  if (launch->group_watched) epoll_ctl(epoll_, EPOLL_CTL_DEL, group.events.get(), nullptr);
  if (group.present()) LetGoOfGroup(launch.get());
  Finish(launch);
}

void Reactor::LetGoOfGroup(Launch* launch) {
  LaunchGroup& group = launch->child.group;
  // A group that was killed is not used again (see Entry in launch.cc).
  const bool killed = launch->give_up != 0 || launch->reason.load() != EndReason::none;
  if (group.v2 && !launch->spec.keep && !killed && launch->child.warm != nullptr) {
    launch->child.warm->GiveBackGroup(std::move(group));
  } else {
    RemoveLaunchGroup(group);
  }
}

void Reactor::Drain(const std::shared_ptr<Launch>& launch) {
  if (launch->ended || !launch->reaped) return;
  if (launch->reason.load() != EndReason::none || (launch->child.group.present() && !launch->spec.keep)) {
    return EndGroup(launch);
  }
  if (launch->child.group.present()) RemoveLaunchGroup(launch->child.group);  // no service was started: nothing to keep
  Finish(launch);
}

void Reactor::Finish(const std::shared_ptr<Launch>& launch) {
  if (launch->ended) return;
  launch->ended = true;
  for (int stream = 0; stream < 2; ++stream) {
    ReadStream(launch, stream, true);
    Unwatch(&launch->streams[stream].descriptor);
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    adopted_.erase(launch->id);
  }
  listener_.Ended(launch);
}

}  // namespace oo
