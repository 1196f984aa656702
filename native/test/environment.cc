// The environment of a login: precedence of its sources, and what never gets in.

// sources: environment.cc

#include "../environment.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

namespace {

struct Home {
  char root[64] = "/tmp/oo-environment-XXXXXX";
  std::string home;
  Home() {
    CHECK(mkdtemp(root) != nullptr);
    home = std::string(root) + "/home";
    for (const char* dir :
         {"/global", "/home", "/home/.env", "/home/.env/user_vars", "/home/.env/mysql", "/home/php",
          "/home/php/env", "/home/zz", "/home/zz/env", "/home/.hidden", "/home/.hidden/env"})
      CHECK(mkdir((std::string(root) + dir).c_str(), 0755) == 0);
  }
  ~Home() { CHECK(system((std::string("rm -rf ") + root).c_str()) == 0); }
  void put(const std::string& path, const std::string& value) {
    const int fd = open((std::string(root) + "/" + path).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, value.data(), value.size()) == static_cast<ssize_t>(value.size()));
    close(fd);
  }
  std::string get(const std::string& name) {
    const oo::Environment all = oo::gear_environment({std::string(root) + "/global", home, "/usr/bin:/bin"});
    const auto found = all.find(name);
    return found == all.end() ? "(absent)" : found->second;
  }
};

const std::string absent = "(absent)";

}  // namespace

TEST(later_sources_win) {
  Home h;
  h.put("global/X", "global");
  CHECK_EQUAL(h.get("X"), std::string("global"));
  h.put("home/.env/X", "own\n");
  CHECK_EQUAL(h.get("X"), std::string("own"));
  h.put("home/php/env/X", "php");
  h.put("home/zz/env/X", "zz");
  CHECK_EQUAL(h.get("X"), std::string("zz"));
  h.put("home/.env/mysql/X", "published");
  CHECK_EQUAL(h.get("X"), std::string("published"));
  h.put("home/.env/OPENSHIFT_PRIMARY_CARTRIDGE_DIR", h.home + "/php/");
  CHECK_EQUAL(h.get("X"), std::string("php"));
  h.put("home/.hidden/env/HIDDEN", "x");
  CHECK_EQUAL(h.get("HIDDEN"), absent);
}

TEST(paths_are_composed_of_elements) {
  Home h;
  CHECK_EQUAL(h.get("PATH"), std::string("/usr/bin:/bin"));
  CHECK_EQUAL(h.get("LD_LIBRARY_PATH"), absent);
  h.put("home/.env/OPENSHIFT_PRIMARY_CARTRIDGE_DIR", h.home + "/php/");
  h.put("home/php/env/OPENSHIFT_PHP_PATH_ELEMENT", "/php/bin");
  h.put("home/zz/env/OPENSHIFT_AA_PATH_ELEMENT", "/aa/bin");
  h.put("home/php/env/OPENSHIFT_PHP_LD_LIBRARY_PATH_ELEMENT", "/php/lib");
  h.put("home/zz/env/OPENSHIFT_AA_LD_LIBRARY_PATH_ELEMENT", "/aa/lib");
  CHECK_EQUAL(h.get("PATH"), std::string("/php/bin:/aa/bin:/usr/bin:/bin"));
  CHECK_EQUAL(h.get("LD_LIBRARY_PATH"), std::string("/aa/lib:/php/lib"));
  h.put("global/PATH", "/node/bin");
  CHECK_EQUAL(h.get("PATH"), std::string("/php/bin:/aa/bin:/node/bin"));
}

TEST(user_variables_replace_cartridges_but_not_the_gear) {
  Home h;
  h.put("global/G", "node");
  h.put("home/.env/OWN", "gear");
  h.put("home/.env/OPENSHIFT_SECRET_TOKEN", "gear");
  h.put("home/php/env/CART", "php");
  for (const char* name :
       {"G", "OWN", "OPENSHIFT_SECRET_TOKEN", "CART", "NEW", "LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV",
        "ENV", "IFS", "SHELLOPTS", "PATH", "OPENSHIFT_PHP_IDENT", "PROMPT_COMMAND", "HOME"})
    h.put(std::string("home/.env/user_vars/") + name, "user");
  CHECK_EQUAL(h.get("G"), std::string("node"));
  CHECK_EQUAL(h.get("OWN"), std::string("gear"));
  for (const char* name : {"OPENSHIFT_SECRET_TOKEN", "CART", "NEW"})
    CHECK_EQUAL(h.get(name), std::string("user"));
  for (const char* name : {"LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "IFS", "SHELLOPTS",
                           "OPENSHIFT_PHP_IDENT", "PROMPT_COMMAND", "HOME"})
    CHECK_EQUAL(h.get(name), absent);
  CHECK_EQUAL(h.get("PATH"), std::string("/usr/bin:/bin"));
}

TEST(links_fifos_and_odd_names_are_no_variables) {
  Home h;
  h.put("home/.env/.hidden", "x");
  h.put("home/.env/A.erb", "x");
  h.put("home/.env/B.rpmnew", "x");
  h.put("home/.env/1X", "x");
  CHECK(symlink("/etc/hostname", (h.home + "/.env/LINK").c_str()) == 0);
  CHECK(mkfifo((h.home + "/.env/FIFO").c_str(), 0644) == 0);
  CHECK(symlink(h.home.c_str(), (h.home + "/loop").c_str()) == 0);
  const oo::Environment all = oo::gear_environment({"/nowhere", h.home, "/bin"});
  CHECK_EQUAL(all.size(), 1U);
  CHECK_EQUAL(all.begin()->first, std::string("PATH"));
}

TEST(what_is_larger_than_a_value_may_be_is_no_variable) {
  Home h;
  h.put("home/zz/env/FITS", std::string(64 * 1024, 'x'));
  h.put("home/zz/env/LARGE", std::string(64 * 1024 + 1, 'x'));
  CHECK_EQUAL(h.get("FITS").size(), 64u * 1024);
  CHECK_EQUAL(h.get("LARGE"), absent);
}

TEST(values_of_both_forms) {
  CHECK_EQUAL(oo::variable_value("A", "x"), std::string("x"));
  CHECK_EQUAL(oo::variable_value("A", "x\n\n"), std::string("x\n"));
  CHECK_EQUAL(oo::variable_value("A", std::string("x\0y\n", 4)), std::string("xy"));
  CHECK_EQUAL(oo::variable_value("A", "export A='x y'"), std::string("x y"));
  CHECK_EQUAL(oo::variable_value("A", "export A=x"), std::string("x"));
  CHECK_EQUAL(oo::variable_value("A", "export B='x'"), std::string("export B='x'"));
  CHECK_EQUAL(oo::variable_value("A", "export A='"), std::string("'"));
  CHECK_EQUAL(oo::variable_value("A", ""), std::string());
}

TEST(what_does_not_fit_an_exec_is_left_out) {
  Home h;
  h.put("home/.env/OWN", "gear");
  for (int i = 0; i < 40; i++) h.put("home/php/env/BIG" + std::to_string(i), std::string(60000, 'x'));
  const oo::Environment all = oo::gear_environment({"/nowhere", h.home, "/bin"});
  size_t total = 0;
  for (const auto& [name, value] : all) total += name.size() + value.size() + 2;
  CHECK(total < 1100000);
  CHECK_EQUAL(all.count("OWN"), 1U);
}

TEST(of_the_client_only_terminal_locale_and_connection_stay) {
  const char* const from[] = {"TERM=xterm-256color",
                              "LANG=de_DE.UTF-8",
                              "LC_ALL=C",
                              "LC_X Y=1",
                              "LC_PATH=/tmp/evil",
                              "SSH_TTY=/dev/pts/0",
                              "SSH_CONNECTION=127.0.0.1 1 127.0.0.1 22",
                              "SSH_ORIGINAL_COMMAND=id",
                              "LD_PRELOAD=/x",
                              "PATH=/x",
                              "USER=root",
                              "SSH_AUTH_SOCK=/x",
                              "NOEQUALS",
                              nullptr};
  oo::Environment kept;
  oo::keep_session_variables(const_cast<char* const*>(from), &kept);
  std::string names;
  for (const auto& [name, value] : kept) names += name + " ";
  CHECK_EQUAL(names, std::string("LANG LC_ALL SSH_CONNECTION SSH_TTY TERM "));
  const char* const bad[] = {"TERM=../../x", "LANG=a\nb", nullptr};
  oo::Environment none;
  oo::keep_session_variables(const_cast<char* const*>(bad), &none);
  CHECK_EQUAL(none.size(), 0U);
}
