// System calls without libc: nothing here touches errno, takes a lock or runs a handler, so a child that still shares
// its parent's memory may call it between clone and exec. Invariant: the result is the kernel's own, -errno on failure.
#pragma once

#include <sys/syscall.h>

namespace oo {

#if defined(__x86_64__)

inline long Raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

inline long Raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory", "cc");
  return x0;
}

#else
#error "oo-node's native part knows x86_64 and aarch64"
#endif

inline long Address(const void* pointer) { return reinterpret_cast<long>(pointer); }

// The errno of a raw result, 0 when it succeeded.
inline int RawError(long result) { return result < 0 && result >= -4095 ? static_cast<int>(-result) : 0; }

}  // namespace oo
