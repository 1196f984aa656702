// The child's half of a launch. It runs on a stack of its own while the thread that made it waits, in that process's
// memory. Invariant: between clone and exec there are only raw system calls on what is prepared here: no allocation, no
// libc, no lock, no return.
#pragma once

#include "confine.h"

namespace oo {

// All that the child reads; it writes only `began` and `failure`.
struct Prepared {
  ConfineSpec confine;
  bool confined = false;
  const char* file = nullptr;
  const char* const* argv = nullptr;
  const char* const* envp = nullptr;
  int cwd = -1;                     // -1: cwd_path leads through symlinks and is walked by the gear itself
  const char* cwd_path = nullptr;
  int descriptors[3] = {-1, -1, -1};
  bool began = false;  // written by the child's first instruction
  bool reset_all_signals = false;
  unsigned long ignored_signals = 0;  // bit n-1: signal n
  StepFailure failure;
};

// Takes the steps and execs; where one fails it leaves the failure and exits. `argument` is a Prepared.
void RunChild(void* argument);

}  // namespace oo
