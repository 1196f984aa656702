// N-API for beneath.h and tree.h: `exports.beneath`. Arguments are checked once more here; the facade has the
// words.
#include <dirent.h>
#include <unistd.h>

#include "beneath.h"
#include "handle.h"
#include "registry.h"
#include "tree.h"

namespace oo {

namespace {

constexpr HandleKind kDirectory = {"Directory", {0x6f6f2d6469726563ULL, 0x746f72792d6f6f31ULL}};
constexpr double kLargestId = 4294967294.0;

using Info = const Napi::CallbackInfo&;

// The handle in argument 0 and the path in argument 1; false with an exception pending.
bool Target(Info info, int* base, std::string* path) {
  const Descriptor* directory = OpenHandle(info[0], kDirectory);
  if (directory == nullptr || !TextArgument(info[1], "path", path)) return false;
  *base = directory->get();
  return true;
}

bool OwnerArguments(Info info, size_t at, beneath::Owner* out) {
  double uid, gid;
  if (!NumberArgument(info[at], "uid", 0, kLargestId, &uid)) return false;
  if (!NumberArgument(info[at + 1], "gid", 0, kLargestId, &gid)) return false;
  *out = {static_cast<uid_t>(uid), static_cast<gid_t>(gid)};
  return true;
}

// mode, uid, gid, label from argument `at` on; uid undefined means no owner, label undefined no label.
struct AttributeArguments {
  beneath::Owner owner;
  std::string label;
  beneath::Attributes set;

  bool Read(Info info, size_t at) {
    double mode;
    if (!NumberArgument(info[at], "mode", 0, 07777, &mode)) return false;
    set.mode = static_cast<mode_t>(mode);
    if (!info[at + 1].IsUndefined()) {
      if (!OwnerArguments(info, at + 1, &owner)) return false;
      set.owner = &owner;
    }
    if (!info[at + 3].IsUndefined()) {
      if (!TextArgument(info[at + 3], "label", &label)) return false;
      set.label = label.c_str();
    }
    return true;
  }
};

Napi::Value Done(Info info, const Failure& failure) {
  if (failure) ThrowFailure(info.Env(), failure);
  return info.Env().Undefined();
}

Napi::Value Open(Info info) {
  std::string path;
  if (!TextArgument(info[0], "path", &path)) return info.Env().Undefined();
  Descriptor opened;
  if (Failure failure = beneath::open_trusted(path.c_str(), &opened)) return Done(info, failure);
  return NewHandle(info.Env(), kDirectory, std::move(opened));
}

Napi::Value OpenBelow(Info info) {
  int base;
  std::string path;
  if (!Target(info, &base, &path)) return info.Env().Undefined();
  Descriptor opened;
  if (Failure failure = beneath::open_directory(base, path.c_str(), &opened)) return Done(info, failure);
  return NewHandle(info.Env(), kDirectory, std::move(opened));
}

Napi::Value Close(Info info) {
  CloseHandle(info[0], kDirectory);
  return info.Env().Undefined();
}

Napi::Value Read(Info info) {
  int base;
  std::string path, content;
  double limit;
  if (!Target(info, &base, &path)) return info.Env().Undefined();
  if (!NumberArgument(info[2], "limit", 0, 2147483647, &limit)) return info.Env().Undefined();
  Failure failure = beneath::read_file(base, path.c_str(), static_cast<size_t>(limit), &content);
  if (failure) return Done(info, failure);
  return Napi::Buffer<char>::Copy(info.Env(), content.data(), content.size());
}

// directory, path, most, limit, known generation: undefined (still of that generation), or
// [generation, [name, text, name, text, ...], [folder, ...]]
Napi::Value ReadFolder(Info info) {
  const Napi::Env env = info.Env();
  int base;
  std::string path;
  double most, limit, known;
  if (!Target(info, &base, &path) || !NumberArgument(info[2], "most", 0, 1e6, &most) ||
      !NumberArgument(info[3], "limit", 0, 2147483647, &limit) ||
      !NumberArgument(info[4], "generation", 0, 4294967295.0, &known))
    return env.Undefined();
  beneath::FolderContent content;
  Failure failure = beneath::read_folder(base, path.c_str(), static_cast<size_t>(most),
                                         static_cast<size_t>(limit), static_cast<unsigned>(known), &content);
  if (failure) return Done(info, failure);
  if (content.unchanged) return env.Undefined();
  Napi::Array files = Napi::Array::New(env, content.files.size() * 2);
  for (uint32_t i = 0; i < content.files.size(); ++i) {
    const Napi::HandleScope scope(env);
    files.Set(2 * i, Napi::String::New(env, content.files[i].name));
    files.Set(2 * i + 1, Napi::String::New(env, content.files[i].text));
  }
  Napi::Array folders = Napi::Array::New(env, content.folders.size());
  for (uint32_t i = 0; i < content.folders.size(); ++i) {
    const Napi::HandleScope scope(env);
    folders.Set(i, Napi::String::New(env, content.folders[i]));
  }
  Napi::Array out = Napi::Array::New(env, 3);
  out.Set(0U, Napi::Number::New(env, content.generation));
  out.Set(1U, files);
  out.Set(2U, folders);
  return out;
}

Napi::Value Write(Info info) {
  int base;
  std::string path;
  AttributeArguments attributes;
  if (!Target(info, &base, &path)) return info.Env().Undefined();
  if (!info[2].IsBuffer()) {
    Napi::TypeError::New(info.Env(), "data must be a Buffer").ThrowAsJavaScriptException();
    return info.Env().Undefined();
  }
  if (!attributes.Read(info, 3)) return info.Env().Undefined();
  const auto data = info[2].As<Napi::Buffer<char>>();
  const bool sync = !info[7].IsBoolean() || info[7].As<Napi::Boolean>().Value();
  return Done(info,
              beneath::write_file(base, path.c_str(), data.Data(), data.Length(), attributes.set, sync));
}

Napi::Value MakeDirectory(Info info) {
  int base;
  std::string path;
  AttributeArguments attributes;
  if (!Target(info, &base, &path) || !attributes.Read(info, 2)) return info.Env().Undefined();
  const bool existing = info[6].IsBoolean() && info[6].As<Napi::Boolean>().Value();
  return Done(info, beneath::make_directory(base, path.c_str(), attributes.set, existing));
}

template <Failure (*Function)(int, const char*)>
Napi::Value OnPath(Info info) {
  int base;
  std::string path;
  if (!Target(info, &base, &path)) return info.Env().Undefined();
  return Done(info, Function(base, path.c_str()));
}

template <Failure (*Function)(int, const char*, const char*)>
Napi::Value OnPathAndText(Info info) {
  int base;
  std::string path, text;
  if (!Target(info, &base, &path) || !TextArgument(info[2], "text", &text)) return info.Env().Undefined();
  return Done(info, Function(base, path.c_str(), text.c_str()));
}

template <Failure (*Function)(int, const char*, std::string*)>
Napi::Value TextOfPath(Info info) {
  int base;
  std::string path, text;
  if (!Target(info, &base, &path)) return info.Env().Undefined();
  if (Failure failure = Function(base, path.c_str(), &text)) return Done(info, failure);
  return Napi::String::New(info.Env(), text);
}

Napi::Value Symlink(Info info) {
  int base;
  std::string path, target;
  if (!Target(info, &base, &path) || !TextArgument(info[2], "target", &target)) return info.Env().Undefined();
  beneath::Owner owner;
  const bool owned = !info[3].IsUndefined();
  if (owned && !OwnerArguments(info, 3, &owner)) return info.Env().Undefined();
  return Done(info, beneath::make_symlink(base, target.c_str(), path.c_str(), owned ? &owner : nullptr));
}

Napi::Value Chown(Info info) {
  int base;
  std::string path;
  beneath::Owner owner;
  if (!Target(info, &base, &path) || !OwnerArguments(info, 2, &owner)) return info.Env().Undefined();
  return Done(info, beneath::change_owner(base, path.c_str(), owner));
}

Napi::Value Chmod(Info info) {
  int base;
  std::string path;
  double mode;
  if (!Target(info, &base, &path) || !NumberArgument(info[2], "mode", 0, 07777, &mode))
    return info.Env().Undefined();
  return Done(info, beneath::change_mode(base, path.c_str(), static_cast<mode_t>(mode)));
}

const char* TypeName(unsigned type) {
  switch (type) {
    case DT_REG: return "file";
    case DT_DIR: return "directory";
    case DT_LNK: return "symlink";
    case DT_FIFO: return "fifo";
    case DT_SOCK: return "socket";
    default: return "device";
  }
}

Napi::Value Stat(Info info) {
  int base;
  std::string path;
  struct stat entry;
  if (!Target(info, &base, &path)) return info.Env().Undefined();
  if (Failure failure = beneath::stat_entry(base, path.c_str(), &entry)) return Done(info, failure);
  const Napi::Env env = info.Env();
  Napi::Object out = Napi::Object::New(env);
  out.Set("type", TypeName(IFTODT(entry.st_mode)));
  out.Set("mode", entry.st_mode & 07777);
  out.Set("uid", entry.st_uid);
  out.Set("gid", entry.st_gid);
  out.Set("size", static_cast<double>(entry.st_size));
  out.Set("mtimeMs",
          static_cast<double>(entry.st_mtim.tv_sec) * 1e3 + static_cast<double>(entry.st_mtim.tv_nsec) / 1e6);
  out.Set("ino", static_cast<double>(entry.st_ino));
  out.Set("nlink", static_cast<double>(entry.st_nlink));
  return out;
}

Napi::Value List(Info info) {
  int base;
  std::string path;
  double limit;
  if (!Target(info, &base, &path) || !NumberArgument(info[2], "limit", 1, 10e6, &limit))
    return info.Env().Undefined();
  std::vector<beneath::ListedEntry> entries;
  Failure failure = beneath::list_directory(base, path.c_str(), static_cast<size_t>(limit), &entries);
  if (failure) return Done(info, failure);
  const Napi::Env env = info.Env();
  Napi::Array out = Napi::Array::New(env, entries.size());
  for (uint32_t i = 0; i < entries.size(); ++i) {
    const Napi::HandleScope scope(env);
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", entries[i].name);
    entry.Set("type", TypeName(entries[i].type));
    out.Set(i, entry);
  }
  return out;
}

// A descriptor of its own for a job: the handle may be closed before the job runs. Null with an exception
// pending.
std::shared_ptr<Descriptor> ForJob(Info info, size_t at) {
  const Descriptor* directory = OpenHandle(info[at], kDirectory);
  if (directory == nullptr) return nullptr;
  auto copy = std::make_shared<Descriptor>(directory->duplicate());
  if (copy->valid()) return copy;
  ThrowFailure(info.Env(), failed("duplicate"));
  return nullptr;
}

Napi::Value RemoveTree(Info info) {
  std::string path;
  if (!TextArgument(info[1], "path", &path)) return info.Env().Undefined();
  const auto base = ForJob(info, 0);
  if (base == nullptr) return info.Env().Undefined();
  return RunJob(info.Env(), [base, path] { return beneath::remove_tree(base->get(), path.c_str()); });
}

// The file system the directory is on: makes durable what was written with `sync` false.
Napi::Value SyncAll(Info info) {
  const auto base = ForJob(info, 0);
  if (base == nullptr) return info.Env().Undefined();
  return RunJob(info.Env(), [base] { return syncfs(base->get()) == 0 ? Failure{} : failed("syncfs"); });
}

Napi::Value Settle(Info info) {
  std::string path;
  if (!TextArgument(info[1], "path", &path)) return info.Env().Undefined();
  const auto base = ForJob(info, 0);
  if (base == nullptr) return info.Env().Undefined();
  return RunJob(info.Env(), [base, path] { return beneath::settle(base->get(), path.c_str()); });
}

Napi::Value ChownTree(Info info) {
  std::string path;
  beneath::Owner owner;
  if (!TextArgument(info[1], "path", &path) || !OwnerArguments(info, 2, &owner))
    return info.Env().Undefined();
  const auto base = ForJob(info, 0);
  if (base == nullptr) return info.Env().Undefined();
  return RunJob(info.Env(),
                [base, path, owner] { return beneath::chown_tree(base->get(), path.c_str(), owner); });
}

// source, source path, target, path, uid | undefined, gid, keep owner, exclude[]
Napi::Value CopyTree(Info info) {
  const Napi::Value nothing = info.Env().Undefined();
  std::string from, path;
  if (!TextArgument(info[1], "source path", &from) || !TextArgument(info[3], "path", &path)) return nothing;
  beneath::Owner owner;
  const bool owned = !info[4].IsUndefined();
  if (owned && !OwnerArguments(info, 4, &owner)) return nothing;
  const bool keep = info[6].IsBoolean() && info[6].As<Napi::Boolean>().Value();
  std::vector<std::string> exclude;
  if (info[7].IsArray()) {
    const auto list = info[7].As<Napi::Array>();
    exclude.resize(list.Length());
    for (uint32_t i = 0; i < list.Length(); ++i) {
      const Napi::HandleScope scope(info.Env());
      if (!TextArgument(list.Get(i), "exclude", &exclude[i])) return nothing;
    }
  }
  const auto source = ForJob(info, 0);
  if (source == nullptr) return nothing;
  const auto base = ForJob(info, 2);
  if (base == nullptr) return nothing;
  return RunJob(info.Env(), [=]() -> Failure {
    beneath::CopyOptions options;
    options.owner = owned ? &owner : nullptr;
    options.keep_owner = keep;
    options.exclude = exclude;
    return beneath::copy_tree(source->get(), from.c_str(), base->get(), path.c_str(), options);
  });
}

void RegisterBeneath(Napi::Env env, Napi::Object exports) {
  Napi::Object out = Napi::Object::New(env);
  const auto add = [&](const char* name, Napi::Value (*function)(Info)) {
    out.Set(name, Napi::Function::New(env, function, name));
  };
  add("open", Open);
  add("openBelow", OpenBelow);
  add("close", Close);
  add("read", Read);
  add("readFolder", ReadFolder);
  add("write", Write);
  add("makeDirectory", MakeDirectory);
  add("unlink", OnPath<beneath::unlink_entry>);
  add("removeDirectory", OnPath<beneath::remove_directory>);
  add("rename", OnPathAndText<beneath::rename_entry>);
  add("symlink", Symlink);
  add("readlink", TextOfPath<beneath::read_symlink>);
  add("chown", Chown);
  add("chmod", Chmod);
  add("setLabel", OnPathAndText<beneath::change_label>);
  add("getLabel", TextOfPath<beneath::read_label>);
  add("stat", Stat);
  add("list", List);
  add("removeTree", RemoveTree);
  add("copyTree", CopyTree);
  add("chownTree", ChownTree);
  add("settle", Settle);
  add("syncAll", SyncAll);
  exports.Set("beneath", out);
}

}  // namespace

OO_REGISTER(RegisterBeneath);

}  // namespace oo
