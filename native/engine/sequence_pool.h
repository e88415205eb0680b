// Which sequence numbers are free.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace pgenrm {

class SequencePool {
 public:
  // Numbers 0 .. n - 1.
  explicit SequencePool(int32_t n) {
    for (int32_t i = 0; i < n; ++i) give_back(i);
  }

  // The lowest free number, -1 where there is none.
  int32_t take() {
    if (free_.empty()) return -1;
    const auto lowest = std::ranges::min_element(free_);
    const int32_t sequence = *lowest;
    free_.erase(lowest);
    return sequence;
  }

  void give_back(int32_t sequence) { free_.push_back(sequence); }

  int32_t n_free() const { return static_cast<int32_t>(free_.size()); }

 private:
  std::vector<int32_t> free_;
};

}  // namespace pgenrm
