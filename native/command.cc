// Reading of the requested command line; see command.h.
#include "command.h"

#include <string.h>

namespace oo {
namespace {

bool blank(char c) { return c == ' ' || c == '\t'; }

// Characters a shell acts on outside quotes. `~`, `=`, `{`, `!` and `#` only matter at some places, but are
// left to it as well, except where they are harmless within a word (handled by the caller).
bool shell_acts_on(char c) { return strchr("|&;<>()$`*?[]{}\n\r#!", c) != nullptr; }

bool control(char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }

std::string base_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

bool git_service(const std::string& name) {
  return name == "git-receive-pack" || name == "git-upload-pack" || name == "git-upload-archive";
}

// The first word of a line whether or not the rest can be split.
std::string first_word(const std::string& line) {
  size_t start = 0;
  while (start < line.size() && blank(line[start])) start++;
  size_t end = start;
  while (end < line.size() && !blank(line[end])) end++;
  return line.substr(start, end - start);
}

bool has_word(const std::vector<std::string>& words, const char* word) {
  for (const std::string& w : words)
    if (w == word) return true;
  return false;
}

// scp's server side is `scp -t` or `scp -f`, with other options before or joined (`-pt`, `-r -f`).
bool scp_server(const std::vector<std::string>& words) {
  for (size_t i = 1; i < words.size() && words[i].size() > 1 && words[i][0] == '-' && words[i] != "--"; i++)
    if (words[i].find_first_of("tf") != std::string::npos) return true;
  return false;
}

}  // namespace

bool split_words(const std::string& line, std::vector<std::string>* words) {
  words->clear();
  if (line.find('\0') != std::string::npos) return false;
  std::string word;
  bool open = false;  // a word has begun, maybe an empty quoted one
  for (size_t i = 0; i < line.size(); i++) {
    const char c = line[i];
    if (blank(c)) {
      if (open) words->push_back(word);
      word.clear();
      open = false;
      continue;
    }
    if (c == '\'') {
      const size_t end = line.find('\'', i + 1);
      if (end == std::string::npos) return false;
      word.append(line, i + 1, end - i - 1);
      i = end;
    } else if (c == '"') {
      for (i++; i < line.size() && line[i] != '"'; i++) {
        if (line[i] == '$' || line[i] == '`' || line[i] == '!') return false;
        if (line[i] == '\\' && i + 1 < line.size() && strchr("$`\"\\", line[i + 1]) != nullptr) i++;
        word += line[i];
      }
      if (i >= line.size()) return false;
    } else if (c == '\\') {
      if (++i >= line.size() || control(line[i])) return false;
      word += line[i];
    } else {
      // A shell expands `~` at the start of a word and takes NAME=value before the command as an assignment.
      if (shell_acts_on(c) || control(c) || (c == '~' && !open) || (c == '=' && words->empty())) return false;
      word += c;
    }
    open = true;
  }
  if (open) words->push_back(word);
  return !words->empty();
}

Command classify(const std::string& line) {
  Command command;
  command.text = line;
  if (line.find_first_not_of(" \t\r\n") == std::string::npos) return command;
  command.kind = CommandKind::text;

  std::vector<std::string> words;
  const bool plain = split_words(line, &words);
  std::string first = base_name(plain ? words[0] : first_word(line));
  if (plain && first == "git" && words.size() > 1 && git_service("git-" + words[1])) {
    words.erase(words.begin());
    words[0] = "git-" + words[0];
    first = words[0];
  }
  if (git_service(first)) {
    // Clients quote the path; an unquoted leading `~` is the one thing a person types that needs a shell.
    if (!plain) {
      const size_t at = line.find(first) + first.size();
      const size_t start = line.find_first_not_of(" \t", at);
      if (start != std::string::npos && line[start] == '~' && split_words("x ." + line.substr(start), &words))
        words[1].erase(0, 1);
      else words.clear();
    }
    const bool one = words.size() == 2 && !words[1].empty();
    command.kind = one ? CommandKind::git : CommandKind::git_malformed;
    if (one) command.argv = {first, words[1]};
    return command;
  }
  // `tail FILE...` follows (oo-tail adds that); with a pipe or the like it is a line of the shell as any
  // other.
  if (first_word(line) == "tail" && line.find_first_of("|&;<>()$`\"\n") == std::string::npos) {
    command.text = "oo-" + line.substr(line.find("tail"));
    return command;
  }
  if (!plain) return command;
  if (first == "sftp-server" || (first == "internal-sftp" && words[0] == first)) {
    command.kind = CommandKind::sftp;
    words[0] = "sftp-server";
    command.argv = words;
  } else if ((first == "scp" && scp_server(words)) || (first == "rsync" && has_word(words, "--server"))) {
    command.kind = CommandKind::direct;
    words[0] = first;
    command.argv = words;
  }
  return command;
}

std::string repository_path(const std::string& argument, const std::string& home) {
  std::string path = argument;
  if (path.size() > 1 && path[0] == '/' && path[1] == '~') path.erase(0, 1);
  if (!path.empty() && path[0] == '~') {
    if (path.size() > 1 && path[1] != '/') return {};  // another account's home
    path = home + path.substr(1);
  } else if (!path.empty() && path[0] != '/') {
    path = home + "/" + path;
  }
  std::string clean;
  size_t start = 0;
  while (start < path.size()) {
    size_t end = path.find('/', start);
    if (end == std::string::npos) end = path.size();
    const std::string part = path.substr(start, end - start);
    if (part == "..") return {};
    if (!part.empty() && part != ".") clean += "/" + part;
    start = end + 1;
  }
  for (char c : clean)
    if (c == '\0') return {};
  const std::string root = home + "/git/";
  return clean.size() > root.size() && clean.compare(0, root.size(), root) == 0 ? clean : std::string();
}

}  // namespace oo
