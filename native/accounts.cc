// See accounts.h.
#include "accounts.h"

#include <grp.h>
#include <string.h>
#include <time.h>

#include <unordered_set>

#include "account_file.h"
#include "account_ids.h"
#include "account_lines.h"
#include "beneath.h"
#include "durable.h"

namespace oo::accounts {

namespace {

struct Files {
  AccountFile group{"group"};
  AccountFile gshadow{"gshadow"};
  AccountFile shadow{"shadow"};
  AccountFile passwd{"passwd"};

  Failure load(int directory) {
    if (Failure failure = group.load(directory, false)) return failure;
    if (Failure failure = gshadow.load(directory, true)) return failure;
    if (Failure failure = shadow.load(directory, true)) return failure;
    return passwd.load(directory, false);
  }
};

Failure commit(int directory, const std::vector<AccountFile*>& order) {
  Failure failure;
  bool any = false;
  for (AccountFile* file : order) {
    if (!file->changed || failure) continue;
    any = true;
    failure = file->stage(directory);
  }
  if (!any) return {};
  const bool in_order = commits_in_order(directory);
  for (AccountFile* file : order) {
    if (file->changed && !failure) failure = file->make_durable(in_order);
  }
  for (AccountFile* file : order) {
    if (file->changed && !failure) failure = file->publish(directory);
  }
  if (failure) {
    for (AccountFile* file : order) file->discard(directory);
    return failure;
  }
  return fsync(directory) == 0 ? Failure{} : failed("fsync");
}

// What the files hold that a new account must not collide with.
struct Taken {
  Ids ids;
  std::unordered_set<std::string_view> accounts;   // of the names asked for: in passwd
  std::unordered_set<std::string_view> left_over;  // only in one of the others

  void collect(const Files& files, const Names& wanted) {
    each_line(files.passwd.text, [&](std::string_view line) { return visit(line, wanted, &accounts, true); });
    each_line(files.group.text, [&](std::string_view line) { return visit(line, wanted, &left_over, true); });
    each_line(files.shadow.text,
              [&](std::string_view line) { return visit(line, wanted, &left_over, false); });
    each_line(files.gshadow.text,
              [&](std::string_view line) { return visit(line, wanted, &left_over, false); });
  }

 private:
  bool visit(std::string_view line, const Names& wanted, std::unordered_set<std::string_view>* found,
             bool with_id) {
    const auto name = wanted.find(line.substr(0, line.find(':')));
    if (name != wanted.end()) found->insert(*name);
    uint32_t id;
    if (with_id && parse_id(field_of(line, 2), &id)) ids.add(id);
    return true;
  }
};

Failure check_request(const Request& request) {
  if (!valid_name(request.name)) return {EINVAL, "name", request.name};
  if (!valid_field(request.gecos)) return {EINVAL, "gecos", request.name};
  if (!valid_field(request.home) || request.home.empty() || request.home[0] != '/')
    return {EINVAL, "home", request.name};
  if (!valid_field(request.shell) || (!request.shell.empty() && request.shell[0] != '/')) {
    return {EINVAL, "shell", request.name};
  }
  // 0 is root; the last one means "no id"; 65535 was that once and still is to some programs.
  const bool bad_uid = request.uid == 0 || request.uid == 65535 || request.uid == UINT32_MAX;
  if (request.has_uid && bad_uid) return {EINVAL, "uid", request.name};
  if (!request.has_uid &&
      (request.first == 0 || request.first > request.last || request.last == UINT32_MAX)) {
    return {EINVAL, "uid", request.name};
  }
  return {};
}

Failure choose_uid(const Request& request, Ids* ids, uint32_t* uid) {
  if (request.has_uid) {
    if (ids->has(request.uid)) return {EADDRINUSE, "uid", request.name};
    *uid = request.uid;
    return {};
  }
  *uid = ids->lowest_free(request.first, request.last);
  return *uid != 0 ? Failure{} : Failure{ENOSPC, "uid-range", request.name};
}

struct NewLines {
  std::string group, gshadow, shadow, passwd;

  struct Lengths {
    size_t group, gshadow, shadow, passwd;
  };
  Lengths lengths() const { return {group.size(), gshadow.size(), shadow.size(), passwd.size()}; }
  void cut(const Lengths& to) {
    group.resize(to.group);
    gshadow.resize(to.gshadow);
    shadow.resize(to.shadow);
    passwd.resize(to.passwd);
  }
};

// Adds one batch to `lines` and `taken`, or leaves both as they were.
void plan(Batch* batch, Taken* taken, NewLines* lines, bool shadowed, const std::string& day) {
  const NewLines::Lengths before = lines->lengths();
  for (const Request& request : batch->requests) {
    Failure failure = check_request(request);
    if (!failure && taken->accounts.count(request.name) != 0) failure = {EEXIST, "passwd", request.name};
    if (!failure && taken->left_over.count(request.name) != 0) failure = {EEXIST, "left-over", request.name};
    uint32_t uid = 0;
    if (!failure) failure = choose_uid(request, &taken->ids, &uid);
    if (failure) {
      for (const Account& account : batch->added) {
        taken->ids.remove(account.uid);
        taken->accounts.erase(account.name);
      }
      batch->added.clear();
      batch->failure = failure;
      lines->cut(before);
      return;
    }
    const std::string id = std::to_string(uid);
    lines->group += request.name + ":x:" + id + ":\n";
    lines->gshadow += request.name + ":!::\n";
    // Locked password, no ageing.
    lines->shadow += request.name + ":!:" + day + "::::::\n";
    lines->passwd += request.name + (shadowed ? ":x:" : ":*:") + id + ":" + id + ":" + request.gecos + ":" +
                     request.home + ":" + request.shell + "\n";
    taken->ids.add(uid);
    taken->accounts.insert(request.name);
    batch->added.push_back({request.name, uid, uid, request.gecos, request.home, request.shell});
  }
}

// Does nsswitch.conf name a source (a directory service) that may know accounts which the files do not?
bool asks_elsewhere(int directory) {
  Descriptor file(openat(directory, "nsswitch.conf", O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return false;
  char text[16 * 1024];
  const ssize_t size = read(file.get(), text, sizeof(text));
  bool elsewhere = false;
  each_line(std::string_view(text, size > 0 ? static_cast<size_t>(size) : 0), [&](std::string_view line) {
    line = line.substr(0, line.find('#'));
    const bool concerned = line.substr(0, 7) == "passwd:" || line.substr(0, 6) == "group:";
    for (size_t at = concerned ? line.find(':') + 1 : line.size(); at < line.size();) {
      const size_t end = line.find_first_of(" \t", at);
      const std::string_view source = line.substr(at, end == std::string_view::npos ? end : end - at);
      at = end == std::string_view::npos ? line.size() : end + 1;
      const bool local = source.empty() || source[0] == '[' || source == "files" || source == "compat" ||
                         source == "systemd" || source == "altfiles";
      elsewhere = elsewhere || !local;
    }
    return true;
  });
  return elsewhere;
}

// The files were asked already; this asks everything else, when there is something else.
Failure check_elsewhere(const std::vector<Batch>& batches) {
  for (const Batch& batch : batches) {
    for (const Account& account : batch.added) {
      Account seen;
      int error = 0;
      if (find(account.name.c_str(), &seen, &error) == Found::yes) return {EEXIST, "passwd", account.name};
      const bool uid_taken = find_by_uid(account.uid, &seen, &error) == Found::yes;
      std::string buffer(64 * 1024, '\0');
      struct group entry;
      struct group* group = nullptr;
      (void)getgrgid_r(account.gid, &entry, buffer.data(), buffer.size(), &group);
      if (uid_taken || group != nullptr) return {EADDRINUSE, "uid", account.name};
    }
  }
  return {};
}

// What was written must be what every other program sees.
Failure read_back(const Account& account) {
  Account seen;
  int error = 0;
  if (find(account.name.c_str(), &seen, &error) != Found::yes)
    return {error != 0 ? error : ENOENT, "nss", account.name};
  if (seen.uid != account.uid || seen.gid != account.gid) return {EADDRINUSE, "nss", account.name};
  return {};
}

Failure open_and_lock(const char* path, int wait, Descriptor* directory, AccountLock* lock, Files* files) {
  if (Failure failure = beneath::open_trusted(path, directory)) return failure;
  if (Failure failure = lock->take(directory->get(), wait)) return failure;
  // A temporary that a killed process left is nobody's while the lock is ours.
  for (AccountFile* file : {&files->group, &files->gshadow, &files->shadow, &files->passwd}) {
    file->discard(directory->get());
  }
  return files->load(directory->get());
}

void append(AccountFile* file, const std::string& lines) {
  if (!file->present() || lines.empty()) return;
  append_lines(&file->text, lines);
  file->changed = true;
}

}  // namespace

Failure add(const char* path, std::vector<Batch>* batches, int wait_milliseconds) {
  Descriptor directory;
  AccountLock lock;
  Files files;
  if (Failure failure = open_and_lock(path, wait_milliseconds, &directory, &lock, &files)) return failure;
  Names wanted;
  for (const Batch& batch : *batches) {
    for (const Request& request : batch.requests) wanted.insert(request.name);
  }
  Taken taken;
  taken.collect(files, wanted);
  NewLines lines;
  const std::string day = std::to_string(time(nullptr) / 86400);
  for (Batch& batch : *batches) plan(&batch, &taken, &lines, files.shadow.present(), day);
  const bool real = strcmp(path, "/etc") == 0;
  if (real && asks_elsewhere(directory.get())) {
    if (Failure failure = check_elsewhere(*batches)) return failure;
  }
  append(&files.group, lines.group);
  append(&files.gshadow, lines.gshadow);
  append(&files.shadow, lines.shadow);
  append(&files.passwd, lines.passwd);
  Failure failure = commit(directory.get(), {&files.group, &files.gshadow, &files.shadow, &files.passwd});
  if (failure || !real) return failure;
  // The files were replaced whole: the last account of all stands for the others.
  for (auto batch = batches->rbegin(); batch != batches->rend(); ++batch) {
    if (!batch->added.empty()) return read_back(batch->added.back());
  }
  return {};
}

Failure remove(const char* path, const std::vector<std::string>& names, int wait_milliseconds) {
  Descriptor directory;
  AccountLock lock;
  Files files;
  Names unwanted;
  for (const std::string& name : names) {
    if (!valid_name(name)) return {EINVAL, "name", name};
    unwanted.insert(name);
  }
  if (Failure failure = open_and_lock(path, wait_milliseconds, &directory, &lock, &files)) return failure;
  files.passwd.changed = remove_names(&files.passwd.text, unwanted, {});
  if (files.shadow.present()) files.shadow.changed = remove_names(&files.shadow.text, unwanted, {});
  if (files.gshadow.present()) files.gshadow.changed = remove_names(&files.gshadow.text, unwanted, {2, 3});
  files.group.changed = remove_names(&files.group.text, unwanted, {3});
  return commit(directory.get(), {&files.passwd, &files.shadow, &files.gshadow, &files.group});
}

}  // namespace oo::accounts
