// What an SSH client asks of a gear, read from the one line of text that sshd hands over
// (SSH_ORIGINAL_COMMAND, or the text behind `-c`). Invariant: only a line made of plain words, quoted the way
// ssh clients quote, becomes an argument vector; any other line is left as text for the gear's own shell, and
// is never taken apart by guesswork.
#pragma once

#include <string>
#include <vector>

namespace oo {

enum class CommandKind {
  shell,          // nothing asked for: an interactive shell
  text,           // a line for the gear's shell
  git,            // argv[0] is git-receive-pack, git-upload-pack or git-upload-archive; one argument follows
  git_malformed,  // one of those, but not with exactly one argument
  sftp,           // argv[0] is sftp-server, its options follow
  direct,         // scp or rsync in server mode, as an argument vector
};

struct Command {
  CommandKind kind = CommandKind::shell;
  std::string text;
  std::vector<std::string> argv;
};

// Longest line that is looked at; a longer one is refused by the caller.
constexpr size_t kCommandBytes = 128 * 1024;

// Splits a line into words: blanks separate; '...', "..." and \x quote. False when the line needs a shell (an
// unquoted or double-quoted character that a shell would act on), ends within a quote, or holds a control
// character unquoted.
bool split_words(const std::string& line, std::vector<std::string>* words);

Command classify(const std::string& line);

// The repository that a git argument names, as an absolute path: `~` and a leading `/~` are the home, a
// relative path is below the home, doubled slashes and a final slash go. Empty when it is not below
// `<home>/git/` or holds `..`.
std::string repository_path(const std::string& argument, const std::string& home);

}  // namespace oo
