// The requested command line: what becomes an argument vector, and what is left to the gear's shell.

// sources: command.cc

#include "../command.h"

#include "check.h"

using oo::CommandKind;

static std::string joined(const std::string& line) {
  std::string all;
  for (const std::string& word : oo::classify(line).argv) all += "[" + word + "]";
  return all;
}

TEST(git_services_take_one_quoted_word) {
  CHECK_EQUAL(joined("git-receive-pack '~/git/phpapp.git/'"),
              std::string("[git-receive-pack][~/git/phpapp.git/]"));
  CHECK_EQUAL(joined("git upload-pack '/a/b.git'"), std::string("[git-upload-pack][/a/b.git]"));
  CHECK_EQUAL(joined("/usr/bin/git-upload-archive \"a b\""), std::string("[git-upload-archive][a b]"));
  CHECK_EQUAL(joined("git-upload-pack ~/git/a.git"), std::string("[git-upload-pack][~/git/a.git]"));
  CHECK_EQUAL(joined("git-upload-pack 'it'\\''s'"), std::string("[git-upload-pack][it's]"));
  CHECK_EQUAL(joined("git-upload-pack 'a'\\!'b'"), std::string("[git-upload-pack][a!b]"));
  CHECK_EQUAL(joined("git-upload-pack '$(id)`id`;id'"), std::string("[git-upload-pack][$(id)`id`;id]"));
}

TEST(git_services_with_anything_else_are_malformed_not_run) {
  for (const char* line :
       {"git-receive-pack", "git-receive-pack ''", "git-receive-pack 'a' 'b'", "git-receive-pack 'a",
        "git-receive-pack a;id", "git-receive-pack $(id)", "git-receive-pack 'a' && id",
        "git-receive-pack ~/a|id", "git-receive-pack --x y", "git-receive-pack\t'a' b"}) {
    if (oo::classify(line).kind != CommandKind::git_malformed) check::Report(__FILE__, __LINE__, line);
  }
}

TEST(transfer_servers_are_started_without_a_shell) {
  CHECK_EQUAL(joined("/usr/lib/openssh/sftp-server"), std::string("[sftp-server]"));
  CHECK_EQUAL(joined("/usr/libexec/openssh/sftp-server -l INFO"), std::string("[sftp-server][-l][INFO]"));
  CHECK_EQUAL(joined("internal-sftp"), std::string("[sftp-server]"));
  CHECK(oo::classify("internal-sftp").kind == CommandKind::sftp);
  CHECK_EQUAL(joined("scp -p -t 'a b'"), std::string("[scp][-p][-t][a b]"));
  CHECK_EQUAL(joined("scp -pf dir"), std::string("[scp][-pf][dir]"));
  CHECK_EQUAL(joined("rsync --server -logDtpre.iLsfxC . dir/"),
              std::string("[rsync][--server][-logDtpre.iLsfxC][.][dir/]"));
}

TEST(what_needs_a_shell_is_left_to_it) {
  for (const char* line :
       {"ls", "ls -la; id", "scp -f *.txt", "scp a b", "rsync a b", "rsync --server . ~/x", "A=1 scp -t x",
        "rsync --server $HOME .", "ctl_all stop", "'git' status", "cat <x", "echo 'git-receive-pack'"}) {
    const oo::Command command = oo::classify(line);
    if (command.kind != CommandKind::text || command.text != line) check::Report(__FILE__, __LINE__, line);
  }
  CHECK(oo::classify(" \t\n").kind == CommandKind::shell);
  CHECK(oo::classify("").kind == CommandKind::shell);
}

TEST(tail_alone_follows) {
  CHECK_EQUAL(oo::classify("tail */logs/*").text, std::string("oo-tail */logs/*"));
  CHECK_EQUAL(oo::classify(" tail --opts LW4gNQ== app-root/logs/*").text,
              std::string("oo-tail --opts LW4gNQ== app-root/logs/*"));
  for (const char* line : {"tail x | wc", "tail $(id)", "tails x", "tail -n 1 x; id", "tail_all"})
    CHECK_EQUAL(oo::classify(line).text, std::string(line));
}

TEST(a_repository_lies_below_the_gears_git_directory) {
  const std::string home = "/var/lib/openshift/g", app = home + "/git/app.git";
  for (const char* argument :
       {"~/git/app.git", "~/git/app.git/", "/~/git/app.git", "git/app.git", "./git//app.git",
        "/var/lib/openshift/g/git/app.git", "//var/lib/openshift/g//git/app.git"}) {
    CHECK_EQUAL(oo::repository_path(argument, home), app);
  }
  for (const char* argument :
       {"", "/", "~", "~/", "~root/git/app.git", "~/git", "~/git/", "~/git/../.ssh", "git/..",
        "/var/lib/openshift/g2/git/app.git", "/var/lib/openshift/g/gitx/app.git", "../g/git/a",
        "/var/lib/openshift/g/git/../../h/git/app.git", "app.git", "--upload-pack=x"}) {
    CHECK_EQUAL(oo::repository_path(argument, home), std::string());
  }
}
