// Runs launches side by side without ever holding up the caller: a few launcher threads start the children (a clone
// waits for its exec), one reactor thread reads their output, sees them end, and ends their groups.
// Invariants: every launch that was accepted ends with exactly one `Ended`; when it is told, the child is reaped, its
// pipes are closed and its group is empty and removed (or, with `keep`, left to the services in it). A child that hangs
// before its exec occupies one launcher only; more are made when all are held up.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "launch.h"

namespace oo {

struct Launch;

enum class EndReason : int { none, deadline, abort };

// Told from the supervisor's threads; must not block.
class LaunchListener {
 public:
  virtual ~LaunchListener() = default;
  virtual void Started(const std::shared_ptr<Launch>& launch) = 0;  // only if `tell_started`
  virtual void Output(const std::shared_ptr<Launch>& launch, int stream, std::string chunk) = 0;  // only if `stream_output`
  virtual void Ended(const std::shared_ptr<Launch>& launch) = 0;    // `failure` set: it never ran
};

struct OutputStream {
  int descriptor = -1;
  std::string kept;
  bool truncated = false;
  bool paused = false;                   // the reactor's own
  std::atomic<size_t> undelivered{0};    // streamed and not yet taken by the listener
};

struct Launch {
  unsigned id = 0;  // given by Supervisor::Start
  // Set by the caller, then constant.
  LaunchSpec spec;
  LaunchListener* listener = nullptr;
  bool tell_started = false;
  bool stream_output = false;
  size_t max_output = 1 << 20;
  int drain = 200;  // milliseconds

  // The result.
  StepFailure failure;
  int exit_code = -1;
  int signal = 0;
  double milliseconds = 0;
  OutputStream streams[2];

  std::atomic<EndReason> reason{EndReason::none};
  Child child;

  // The supervisor's own.
  std::atomic<bool> running{false};  // the reactor knows it
  std::atomic<bool> ended{false};
  bool reaped = false;
  bool group_watched = false;
  bool group_timer = false;
  long long began = 0;    // microseconds
  long long give_up = 0;  // when a group that will not become empty is left
  size_t input_written = 0;
};

class Supervisor {
 public:
  static Supervisor& Instance();  // made at the first call, never destroyed: its threads live as long as the process

  void Start(std::shared_ptr<Launch> launch);
  void Kill(const std::shared_ptr<Launch>& launch, EndReason reason);
  // The listener has taken `bytes` of a stream.
  void Delivered(const std::shared_ptr<Launch>& launch, int stream, size_t bytes);
  // The listener (null: all) goes away: its launches are killed, and it hears nothing more. Nothing is kept warm.
  void Abandon(LaunchListener* listener);

 private:
  Supervisor();
  struct Parts;
  Parts* const parts_;
};

}  // namespace oo
