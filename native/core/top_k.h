// The k nearest of what is offered, nearest first, equal distances by label.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace pgenrm {

struct Scored {
  float distance;
  uint32_t id;  // label or node

  bool operator<(const Scored& other) const {
    return distance < other.distance || (distance == other.distance && id < other.id);
  }
};

class TopK {
 public:
  explicit TopK(size_t k) : k_(k) { heap_.reserve(k); }

  void offer(float distance, uint32_t label) {
    if (heap_.size() < k_) {
      heap_.push_back({distance, label});
      std::push_heap(heap_.begin(), heap_.end());
    } else if (Scored{distance, label} < heap_.front()) {
      std::pop_heap(heap_.begin(), heap_.end());
      heap_.back() = {distance, label};
      std::push_heap(heap_.begin(), heap_.end());
    }
  }

  // Hands over what was kept, nearest first.
  void drain(std::vector<Scored>& out) {
    std::sort_heap(heap_.begin(), heap_.end());
    out.swap(heap_);
    heap_.clear();
  }

  // Fills k places; those that nothing was offered for get no label and an infinite distance.
  void write(uint32_t* labels, float* distances) {
    std::sort_heap(heap_.begin(), heap_.end());
    for (size_t i = 0; i < k_; ++i) {
      const bool there = i < heap_.size();
      labels[i] = there ? heap_[i].id : 0xffffffffu;
      distances[i] = there ? heap_[i].distance : std::numeric_limits<float>::infinity();
    }
  }

 private:
  size_t k_;
  std::vector<Scored> heap_;  // the worst on top
};

}  // namespace pgenrm
