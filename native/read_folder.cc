// read_folder of beneath.h: many small files in one go, as a gear's variables are kept. What a tenant has put
// there that is no such file is passed over, so that it cannot keep the node from reading the others. What
// was read is remembered, and read again only where a look at the folder or the file shows a change.
// Invariant: a text is taken from memory only while its file has the very same times as when it was read, and
// only if those lay so far back then that a change since must show in them. Nothing remembered holds a
// descriptor.
#include <dirent.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>

#include "beneath_parts.h"

namespace oo::beneath {

namespace {

constexpr size_t kLongestWord = 128;
constexpr int kMostChunks = 32;  // of 32 KiB of names: beyond this a folder is no place of variables
constexpr long long kSettled = 100000000;  // nanoseconds; file times tick every ten milliseconds at worst
constexpr size_t kMostOfFolder = 2 * 1024 * 1024;  // of all texts of one folder: what comes after is passed over
constexpr size_t kMostRemembered = 64 * 1024;      // of one folder: a larger one is read each time
constexpr size_t kMostFolders = 4096;
constexpr size_t kMostBytes = 16 * 1024 * 1024;

long long Nanoseconds(const timespec& time) { return time.tv_sec * 1000000000LL + time.tv_nsec; }

long long Now() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);  // the clock that file times are taken from
  return Nanoseconds(now);
}

// What of an entry changes with every change of its content, owner, mode or links.
struct Stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  long long modified = 0;
  long long changed = 0;

  Stamp() = default;
  explicit Stamp(const struct stat& info)
      : device(info.st_dev),
        inode(info.st_ino),
        size(info.st_size),
        modified(Nanoseconds(info.st_mtim)),
        changed(Nanoseconds(info.st_ctim)) {}
  bool operator==(const Stamp& other) const {
    return device == other.device && inode == other.inode && size == other.size &&
           modified == other.modified && changed == other.changed;
  }
};

struct Known {
  std::string name;
  std::string text;
  Stamp stamp;
  bool settled = false;
  bool taken = false;  // false: passed over
};

struct Folder {
  Stamp stamp;
  bool settled = false;
  size_t most = 0;
  size_t limit = 0;
  size_t bytes = 0;
  unsigned generation = 0;
  std::vector<Known> files;
  std::vector<std::string> folders;
};

class Memory {
 public:
  std::shared_ptr<const Folder> find(const Stamp& folder) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = folders_.find({folder.device, folder.inode});
    return found == folders_.end() ? nullptr : found->second;
  }
  void keep(const std::shared_ptr<Folder>& folder) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (++generation_ == 0) ++generation_;
    folder->generation = generation_;
    if (folder->bytes > kMostRemembered) return;
    if (folders_.size() >= kMostFolders || bytes_ + folder->bytes > kMostBytes) {
      folders_.clear();
      bytes_ = 0;
    }
    std::shared_ptr<const Folder>& place = folders_[{folder->stamp.device, folder->stamp.inode}];
    bytes_ += folder->bytes - (place == nullptr ? 0 : place->bytes);
    place = folder;
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<dev_t, ino_t>, std::shared_ptr<const Folder>> folders_;
  size_t bytes_ = 0;
  unsigned generation_ = 0;
};

Memory& memory() {
  static Memory* const instance = new Memory;  // never destroyed: threads may read until the end
  return *instance;
}

bool is_word(const char* name) {
  size_t length = 0;
  for (; name[length] != '\0'; ++length) {
    const char c = name[length];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(length > 0 && c >= '0' && c <= '9')) return false;
  }
  return length > 0 && length <= kLongestWord;
}

// The entry, not the system, is what stands in the way.
bool passed_over(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP || error == EXDEV || error == EACCES ||
         error == EPERM || error == ENXIO || error == ENODEV;
}

// No FIFO blocks (O_NONBLOCK), no link is followed, and nobody but root can put a device below
// a home.
Failure read_one(int directory, const struct stat& around, size_t limit, Known* out) {
  const char* name = out->name.c_str();
  const long long before = Now();
  Descriptor file(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.valid()) return passed_over(errno) ? Failure{} : failed("open", out->name);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return failed("stat", out->name);
  out->stamp = Stamp(info);
  out->settled = out->stamp.changed + kSettled < before;
  if (!S_ISREG(info.st_mode) || maybe_planted(around, info)) return {};
  if (static_cast<unsigned long long>(info.st_size) > limit) return {};
  std::string text(static_cast<size_t>(info.st_size), '\0');
  size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t count = read(file.get(), text.data() + filled, text.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed("read", out->name);
    if (count == 0) break;
    filled += static_cast<size_t>(count);
  }
  text.resize(filled);
  out->text = std::move(text);
  out->taken = true;
  return {};
}

Failure list(int folder, size_t most, std::vector<std::string>* names, std::vector<std::string>* folders) {
  alignas(8) char buffer[32 * 1024];
  for (int chunk = 0; chunk < kMostChunks; ++chunk) {
    const long count = syscall(SYS_getdents64, folder, buffer, sizeof(buffer));
    if (count < 0) return failed("list");
    if (count == 0) return {};
    for (long at = 0; at < count;) {
      const char* record = buffer + at;
      unsigned short length;
      memcpy(&length, record + offsetof(struct dirent64, d_reclen), sizeof(length));
      const auto type = static_cast<unsigned char>(record[offsetof(struct dirent64, d_type)]);
      const char* name = record + offsetof(struct dirent64, d_name);
      at += length;
      if (type == DT_DIR) {
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && folders->size() < most)
          folders->push_back(name);
      } else if ((type == DT_REG || type == DT_UNKNOWN) && is_word(name) && names->size() < most) {
        names->push_back(name);
      }
    }
  }
  return {};
}

// Each file of `names`, from what is known where that still holds; `fresh` tells whether any had to be read.
Failure read_all(int directory, const struct stat& around, const std::vector<std::string>& names,
                 const Folder* known, Folder* now, bool* fresh) {
  std::map<std::string_view, const Known*> by_name;
  if (known != nullptr) {
    for (const Known& file : known->files) by_name.emplace(file.name, &file);
  }
  for (const std::string& name : names) {
    if (now->bytes > kMostOfFolder) break;
    const auto found = by_name.find(name);
    struct stat info;
    if (found != by_name.end() && found->second->settled &&
        fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        Stamp(info) == found->second->stamp) {
      now->files.push_back(*found->second);
    } else {
      *fresh = true;
      Known file;
      file.name = name;
      if (Failure failure = read_one(directory, around, now->limit, &file)) return failure;
      now->files.push_back(std::move(file));
    }
    now->bytes += name.size() + now->files.back().text.size() + sizeof(Known);
  }
  return {};
}

}  // namespace

Failure read_folder(int base, const char* path, size_t most, size_t limit, unsigned known_generation,
                    FolderContent* out) {
  Descriptor directory;
  const long long before = Now();
  *out = {};
  if (Failure failure = open_beneath(base, path, kDirectoryFlags, 0, "open", &directory))
    return passed_over(failure.error) ? Failure{} : failure;
  struct stat around;
  if (fstat(directory.get(), &around) != 0) return failed("stat");
  auto now = std::make_shared<Folder>();
  now->stamp = Stamp(around);
  now->settled = now->stamp.changed + kSettled < before;
  now->most = most;
  now->limit = limit;
  const std::shared_ptr<const Folder> known = memory().find(now->stamp);
  // The stamp stands for mode and owner too, by which a planted file is told.
  const bool same = known != nullptr && known->settled && known->stamp == now->stamp && known->most == most &&
                    known->limit == limit;
  std::vector<std::string> names;
  if (same) {
    for (const Known& file : known->files) names.push_back(file.name);
    now->folders = known->folders;
  } else if (Failure failure = list(directory.get(), most, &names, &now->folders)) {
    return failure;
  }
  bool fresh = !same;
  if (Failure failure =
          read_all(directory.get(), around, names, same ? known.get() : nullptr, now.get(), &fresh))
    return failure;
  if (fresh) memory().keep(now);
  out->generation = fresh ? now->generation : known->generation;
  out->unchanged = out->generation == known_generation;
  if (out->unchanged) return {};
  for (const Known& file : now->files) {
    if (file.taken) out->files.push_back({file.name, file.text});
  }
  out->folders = now->folders;
  return {};
}

}  // namespace oo::beneath
