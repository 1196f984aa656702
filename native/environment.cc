// Composition of a login's environment; see environment.h. Order, later wins: the node's variables, the
// gear's own, each cartridge's, each publisher's, the primary cartridge's once more; then PATH and
// LD_LIBRARY_PATH from their elements; then the user's variables, which never replace one of the node's or
// the gear's own.
#include "environment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <vector>

namespace oo {
namespace {

constexpr size_t kValueBytes = 64 * 1024;
constexpr size_t kFilesOfFolder = 1024;
constexpr size_t kFolders = 256;
constexpr size_t kTotalBytes = 1024 * 1024;  // well below what execve takes

bool ends_with(const std::string& text, const char* tail) {
  const size_t n = strlen(tail);
  return text.size() >= n && text.compare(text.size() - n, n, tail) == 0;
}

bool starts_with(const std::string& text, const char* head) {
  return text.compare(0, strlen(head), head) == 0;
}

// Names in a folder, sorted; symbolic links are not followed to reach it.
std::set<std::string> names(int folder) {
  std::set<std::string> found;
  DIR* dir = folder < 0 ? nullptr : fdopendir(folder);
  if (dir == nullptr) {
    if (folder >= 0) close(folder);
    return found;
  }
  while (found.size() < kFilesOfFolder) {
    const dirent* entry = readdir(dir);
    if (entry == nullptr) break;
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) found.insert(entry->d_name);
  }
  closedir(dir);
  return found;
}

int open_folder(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
}

class Composer {
 public:
  Environment variables;

  // Reads each plain file of a folder as a variable.
  void folder(const std::string& path) { read(path, &variables); }

  static void read(const std::string& path, Environment* into) {
    const int listing = open_folder(path);
    if (listing < 0) return;
    for (const std::string& name : names(listing)) {
      if (ends_with(name, ".erb") || ends_with(name, ".rpmnew") || !valid_variable_name(name)) continue;
      const int file = open((path + "/" + name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
      if (file < 0) continue;
      struct stat info {};
      std::string content;
      if (fstat(file, &info) == 0 && S_ISREG(info.st_mode)) {
        char buffer[4096];
        ssize_t n = 0;
        while (content.size() <= kValueBytes && (n = ::read(file, buffer, sizeof buffer)) > 0)
          content.append(buffer, static_cast<size_t>(n));
        // What is larger is no variable, as for a hook.
        if (content.size() <= kValueBytes) (*into)[name] = variable_value(name, content);
      }
      close(file);
    }
  }

  static std::vector<std::string> folders_of(const std::string& path) {
    std::vector<std::string> found;
    const int listing = open_folder(path);
    if (listing < 0) return found;
    for (const std::string& name : names(listing)) {
      struct stat info {};
      if (found.size() >= kFolders || lstat((path + "/" + name).c_str(), &info) != 0) continue;
      if (S_ISDIR(info.st_mode)) found.push_back(name);
    }
    return found;
  }
};

void append(std::string* path, const std::string& element) {
  if (element.empty()) return;
  if (!path->empty()) *path += ':';
  *path += element;
}

// The directory name of the primary cartridge, as it stands in OPENSHIFT_PRIMARY_CARTRIDGE_DIR (with a final
// slash).
std::string primary_name(const Environment& own) {
  const auto found = own.find("OPENSHIFT_PRIMARY_CARTRIDGE_DIR");
  std::string dir = found == own.end() ? std::string() : found->second;
  while (!dir.empty() && dir.back() == '/') dir.pop_back();
  const size_t slash = dir.rfind('/');
  const std::string name = slash == std::string::npos ? std::string() : dir.substr(slash + 1);
  return name == "." || name == ".." ? std::string() : name;
}

std::string variable_prefix(const std::string& cartridge) {
  std::string upper;
  for (char c : cartridge) {
    if (c >= 'a' && c <= 'z') upper += static_cast<char>(c - 'a' + 'A');
    else upper += (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
  }
  return "OPENSHIFT_" + upper;
}

void compose_paths(const std::string& primary, const std::string& default_path, Environment* variables) {
  const std::string prefix = primary.empty() ? std::string() : variable_prefix(primary);
  const auto of_primary = [&prefix](const std::string& name, const char* tail) {
    return !prefix.empty() && name == prefix + tail;
  };
  std::string first, others, libraries, primary_libraries;
  for (const auto& [name, value] : *variables) {
    if (!starts_with(name, "OPENSHIFT_")) continue;
    if (ends_with(name, "_LD_LIBRARY_PATH_ELEMENT"))
      append(of_primary(name, "_LD_LIBRARY_PATH_ELEMENT") ? &primary_libraries : &libraries, value);
    else if (ends_with(name, "_PATH_ELEMENT"))
      append(of_primary(name, "_PATH_ELEMENT") ? &first : &others, value);
  }
  std::string path = first;
  append(&path, others);
  const auto system = variables->find("PATH");
  append(&path, system == variables->end() || system->second.empty() ? default_path : system->second);
  (*variables)["PATH"] = path;

  append(&libraries, primary_libraries);
  const auto existing = variables->find("LD_LIBRARY_PATH");
  if (existing != variables->end()) append(&libraries, existing->second);
  if (!libraries.empty()) (*variables)["LD_LIBRARY_PATH"] = libraries;
}

}  // namespace

bool valid_variable_name(const std::string& name) {
  if (name.empty() || name.size() > 128 || (name[0] >= '0' && name[0] <= '9')) return false;
  for (char c : name) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!word) return false;
  }
  return true;
}

bool allowed_user_variable(const std::string& name) {
  static const char* const reserved[] = {"PATH",
                                         "IFS",
                                         "USER",
                                         "LOGNAME",
                                         "SHELL",
                                         "HOME",
                                         "HOSTNAME",
                                         "ENV",
                                         "BASH_ENV",
                                         "SHELLOPTS",
                                         "BASHOPTS",
                                         "BASH_XTRACEFD",
                                         "PS4",
                                         "PROMPT_COMMAND",
                                         "GCONV_PATH",
                                         "GLIBC_TUNABLES",
                                         "MALLOC_TRACE",
                                         "LOCPATH",
                                         "NLSPATH",
                                         "OPENSHIFT_PRIMARY_CARTRIDGE_DIR",
                                         "OPENSHIFT_NAMESPACE",
                                         "SSH_ORIGINAL_COMMAND"};
  for (const char* word : reserved)
    if (name == word) return false;
  if (starts_with(name, "LD_") || starts_with(name, "BASH_FUNC_")) return false;
  return !(starts_with(name, "OPENSHIFT_") && ends_with(name, "_IDENT"));
}

std::string variable_value(const std::string& name, const std::string& content) {
  std::string value;
  for (char c : content)
    if (c != '\0') value += c;
  if (!value.empty() && value.back() == '\n') value.pop_back();
  const std::string head = "export " + name + "=";
  if (!starts_with(value, head.c_str())) return value;
  value.erase(0, head.size());
  const bool quoted = value.size() >= 2 && (value[0] == '\'' || value[0] == '"') && value.back() == value[0];
  return quoted ? value.substr(1, value.size() - 2) : value;
}

Environment gear_environment(const EnvironmentSources& sources) {
  Composer composer;
  const std::string own = sources.home + "/.env";
  composer.folder(sources.global);
  composer.folder(own);
  const Environment kept = composer.variables;  // what a user variable may not replace
  for (const std::string& name : Composer::folders_of(sources.home))
    if (name[0] != '.') composer.folder(sources.home + "/" + name + "/env");
  for (const std::string& publisher : Composer::folders_of(own))
    if (publisher != "user_vars") composer.folder(own + "/" + publisher);
  const std::string primary = primary_name(kept);
  if (!primary.empty()) composer.folder(sources.home + "/" + primary + "/env");
  compose_paths(primary, sources.default_path, &composer.variables);

  Environment user;
  Composer::read(own + "/user_vars", &user);
  for (const auto& [name, value] : user) {
    if (!allowed_user_variable(name)) continue;
    if (kept.count(name) != 0 && name != "OPENSHIFT_SECRET_TOKEN") continue;
    composer.variables[name] = value;
  }
  // An environment that execve would refuse helps nobody: what the gear added beyond the bound is left out.
  size_t total = 0;
  for (auto it = composer.variables.begin(); it != composer.variables.end();) {
    const size_t size = it->first.size() + it->second.size() + 2;
    if (kept.count(it->first) == 0 && total + size > kTotalBytes) {
      it = composer.variables.erase(it);
    } else {
      total += size;
      ++it;
    }
  }
  return composer.variables;
}

void keep_session_variables(char* const* from, Environment* environment) {
  static const char* const plain[] = {"TERM", "LANG", "SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY"};
  for (; from != nullptr && *from != nullptr; from++) {
    const char* equals = strchr(*from, '=');
    if (equals == nullptr || strlen(equals + 1) > 256) continue;
    const std::string name(*from, static_cast<size_t>(equals - *from)), value(equals + 1);
    bool wanted = starts_with(name, "LC_") && valid_variable_name(name);
    for (const char* word : plain) wanted = wanted || name == word;
    // A locale or terminal name with a slash would be read as a path by the C library or terminfo.
    const bool paths = starts_with(name, "SSH_");
    for (char c : value) {
      const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      wanted = wanted && (word || strchr("_.@+:-%,=", c) != nullptr || (paths && (c == '/' || c == ' ')));
    }
    if (wanted && environment->count(name) == 0) (*environment)[name] = value;
  }
}

}  // namespace oo
