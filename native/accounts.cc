// See accounts.h.
#include "accounts.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <time.h>

#include <unordered_set>

#include "account_file.h"
#include "account_lines.h"
#include "beneath.h"

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
  for (AccountFile* file : order) {
    if (file->changed && !failure) failure = file->make_durable();
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
  std::unordered_set<uint32_t> ids;
  std::unordered_set<std::string_view> accounts;   // of the names asked for: in passwd
  std::unordered_set<std::string_view> left_over;  // only in one of the others

  void collect(const Files& files, const Names& wanted) {
    ids.reserve(files.passwd.text.size() / 32);
    each_line(files.passwd.text, [&](std::string_view line) { return visit(line, wanted, &accounts, true); });
    each_line(files.group.text, [&](std::string_view line) { return visit(line, wanted, &left_over, true); });
    each_line(files.shadow.text, [&](std::string_view line) { return visit(line, wanted, &left_over, false); });
    each_line(files.gshadow.text, [&](std::string_view line) { return visit(line, wanted, &left_over, false); });
  }

 private:
  bool visit(std::string_view line, const Names& wanted, std::unordered_set<std::string_view>* found, bool with_id) {
    const auto name = wanted.find(line.substr(0, line.find(':')));
    if (name != wanted.end()) found->insert(*name);
    uint32_t id;
    if (with_id && parse_id(field_of(line, 2), &id)) ids.insert(id);
    return true;
  }
};

Failure check_request(const Request& request) {
  if (!valid_name(request.name)) return {EINVAL, "name", request.name};
  if (!valid_field(request.gecos)) return {EINVAL, "gecos", request.name};
  if (!valid_field(request.home) || request.home.empty() || request.home[0] != '/') return {EINVAL, "home", request.name};
  if (!valid_field(request.shell) || (!request.shell.empty() && request.shell[0] != '/')) {
    return {EINVAL, "shell", request.name};
  }
  // 0 is root; the last one means "no id"; 65535 was that once and still is to some programs.
  const bool bad_uid = request.uid == 0 || request.uid == 65535 || request.uid == UINT32_MAX;
  if (request.has_uid && bad_uid) return {EINVAL, "uid", request.name};
  if (!request.has_uid && (request.first == 0 || request.first > request.last || request.last == UINT32_MAX)) {
    return {EINVAL, "uid", request.name};
  }
  return {};
}

Failure choose_uid(const Request& request, const Taken& taken, uint32_t* uid) {
  if (request.has_uid) {
    if (taken.ids.count(request.uid) != 0) return {EADDRINUSE, "uid", request.name};
    *uid = request.uid;
    return {};
  }
  for (uint64_t id = request.first; id <= request.last; ++id) {
    if (id == 65535 || taken.ids.count(static_cast<uint32_t>(id)) != 0) continue;
    *uid = static_cast<uint32_t>(id);
    return {};
  }
  return {ENOSPC, "uid-range", request.name};
}

struct NewLines {
  std::string group, gshadow, shadow, passwd;
};

// Adds one batch to `lines` and `taken`, or leaves both as they were.
void plan(Batch* batch, Taken* taken, NewLines* lines, bool shadowed, const std::string& day) {
  const NewLines before = *lines;
  for (const Request& request : batch->requests) {
    Failure failure = check_request(request);
    if (!failure && taken->accounts.count(request.name) != 0) failure = {EEXIST, "passwd", request.name};
    if (!failure && taken->left_over.count(request.name) != 0) failure = {EEXIST, "left-over", request.name};
    uint32_t uid = 0;
    if (!failure) failure = choose_uid(request, *taken, &uid);
    if (failure) {
      for (const Account& account : batch->added) {
        taken->ids.erase(account.uid);
        taken->accounts.erase(account.name);
      }
      batch->added.clear();
      batch->failure = failure;
      *lines = before;
      return;
    }
    const std::string id = std::to_string(uid);
    lines->group += request.name + ":x:" + id + ":\n";
    lines->gshadow += request.name + ":!::\n";
    // Locked password, no ageing.
    lines->shadow += request.name + ":!:" + day + "::::::\n";
    lines->passwd += request.name + (shadowed ? ":x:" : ":*:") + id + ":" + id + ":" + request.gecos + ":" +
                     request.home + ":" + request.shell + "\n";
    taken->ids.insert(uid);
    taken->accounts.insert(request.name);
    batch->added.push_back({request.name, uid, uid, request.gecos, request.home, request.shell});
  }
}

// Another source of names than the files (a directory service) may know an account that the files do not.
Failure read_back(const Account& account) {
  Account seen;
  int error = 0;
  if (find(account.name.c_str(), &seen, &error) != Found::yes) return {error != 0 ? error : ENOENT, "nss", account.name};
  if (seen.uid != account.uid || seen.gid != account.gid) return {EADDRINUSE, "nss", account.name};
  return {};
}

Failure open_and_lock(const char* path, int wait, Descriptor* directory, Descriptor* lock, Files* files) {
  if (Failure failure = beneath::open_trusted(path, directory)) return failure;
  if (Failure failure = account_lock(directory->get(), wait, lock)) return failure;
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
  Descriptor directory, lock;
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
  append(&files.group, lines.group);
  append(&files.gshadow, lines.gshadow);
  append(&files.shadow, lines.shadow);
  append(&files.passwd, lines.passwd);
  Failure failure = commit(directory.get(), {&files.group, &files.gshadow, &files.shadow, &files.passwd});
  if (failure || strcmp(path, "/etc") != 0) return failure;
  // The files were replaced whole: the last account of all stands for the others.
  for (auto batch = batches->rbegin(); batch != batches->rend(); ++batch) {
    if (!batch->added.empty()) return read_back(batch->added.back());
  }
  return {};
}

Failure remove(const char* path, const std::vector<std::string>& names, int wait_milliseconds) {
  Descriptor directory, lock;
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

namespace {

template <typename Lookup>
Found look_up(Lookup lookup, Account* out, int* error) {
  std::string buffer(1024, '\0');
  struct passwd entry;
  struct passwd* result = nullptr;
  for (;;) {
    const int code = lookup(&entry, buffer.data(), buffer.size(), &result);
    if (code == ERANGE && buffer.size() < 1024 * 1024) {
      buffer.resize(buffer.size() * 4);
      continue;
    }
    if (code == EINTR) continue;
    // Several codes mean "no such account"; what is left says that a source could not be asked.
    if (result == nullptr && (code == 0 || code == ENOENT || code == ESRCH || code == EPERM)) return Found::no;
    if (result == nullptr) {
      *error = code;
      return Found::error;
    }
    *out = {entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_gecos, entry.pw_dir, entry.pw_shell};
    return Found::yes;
  }
}

}  // namespace

Found find(const char* name, Account* out, int* error) {
  return look_up([name](auto... rest) { return getpwnam_r(name, rest...); }, out, error);
}

Found find_by_uid(uint32_t uid, Account* out, int* error) {
  return look_up([uid](auto... rest) { return getpwuid_r(uid, rest...); }, out, error);
}

}  // namespace oo::accounts
