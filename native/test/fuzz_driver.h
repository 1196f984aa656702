// Lets a libFuzzer target run without libFuzzer: include it after LLVMFuzzerTestOneInput and call
// DRIVE(seeds...). With clang the same file is a real fuzzer:
//   clang++ -std=c++17 -D_GNU_SOURCE -DOO_LIBFUZZER -g -O1 -fsanitize=fuzzer,address,undefined -I native FILE
//   SOURCES
// Without, each run mutates the seeds in the same pseudo-random way, so that a failure comes back.
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// A broken invariant ends the process, as libFuzzer expects.
#define REQUIRE(condition)                                                          \
  do {                                                                              \
    if (!(condition)) {                                                             \
      fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      abort();                                                                      \
    }                                                                               \
  } while (0)

inline std::string mutate(std::string text, const std::string& other, std::mt19937* random) {
  static const std::string alphabet("ab:,\n+-#0123456789/\0x\xff ", 24);
  const auto below = [random](size_t limit) { return limit == 0 ? 0 : (*random)() % limit; };
  for (size_t changes = 1 + below(8); changes > 0; --changes) {
    const size_t at = below(text.size() + 1);
    switch (below(5)) {
      case 0: text.insert(at, 1, alphabet[below(alphabet.size())]); break;
      case 1: text.erase(at, below(4)); break;
      case 2: text.insert(at, other.substr(below(other.size() + 1), below(20))); break;
      case 3: text.resize(at); break;
      default:
        if (at < text.size()) text[at] = alphabet[below(alphabet.size())];
    }
  }
  return text;
}

inline int drive(const std::vector<std::string>& seeds, int rounds) {
  std::mt19937 random(1);
  std::vector<std::string> pool = seeds;
  for (int round = 0; round < rounds; ++round) {
    const std::string text = mutate(pool[random() % pool.size()], pool[random() % pool.size()], &random);
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
    if (pool.size() < 200) pool.push_back(text);
    else pool[seeds.size() + random() % (200 - seeds.size())] = text.substr(0, 4000);
  }
  printf("  %d inputs\n", rounds);
  return 0;
}

#ifdef OO_LIBFUZZER
#define DRIVE(rounds, ...)
#else
#define DRIVE(rounds, ...) \
  int main() { return drive({__VA_ARGS__}, rounds); }
#endif
