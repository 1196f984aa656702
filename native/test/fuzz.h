// Driver of the fuzz targets. Built plainly it is a short, repeatable run under ASAN and UBSAN: each seed
// text, then mutations of the seeds from a fixed random sequence. With `clang++ -fsanitize=fuzzer
// -DOO_LIBFUZZER` the same target runs under libFuzzer for as long as one likes.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <string>
#include <vector>

void fuzz_one(const std::string& input);
std::vector<std::string> fuzz_seeds();
// Words of the format, put in by mutations more often than chance would.
std::vector<std::string> fuzz_words();

#define FUZZ_REQUIRE(condition)                                                      \
  do {                                                                               \
    if (!(condition)) {                                                              \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      abort();                                                                       \
    }                                                                                \
  } while (0)

#ifdef OO_LIBFUZZER
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz_one(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
#else
namespace fuzz {

inline uint64_t& state() {
  static uint64_t value = 0x9e3779b97f4a7c15ULL;
  return value;
}

inline size_t below(size_t bound) {
  uint64_t& x = state();
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return bound == 0 ? 0 : static_cast<size_t>(x % bound);
}

inline void mutate(std::string* text, const std::vector<std::string>& words,
                   const std::vector<std::string>& seeds) {
  const size_t at = below(text->size() + 1);
  switch (below(7)) {
    case 0:
      text->insert(at, 1, static_cast<char>(below(256)));
      break;
    case 1:
      if (!text->empty()) (*text)[below(text->size())] = static_cast<char>(below(256));
      break;
    case 2:
      text->erase(at, below(8));
      break;
    case 3:
      text->insert(at, words[below(words.size())]);
      break;
    case 4:
      text->insert(at, text->substr(below(text->size() + 1), below(64)));
      break;
    case 5:
      text->resize(at);
      break;
    default: {
      const std::string& other = seeds[below(seeds.size())];
      *text = text->substr(0, at) + other.substr(below(other.size() + 1));
    }
  }
}

}  // namespace fuzz

int main(int argc, char** argv) {
  const long rounds = argc > 1 ? atol(argv[1]) : 200000;
  const std::vector<std::string> seeds = fuzz_seeds(), words = fuzz_words();
  for (const std::string& seed : seeds) fuzz_one(seed);
  std::string text;
  for (long round = 0; round < rounds; round++) {
    if (round % 16 == 0 || text.size() > 4096) text = seeds[fuzz::below(seeds.size())];
    fuzz::mutate(&text, words, seeds);
    fuzz_one(text);
  }
  printf("%ld mutated inputs\n", rounds);
  return 0;
}
#endif
