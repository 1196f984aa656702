// A directory of a test's own, gone at its end, and a few ways to plant things in it with plain libc calls.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

class Scratch {
 public:
  Scratch() {
    char name[] = "/var/tmp/oo-test-XXXXXX";
    path_ = mkdtemp(name) != nullptr ? name : "/nonexistent";
    descriptor_ = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  ~Scratch() {
    close(descriptor_);
    if (system(("rm -rf " + path_).c_str()) != 0) abort();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  int fd() const { return descriptor_; }
  std::string at(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

  void put(const std::string& name, const std::string& content) const { std::ofstream(at(name)) << content; }
  std::string get(const std::string& name) const {
    std::ifstream in(at(name), std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }
  void folder(const std::string& name, mode_t mode = 0755) const {
    mkdir(at(name).c_str(), mode);
    chmod(at(name).c_str(), mode);
  }
  struct stat look(const std::string& name) const {
    struct stat info = {};
    if (lstat(at(name).c_str(), &info) != 0) info.st_mode = 0;
    return info;
  }
  int count(const std::string& name) const {
    const std::string command = "ls -A " + at(name) + " | wc -l";
    FILE* pipe = popen(command.c_str(), "r");
    int number = -1;
    if (fscanf(pipe, "%d", &number) != 1) number = -1;
    pclose(pipe);
    return number;
  }

 private:
  std::string path_;
  int descriptor_;
};

inline int open_descriptors() {
  int count = 0;
  for (int number = 0; number < 1024; ++number) count += fcntl(number, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

inline bool is_root() { return geteuid() == 0; }
