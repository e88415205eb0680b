// Prompts whose KV state lies in host memory, within a budget: what was evicted is copied back instead of decoded again.
// Knows states as bytes only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <span>
#include <vector>

namespace pgenrm {

class HostCache {
 public:
  struct Entry {
    std::vector<int32_t> tokens;
    std::vector<uint8_t> state;  // of exactly these tokens

    size_t n_bytes() const { return state.size() + tokens.size() * sizeof(int32_t); }
  };

  // At most `max_bytes` of states and tokens; 0 keeps nothing.
  explicit HostCache(int64_t max_bytes) : max_bytes_(static_cast<size_t>(max_bytes)) {}

  bool enabled() const { return max_bytes_ > 0; }

  // Whether these tokens are the beginning of what an entry holds, which counts as its use then.
  bool covers(std::span<const int32_t> tokens);

  // Keeps a state; entries that it covers go, then the least recently used ones until it has room. One that is empty or
  // larger than the budget is not kept.
  void keep(std::span<const int32_t> tokens, std::vector<uint8_t>&& state);

  // The entry that shares the longest prefix with the prompt, or null where none shares anything.
  const Entry* longest_shared(std::span<const int32_t> prompt) const;

  // Counts as a use of the entry, which must be of this cache.
  void touch(const Entry& entry);

  void clear();

  size_t n_bytes() const { return n_bytes_; }
  size_t n_entries() const { return entries_.size(); }

 private:
  size_t max_bytes_;
  size_t n_bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace pgenrm
