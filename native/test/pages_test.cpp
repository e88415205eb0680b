// Pages given back: zeros stay zeros, what lies beside whole pages is not touched, nothing happens to nothing.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/pages.h"
#include "expect.h"

int main() {
  using pgenrm::give_back_zeros;
  EXPECT(!give_back_zeros(nullptr, size_t{1} << 30));
  constexpr size_t SIZE = 1 << 20, MARGIN = 100;
  std::vector<uint8_t> memory(SIZE + 2 * MARGIN, 0);
  std::memset(memory.data(), 7, MARGIN);
  std::memset(memory.data() + MARGIN + SIZE, 7, MARGIN);
#if defined(__linux__)
  EXPECT(give_back_zeros(memory.data() + MARGIN, SIZE));
#else
  EXPECT(!give_back_zeros(memory.data() + MARGIN, SIZE));
#endif
  EXPECT(!give_back_zeros(memory.data() + MARGIN, 10));  // less than a page
  for (size_t i = 0; i < memory.size(); ++i) {
    EXPECT(memory[i] == (i < MARGIN || i >= MARGIN + SIZE ? 7 : 0));
  }
  memory[MARGIN + SIZE / 2] = 3;
  EXPECT(memory[MARGIN + SIZE / 2] == 3);
  std::printf("pages: given back and taken again\n");
  return 0;
}
