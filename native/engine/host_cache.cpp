#include "engine/host_cache.h"

#include <algorithm>

#include "engine/common_prefix.h"

namespace pgenrm {

bool HostCache::covers(std::span<const int32_t> tokens) {
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (static_cast<size_t>(common_prefix(tokens, entry->tokens)) < tokens.size()) continue;
    entries_.splice(entries_.begin(), entries_, entry);
    return true;
  }
  return false;
}

void HostCache::keep(std::span<const int32_t> tokens, std::vector<uint8_t>&& state) {
  Entry entry{{tokens.begin(), tokens.end()}, std::move(state)};
  const size_t n = entry.n_bytes();
  if (entry.state.empty() || n > max_bytes_) return;
  std::erase_if(entries_, [&](const Entry& other) {
    const bool covered = static_cast<size_t>(common_prefix(tokens, other.tokens)) == other.tokens.size();
    if (covered) n_bytes_ -= other.n_bytes();
    return covered;
  });
  while (n_bytes_ + n > max_bytes_) {
    n_bytes_ -= entries_.back().n_bytes();
    entries_.pop_back();
  }
  n_bytes_ += n;
  entries_.push_front(std::move(entry));
}

const HostCache::Entry* HostCache::longest_shared(std::span<const int32_t> prompt) const {
  const Entry* best = nullptr;
  int32_t longest = 0;
  for (const Entry& entry : entries_) {
    const int32_t n = common_prefix(prompt, entry.tokens);
    if (n > longest) {
      longest = n;
      best = &entry;
    }
  }
  return best;
}

void HostCache::touch(const Entry& entry) {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& other) { return &other == &entry; });
  if (found != entries_.end()) entries_.splice(entries_.begin(), entries_, found);
}

void HostCache::clear() {
  entries_.clear();
  n_bytes_ = 0;
}

}  // namespace pgenrm
