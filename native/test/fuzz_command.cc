// Fuzz target: the reading of the requested command line, and the repository path that a git argument becomes.

// sources: command.cc

#include "../command.h"
#include "fuzz.h"

void fuzz_one(const std::string& input) {
  const std::string home = "/var/lib/openshift/g";
  const oo::Command command = oo::classify(input);
  switch (command.kind) {
    case oo::CommandKind::shell:
      FUZZ_REQUIRE(input.find_first_not_of(" \t\r\n") == std::string::npos);
      return;
    case oo::CommandKind::text:
      FUZZ_REQUIRE(command.argv.empty());
      FUZZ_REQUIRE(command.text == input ||
                   (command.text.compare(0, 7, "oo-tail") == 0 && command.text.size() <= input.size() + 3));
      return;
    case oo::CommandKind::git_malformed:
      FUZZ_REQUIRE(command.argv.empty());
      return;
    case oo::CommandKind::git: {
      FUZZ_REQUIRE(command.argv.size() == 2 && command.argv[0].compare(0, 4, "git-") == 0);
      const std::string path = oo::repository_path(command.argv[1], home);
      if (path.empty()) return;
      FUZZ_REQUIRE(path.compare(0, home.size() + 5, home + "/git/") == 0 && path.size() > home.size() + 5);
      FUZZ_REQUIRE((path + "/").find("/../") == std::string::npos && path.find("//") == std::string::npos);
      FUZZ_REQUIRE(path.find('\0') == std::string::npos);
      return;
    }
    case oo::CommandKind::sftp:
    case oo::CommandKind::direct:
      FUZZ_REQUIRE(!command.argv.empty());
      FUZZ_REQUIRE(command.argv[0] == "sftp-server" || command.argv[0] == "scp" ||
                   command.argv[0] == "rsync");
      for (const std::string& word : command.argv) FUZZ_REQUIRE(word.find('\0') == std::string::npos);
  }
}

std::vector<std::string> fuzz_seeds() {
  return {"",
          "git-receive-pack '~/git/phpapp.git/'",
          "git upload-pack '/var/lib/openshift/g/git/a.git'",
          "git-upload-archive ~/git/a.git",
          "git-receive-pack 'a'\\''b'",
          "/usr/lib/openssh/sftp-server -l INFO",
          "internal-sftp",
          "scp -p -t 'a b'",
          "rsync --server -vlogDtpre.iLsfxC . dir/",
          "ls -la; id",
          " tail */logs/*",
          "ctl_all stop"};
}

std::vector<std::string> fuzz_words() {
  return {"'",
          "\"",
          "\\",
          "\\''",
          " ",
          "..",
          "/../",
          "/",
          "~",
          "$(",
          "`",
          "git-receive-pack ",
          "git ",
          "scp -f ",
          "--server",
          "sftp-server",
          "//",
          "\n",
          std::string(1, '\0'),
          "/var/lib/openshift/g/git/"};
}
