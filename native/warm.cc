// See warm.h.
#include "warm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <unordered_map>

#include "landlock.h"
#include "launch.h"

namespace oo {

namespace {

constexpr long long kKeep = 2000;      // milliseconds
constexpr long long kOldest = 30000;   // milliseconds since it was made, however often it is used
constexpr long long kTrust = 250;      // milliseconds for which the system's directories are taken to be the same
constexpr size_t kMostEntries = 64;    // open files are copied at each clone: few of them
constexpr size_t kMostGroups = 4;      // of one gear at once

long long Milliseconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

FileIdentity IdentityOf(const char* path) {
  struct stat about = {};
  if (stat(path, &about) != 0) return {};
  return {about.st_dev, about.st_ino};
}

// The rules name directories as the gear sees them; here, outside its mounts, they are called otherwise.
const char* Outside(const LaunchSpec& spec, const std::string& path) {
  for (const auto& mount : spec.mounts) {
    if (mount.second == path) return mount.first.c_str();
  }
  return path.c_str();
}

const std::string& RulePath(const LaunchSpec& spec, size_t index) {
  const size_t read_only = spec.landlock_read_only.size();
  return index < read_only ? spec.landlock_read_only[index] : spec.landlock_read_write[index - read_only];
}

size_t RuleCount(const LaunchSpec& spec) { return spec.landlock_read_only.size() + spec.landlock_read_write.size(); }

std::vector<FileIdentity> MountIdentities(const LaunchSpec& spec) {
  std::vector<FileIdentity> identities;
  for (const auto& mount : spec.mounts) identities.push_back(IdentityOf(mount.first.c_str()));
  return identities;
}

// The index of the mount whose source or target a rule names, or the number of mounts.
size_t MountOf(const LaunchSpec& spec, const std::string& path) {
  size_t at = 0;
  while (at < spec.mounts.size() && spec.mounts[at].first != path && spec.mounts[at].second != path) ++at;
  return at;
}

std::string KeyOf(const LaunchSpec& spec) {
  std::string key = std::to_string(spec.uid);
  const auto add = [&key](const std::string& part) {
    key += '\0';
    key += part;
  };
  add(spec.v2_group);
  for (const std::string& part : spec.v1_groups) add(part);
  add("m");
  for (const auto& mount : spec.mounts) {
    add(mount.first);
    add(mount.second);
  }
  add("r");
  for (const std::string& part : spec.landlock_read_only) add(part);
  add("w");
  for (const std::string& part : spec.landlock_read_write) add(part);
  return key;
}

}  // namespace

int Warm::OpenV1Files(const LaunchSpec& spec, std::vector<int>* files) {
  const std::lock_guard<std::mutex> lock(mutex_);
  // `tasks`, not cgroup.procs: for a single thread that moves itself the kernel takes no lock over all processes.
  for (size_t i = v1_files_.size(); i < spec.v1_groups.size(); ++i) {
    v1_files_.emplace_back(open((spec.v1_groups[i] + "/tasks").c_str(), O_WRONLY | O_CLOEXEC));
    if (!v1_files_.back().valid()) {
      const int error = errno;
      v1_files_.pop_back();
      return error;
    }
  }
  for (const Descriptor& file : v1_files_) files->push_back(file.get());
  return 0;
}

bool Warm::RulesHold(const LaunchSpec& spec, const std::vector<FileIdentity>& mounts) {
  if (!ruleset_.valid() || rules_.size() != RuleCount(spec)) return false;
  const long long now = Milliseconds();
  const bool all = now - rules_seen_ >= kTrust;
  for (size_t i = 0; i < rules_.size(); ++i) {
    const std::string& path = RulePath(spec, i);
    const bool writable = i >= spec.landlock_read_only.size() && path.compare(0, 5, "/dev/") != 0;
    if (!all && !writable && !rules_[i].absent()) continue;
    const size_t mount = MountOf(spec, path);
    if (!(rules_[i] == (mount < mounts.size() ? mounts[mount] : IdentityOf(path.c_str())))) return false;
  }
  if (all) rules_seen_ = now;
  return true;
}

int Warm::MakeRules(const LaunchSpec& spec) {
  std::vector<const char*> paths;
  std::vector<FileIdentity> identities;
  for (size_t i = 0; i < RuleCount(spec); ++i) {
    paths.push_back(Outside(spec, RulePath(spec, i)));
    identities.push_back(IdentityOf(paths.back()));
  }
  const size_t read_only = spec.landlock_read_only.size();
  int made = -1;
  const int error = MakeLandlockRuleset(paths.data(), read_only, paths.data() + read_only, paths.size() - read_only, &made);
  if (error != 0) return error;
  if (ruleset_.valid()) retired_.push_back(std::move(ruleset_));
  ruleset_.assign(made);
  rules_ = std::move(identities);
  rules_seen_ = Milliseconds();
  return 0;
}

int Warm::Look(const LaunchSpec& spec, View* view) {
  view->mounts = MountIdentities(spec);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (mount_namespace_.valid() && view->mounts == mounts_) view->mount_namespace = mount_namespace_.get();
  if (!spec.has_landlock) return 0;
  if (!RulesHold(spec, view->mounts)) {
    if (const int error = MakeRules(spec)) return error;
  }
  view->ruleset = ruleset_.get();
  return 0;
}

// Entering a namespace moves a process to that namespace's own root, out of a chroot that this process may live in.
// Where the first process has another root than we have, each launch makes its namespace anew.
static bool RootIsTheNamespaces() {
  static const bool same = [] {
    struct stat ours = {}, first = {};
    return stat("/", &ours) == 0 && stat("/proc/1/root/", &first) == 0 && ours.st_dev == first.st_dev &&
           ours.st_ino == first.st_ino;
  }();
  return same;
}

void Warm::KeepMountNamespace(const LaunchSpec& spec, pid_t pid, std::vector<FileIdentity> seen) {
  if (!RootIsTheNamespaces()) return;
  if (!spec.drop_capabilities || spec.uid == 0) return;  // such a program could have changed it
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
  Descriptor found(open(path, O_RDONLY | O_CLOEXEC));  // fails when the child has ended already
  if (!found.valid()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (dropped_) return;
  if (mount_namespace_.valid()) retired_.push_back(std::move(mount_namespace_));
  mount_namespace_ = std::move(found);
  mounts_ = std::move(seen);
}

bool Warm::TakeGroup(LaunchGroup* group) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (groups_.empty()) return false;
  *group = std::move(groups_.back());
  groups_.pop_back();
  return true;
}

void Warm::GiveBackGroup(LaunchGroup group) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    last_used_ = Milliseconds();
    if (!dropped_ && groups_.size() < kMostGroups) {
      groups_.push_back(std::move(group));
      return;
    }
  }
  RemoveLaunchGroup(group);
}

// Its files close with the last launch that holds it.
void Warm::Drop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  dropped_ = true;
  for (const LaunchGroup& group : groups_) RemoveLaunchGroup(group);
  groups_.clear();
}

struct WarmStore::Parts {
  std::mutex mutex;
  std::unordered_map<std::string, std::shared_ptr<Warm>> entries;
};

WarmStore::WarmStore() : parts_(new Parts) {}

WarmStore& WarmStore::Instance() {
  static WarmStore* instance = new WarmStore;
  return *instance;
}

std::shared_ptr<Warm> WarmStore::Find(const LaunchSpec& spec) { return Find(spec, Milliseconds()); }

std::shared_ptr<Warm> WarmStore::Find(const LaunchSpec& spec, long long now) {
  std::shared_ptr<Warm> oldest;
  std::shared_ptr<Warm> found;
  {
    const std::lock_guard<std::mutex> lock(parts_->mutex);
    std::shared_ptr<Warm>& entry = parts_->entries[KeyOf(spec)];
    if (entry != nullptr && now - entry->made_ < kOldest) {
      entry->last_used_ = now;
      return entry;
    }
    oldest = std::move(entry);
    entry = std::make_shared<Warm>();
    entry->last_used_ = entry->made_ = now;
    found = entry;
    if (oldest == nullptr && parts_->entries.size() > kMostEntries) {
      auto last = parts_->entries.end();
      for (auto at = parts_->entries.begin(); at != parts_->entries.end(); ++at) {
        if (at->second != found && (last == parts_->entries.end() || at->second->last_used_ < last->second->last_used_)) last = at;
      }
      oldest = last->second;
      parts_->entries.erase(last);
    }
  }
  if (oldest != nullptr) oldest->Drop();
  if (!spec.v2_group.empty()) SweepDeadHooks(spec.v2_group);
  return found;
}

void WarmStore::Forget(const LaunchSpec& spec) {
  std::shared_ptr<Warm> found;
  {
    const std::lock_guard<std::mutex> lock(parts_->mutex);
    const auto at = parts_->entries.find(KeyOf(spec));
    if (at == parts_->entries.end()) return;
    found = at->second;
    parts_->entries.erase(at);
  }
  found->Drop();
}

bool WarmStore::Sweep() {
  const long long now = Milliseconds();
  std::vector<std::shared_ptr<Warm>> unused;
  bool left = false;
  {
    const std::lock_guard<std::mutex> lock(parts_->mutex);
    for (auto at = parts_->entries.begin(); at != parts_->entries.end();) {
      if (now - at->second->last_used_ >= kKeep && at->second.use_count() == 1) {
        unused.push_back(std::move(at->second));
        at = parts_->entries.erase(at);
      } else {
        ++at;
      }
    }
    left = !parts_->entries.empty();
  }
  for (const auto& warm : unused) warm->Drop();
  return left;
}

void WarmStore::Clear() {
  std::unordered_map<std::string, std::shared_ptr<Warm>> all;
  {
    const std::lock_guard<std::mutex> lock(parts_->mutex);
    all.swap(parts_->entries);
  }
  for (const auto& entry : all) entry.second->Drop();
}

}  // namespace oo
