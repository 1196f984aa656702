// The supervisor without Node: launches from several threads, results, kills, failures, nothing left behind. As root it
// also confines, in a control group of its own that it removes.
// sources: supervisor.cc reactor.cc launch.cc launch_child.cc launch_group.cc warm.cc cgroup.cc clone.cc confine.cc landlock.cc seccomp.cc
#include "../launch.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <map>
#include <thread>

#include "../cgroup.h"
#include "../landlock.h"
#include "../supervisor.h"
#include "../warm.h"
#include "check.h"

using oo::EndReason;
using oo::Launch;

namespace {

class Collector final : public oo::LaunchListener {
 public:
  void Started(const std::shared_ptr<Launch>&) override { Count(&started); }
  void Output(const std::shared_ptr<Launch>& launch, int stream, std::string chunk) override {
    oo::Supervisor::Instance().Delivered(launch, stream, chunk.size());
    const std::lock_guard<std::mutex> lock(mutex_);
    streamed += chunk.size();
  }
  void Ended(const std::shared_ptr<Launch>&) override { Count(&ended); }
  bool WaitEnded(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ended >= count; });
  }
  bool WaitStarted(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [&] { return started >= count; });
  }
  int started = 0;
  int ended = 0;
  size_t streamed = 0;

 private:
  void Count(int* counter) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++*counter;
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

std::shared_ptr<Launch> Bash(Collector* collector, const char* script) {
  auto launch = std::make_shared<Launch>();
  launch->listener = collector;
  launch->spec.file = "/bin/bash";
  launch->spec.argv = {"bash", "-c", script, nullptr};
  launch->spec.envp = {"PATH=/usr/bin:/bin", nullptr};
  launch->spec.cwd = "/";
  return launch;
}

int OpenFiles() {
  int count = 0;
  DIR* directory = opendir("/proc/self/fd");
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

void Start(const std::shared_ptr<Launch>& launch) { oo::Supervisor::Instance().Start(launch); }

// The group of a test gear in the v2 tree; empty where there is none to be had.
class TestGroup {
 public:
  TestGroup() {
    for (const char* root : {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"}) {
      if (!oo::IsV2Group(root)) continue;
      const std::string path = std::string(root) + "/oo-test-" + std::to_string(getpid());
      if (mkdir(path.c_str(), 0755) == 0) path_ = path;
      return;
    }
  }
  ~TestGroup() {
    if (path_.empty()) return;
    oo::KillGroup(path_);
    oo::WaitGroupEmpty(path_, 5000);
    CHECK_EQUAL(oo::RemoveGroupTree(path_), 0);
  }
  const std::string& path() const { return path_; }
  bool usable() const { return !path_.empty() && geteuid() == 0; }

 private:
  std::string path_;
};

std::shared_ptr<Launch> Confined(Collector* collector, const TestGroup& group, const char* script) {
  auto launch = Bash(collector, script);
  oo::LaunchSpec& spec = launch->spec;
  spec.confined = true;
  spec.uid = spec.gid = 65533;
  spec.v2_group = group.path();
  spec.mounts = {{"/var", "/mnt"}};
  spec.rlimits = {{7, 500, 500}, {4, 0, oo::kUnlimited}};
  spec.oom_score_adj = 100;
  spec.seccomp = true;
  spec.has_landlock = oo::LandlockAbi() > 0;
  spec.landlock_read_only = {"/usr", "/bin", "/lib", "/lib64", "/proc", "/etc"};
  spec.landlock_read_write = {"/dev/null", "/mnt"};
  return launch;
}

}  // namespace

TEST(output_status_and_signals_come_back) {
  Collector collector;
  const auto plain = Bash(&collector, "echo out; echo err >&2; exit 5");
  const auto killed = Bash(&collector, "kill -TERM $$");
  const auto input = Bash(&collector, "wc -c");
  input->spec.input = oo::Input::bytes;
  input->spec.bytes = std::string(500000, 'x');
  for (const auto& launch : {plain, killed, input}) Start(launch);
  CHECK(collector.WaitEnded(3));
  CHECK_EQUAL(plain->exit_code, 5);
  CHECK_EQUAL(plain->streams[0].kept, "out\n");
  CHECK_EQUAL(plain->streams[1].kept, "err\n");
  CHECK_EQUAL(killed->signal, SIGTERM);
  CHECK_EQUAL(input->streams[0].kept, "500000\n");
}

TEST(failures_name_their_step) {
  Collector collector;
  const auto no_program = Bash(&collector, "");
  no_program->spec.file = "/nowhere";
  const auto no_directory = Bash(&collector, "");
  no_directory->spec.cwd = "/nowhere";
  const auto no_group = Bash(&collector, "");
  no_group->spec.confined = true;
  no_group->spec.v2_group = "/sys/fs/cgroup/nowhere/at/all";
  for (const auto& launch : {no_program, no_directory, no_group}) Start(launch);
  CHECK(collector.WaitEnded(3));
  CHECK_EQUAL(std::string(oo::StepName(no_program->failure.step)), "exec");
  CHECK_EQUAL(no_program->failure.error, ENOENT);
  CHECK_EQUAL(std::string(oo::StepName(no_directory->failure.step)), "cwd");
  CHECK_EQUAL(std::string(oo::StepName(no_group->failure.step)), "cgroup");
}

TEST(kills_in_every_state) {
  Collector collector;
  std::map<int, std::shared_ptr<Launch>> launches;
  for (int i = 0; i < 60; ++i) {
    launches[i] = Bash(&collector, "sleep 60");
    Start(launches[i]);
    if (i % 3 == 0) oo::Supervisor::Instance().Kill(launches[i], EndReason::abort);  // in the queue or in its start
  }
  for (const auto& entry : launches) oo::Supervisor::Instance().Kill(entry.second, EndReason::deadline);
  CHECK(collector.WaitEnded(60));
  for (const auto& entry : launches) {
    CHECK_EQUAL(entry.second->signal, SIGKILL);
    CHECK(entry.second->reason.load() == (entry.first % 3 == 0 ? EndReason::abort : EndReason::deadline));
    oo::Supervisor::Instance().Kill(entry.second, EndReason::abort);  // too late does no harm
  }
}

TEST(many_from_several_threads_leave_nothing) {
  Collector warm_up;
  for (int i = 0; i < 20; ++i) Start(Bash(&warm_up, "exit 0"));
  CHECK(warm_up.WaitEnded(20));
  const int before = OpenFiles();
  Collector collector;
  std::vector<std::shared_ptr<Launch>> launches[4];
  std::vector<std::thread> threads;
  for (auto& own : launches) {
    threads.emplace_back([&own, &collector] {
      for (int i = 0; i < 50; ++i) {
        own.push_back(Bash(&collector, i % 2 == 0 ? "head -c 200000 /dev/zero; exit 3" : "exit 3"));
        own.back()->stream_output = i % 4 == 0;
        own.back()->tell_started = true;
        own.back()->max_output = 1000;
        if (i % 7 == 0) own.back()->spec.file = "/nowhere";
        Start(own.back());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(collector.WaitEnded(200));
  CHECK_EQUAL(collector.started, 4 * (50 - 8));
  for (const auto& own : launches) {
    for (const auto& launch : own) {
      if (launch->spec.file == "/nowhere") continue;
      CHECK_EQUAL(launch->exit_code, 3);
      CHECK(launch->streams[0].kept.size() <= 1000);
    }
  }
  CHECK_EQUAL(OpenFiles(), before);
}

TEST(what_is_warm_is_made_anew_now_and_then_however_often_it_is_used) {
  oo::LaunchSpec spec;
  spec.uid = 65533;
  oo::WarmStore& store = oo::WarmStore::Instance();
  const auto first = store.Find(spec, 1000000);
  for (long long now = 1000000; now < 1030000; now += 500) CHECK(store.Find(spec, now) == first);
  const auto second = store.Find(spec, 1030000);
  CHECK(second != first);
  CHECK(store.Find(spec, 1030001) == second);
  store.Forget(spec);
}

TEST(confined_launches_share_what_is_warm_and_end_as_groups) {
  const TestGroup group;
  if (!group.usable()) {
    printf("  (skipped: not root, or no v2 control group)\n");
    return;
  }
  Collector collector;
  std::vector<std::shared_ptr<Launch>> launches;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 6; ++i) {
      launches.push_back(Confined(&collector, group, "id -u; grep -c ' /mnt ' /proc/self/mounts; setsid sleep 60 & exit 0"));
      Start(launches.back());
    }
    CHECK(collector.WaitEnded(6 * (round + 1)));
  }
  for (const auto& launch : launches) {
    CHECK_EQUAL(std::string(oo::StepName(launch->failure.step)), "none");
    CHECK_EQUAL(launch->exit_code, 0);
    CHECK_EQUAL(launch->streams[0].kept, "65533\n1\n");
  }
  std::vector<int> left;
  oo::GroupProcesses(group.path(), true, &left);
  CHECK_EQUAL(left.size(), 0U);

  const auto service = Confined(&collector, group, "sleep 60 & exit 0");
  service->spec.keep = true;
  service->drain = 20;
  Start(service);
  CHECK(collector.WaitEnded(31));
  oo::GroupProcesses(group.path(), true, &left);
  CHECK_EQUAL(left.size(), 1U);
  // A listener that goes takes its running launches along, and what is warm.
  const auto forgotten = Confined(&collector, group, "sleep 60");
  forgotten->tell_started = true;
  Start(forgotten);
  CHECK(collector.WaitStarted(1));
  oo::Supervisor::Instance().Abandon(&collector);
  left.clear();
  oo::GroupProcesses(group.path(), true, &left);
  CHECK_EQUAL(left.size(), 1U);  // the service
}
