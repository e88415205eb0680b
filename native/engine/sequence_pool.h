// Which sequence numbers are free. Samples and prompts draw from one pool, or from a part each, so that the numbers of
// running samples follow on each other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace pgenrm {

class SequencePool {
 public:
  // Numbers 0 .. n - 1; where n_samples is not 0, those below it are for samples only and the others for prompts only.
  SequencePool(int32_t n, int32_t n_samples) : n_samples_(n_samples) {
    for (int32_t i = 0; i < n; ++i) give_back(i);
  }

  // The lowest free number, -1 where there is none.
  int32_t take_for_sample() { return take(n_samples_ > 0 ? samples_ : prompts_); }
  int32_t take_for_prompt() { return take(prompts_); }

  void give_back(int32_t sequence) { (sequence < n_samples_ ? samples_ : prompts_).push_back(sequence); }

  // Whether a prompt can have one and a sample of it can run after that.
  bool has_for_prompt() const { return prompts_.size() >= (n_samples_ > 0 ? 1 : 2); }

  int32_t n_free() const { return static_cast<int32_t>(samples_.size() + prompts_.size()); }

 private:
  static int32_t take(std::vector<int32_t>& free) {
    if (free.empty()) return -1;
    const auto lowest = std::ranges::min_element(free);
    const int32_t sequence = *lowest;
    free.erase(lowest);
    return sequence;
  }

  int32_t n_samples_;
  std::vector<int32_t> samples_;  // empty where all numbers are in prompts_
  std::vector<int32_t> prompts_;
};

}  // namespace pgenrm
