// The user and group numbers in use while accounts are added. Invariant: lowest_free() never gives a number
// that has been added and not removed again, nor 65535, which some programs take for "none".
#pragma once

#include <stdint.h>

#include <unordered_set>
#include <vector>

namespace oo::accounts {

// Small numbers, which are nearly all, are bits: thousands of accounts cost next to nothing.
class Ids {
 public:
  bool has(uint32_t id) const { return id < kSmall ? bits_[id] : large_.count(id) != 0; }
  void add(uint32_t id) {
    if (id < kSmall) bits_[id] = true;
    else large_.insert(id);
  }
  void remove(uint32_t id) {
    if (id < kSmall) bits_[id] = false;
    else large_.erase(id);
    hint_first_ = 0;
  }
  // The lowest free one of the range, 0 when it is full.
  uint32_t lowest_free(uint32_t first, uint32_t last) {
    if (first != hint_first_) hint_ = hint_first_ = first;
    for (uint64_t id = hint_; id <= last; ++id) {
      if (id == 65535 || has(static_cast<uint32_t>(id))) continue;
      hint_ = static_cast<uint32_t>(id);
      return hint_;
    }
    return 0;
  }

 private:
  static constexpr uint32_t kSmall = 1 << 20;
  std::vector<bool> bits_ = std::vector<bool>(kSmall);
  std::unordered_set<uint32_t> large_;
  uint32_t hint_first_ = 0;  // nothing below hint_ was free when this range was last asked for
  uint32_t hint_ = 0;
};

}  // namespace oo::accounts
