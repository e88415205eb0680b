#include "core/pages.h"

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#endif

namespace pgenrm {

void want_huge_pages([[maybe_unused]] void* begin, [[maybe_unused]] size_t n_bytes) {
#if defined(__linux__)
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto from = (reinterpret_cast<uintptr_t>(begin) + page - 1) / page * page;
  const auto to = (reinterpret_cast<uintptr_t>(begin) + n_bytes) / page * page;
  if (to > from) (void)madvise(reinterpret_cast<void*>(from), to - from, MADV_HUGEPAGE);
#endif
}

bool give_back_zeros([[maybe_unused]] void* begin, [[maybe_unused]] size_t n_bytes) {
#if defined(__linux__)
  if (!begin) return false;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto from = (reinterpret_cast<uintptr_t>(begin) + page - 1) / page * page;
  const auto to = (reinterpret_cast<uintptr_t>(begin) + n_bytes) / page * page;
  return to > from && madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED) == 0;
#else
  return false;
#endif
}

}  // namespace pgenrm
