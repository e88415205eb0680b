// The one assertion of the C++ tests: what does not hold is printed with its place, and the process aborts.
#pragma once

#include <cstdio>
#include <cstdlib>

#ifndef EXPECT
#define EXPECT(condition)                                                           \
  do {                                                                              \
    if (!(condition)) {                                                             \
      std::fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                 \
    }                                                                               \
  } while (false)
#endif
