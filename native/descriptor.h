// A file descriptor with one owner. Invariant: it is closed once, by its last holder, and never copied.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace oo {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  int get() const { return number_; }
  bool valid() const { return number_ >= 0; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  void assign(int number) {
    close();
    number_ = number;
  }
  // The caller owns it from now on.
  int release() { return std::exchange(number_, -1); }
  // A second descriptor of the same open file, for work that may outlive this one.
  Descriptor duplicate() const { return Descriptor(::fcntl(number_, F_DUPFD_CLOEXEC, 3)); }

 private:
  int number_ = -1;
};

}  // namespace oo
