// The C++ tests' own small frame: TEST(name) { CHECK(...); CHECK_EQUAL(a, b); } and one main for each file.
// A failed check is counted and printed with its line; the process ends with 1 when any failed.
#pragma once

#include <stdio.h>
#include <string.h>

#include <sstream>
#include <string>

namespace check {

using TestFunction = void (*)();

struct Test {
  Test(const char* test_name, TestFunction test_function) : name(test_name), function(test_function), next(nullptr) {
    Test** end = &First();
    while (*end != nullptr) end = &(*end)->next;
    *end = this;
  }
  static Test*& First() {
    static Test* first = nullptr;
    return first;
  }
  const char* name;
  TestFunction function;
  Test* next;
};

inline int& Failures() {
  static int failures = 0;
  return failures;
}

inline void Report(const char* file, int line, const std::string& text) {
  fprintf(stderr, "    %s:%d: %s\n", file, line, text.c_str());
  ++Failures();
}

template <typename A, typename B>
void Equal(const char* file, int line, const char* text, const A& left, const B& right) {
  if (left == right) return;
  std::ostringstream out;
  out << text << ": " << left << " is not " << right;
  Report(file, line, out.str());
}

}  // namespace check

#define TEST(name)                                              \
  static void name();                                           \
  static ::check::Test check_test_##name(#name, name);          \
  static void name()
#define CHECK(condition) \
  do {                   \
    if (!(condition)) ::check::Report(__FILE__, __LINE__, #condition); \
  } while (0)
#define CHECK_EQUAL(left, right) ::check::Equal(__FILE__, __LINE__, #left " == " #right, left, right)

#ifndef CHECK_NO_MAIN
int main() {
  int tests = 0;
  for (const ::check::Test* test = ::check::Test::First(); test != nullptr; test = test->next, ++tests) {
    const int before = ::check::Failures();
    test->function();
    printf("  %s %s\n", ::check::Failures() == before ? "ok  " : "FAIL", test->name);
  }
  printf("%d tests, %d failed checks\n", tests, ::check::Failures());
  return ::check::Failures() == 0 ? 0 : 1;
}
#endif
