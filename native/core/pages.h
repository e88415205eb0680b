// Pages of memory and the system that lends them.
#pragma once

#include <cstddef>

namespace pgenrm {

// Asks for large pages under [begin, begin + n_bytes). Linux; refusal does no harm.
void want_huge_pages(void* begin, size_t n_bytes);

// Gives whole pages of [begin, begin + n_bytes) back until they are written again; read, they hold zeros as before.
// For zeros alone, in memory of the process's own such as malloc's. Linux; elsewhere nothing happens. Whether it did.
bool give_back_zeros(void* begin, size_t n_bytes);

}  // namespace pgenrm
