// The one thread that watches running children: pipes, pidfd, groups that empty, and the few short timers these need.
// Invariant: it never waits for anything but its epoll set, and a launch it has been given belongs to it until Ended.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "supervisor.h"

namespace oo {

long long Microseconds();  // of the monotonic clock

class Reactor {
 public:
  explicit Reactor(LaunchListener& listener);

  // From any thread: takes over a started child.
  void Adopt(const std::shared_ptr<Launch>& launch);
  // From any thread: runs `task` on the reactor's thread.
  void Post(std::function<void()> task);
  // On the reactor's thread: `task` after so many milliseconds.
  void After(int milliseconds, std::function<void()> task);
  // On the reactor's thread.
  void Kill(const std::shared_ptr<Launch>& launch);
  void Resume(const std::shared_ptr<Launch>& launch, int stream);

 private:
  void Run();
  void Handle(unsigned long long key, unsigned events);
  void ReadStream(const std::shared_ptr<Launch>& launch, int stream, bool all);
  void Unwatch(int* descriptor);
  void WriteInput(const std::shared_ptr<Launch>& launch);
  void ChildEnded(const std::shared_ptr<Launch>& launch);
  void EndGroup(const std::shared_ptr<Launch>& launch);
  void LetGoOfGroup(Launch* launch);
  void Drain(const std::shared_ptr<Launch>& launch);
  void Finish(const std::shared_ptr<Launch>& launch);
  void Watch(int descriptor, unsigned events, const Launch& launch, int kind);
  void RunTasks();
  int RunTimers();

  LaunchListener& listener_;
  int epoll_ = -1;
  int wake_ = -1;
  std::mutex mutex_;
  std::vector<std::function<void()>> tasks_;
  std::map<unsigned, std::shared_ptr<Launch>> adopted_;  // under mutex_
  std::multimap<long long, std::function<void()>> timers_;
};

}  // namespace oo
