#include "engine/prefix_cache.h"

#include <algorithm>

#include "engine/common_prefix.h"

namespace pgenrm {
namespace {

// What a slot can take over of another: never its last token, whose logits it must compute itself.
int32_t shareable(const PromptSlot& slot, const PromptSlot& other) {
  return std::min(common_prefix(slot.tokens, other.tokens), slot.size() - 1);
}

}  // namespace

PromptSlot* PrefixCache::find(std::span<const int32_t> prompt) {
  for (const auto& slot : slots_) {
    if (std::ranges::equal(slot->tokens, prompt)) return slot.get();
  }
  return nullptr;
}

int32_t PrefixCache::longest_shared(std::span<const int32_t> prompt, const PromptSlot* except) const {
  int32_t longest = 0;
  for (const auto& slot : slots_) {
    if (slot.get() != except) longest = std::max(longest, common_prefix(prompt, slot->tokens));
  }
  return longest;
}

void PrefixCache::touch_longest_shared(std::span<const int32_t> prompt) {
  PromptSlot* best = nullptr;
  int32_t longest = 0;
  for (const auto& slot : slots_) {
    const int32_t n = common_prefix(prompt, slot->tokens);
    if (n > longest) {
      longest = n;
      best = slot.get();
    }
  }
  if (best) touch(*best);
}

int32_t PrefixCache::n_cells_with(std::span<const int32_t> prompt) const {
  return n_cells() + 1 + static_cast<int32_t>(prompt.size()) - longest_shared(prompt, nullptr);
}

PromptSlot* PrefixCache::add(std::span<const int32_t> prompt, int32_t sequence) {
  n_tree_ += static_cast<int32_t>(prompt.size()) - longest_shared(prompt, nullptr);
  auto slot = std::make_unique<PromptSlot>();
  slot->tokens.assign(prompt.begin(), prompt.end());
  slot->sequence = sequence;
  touch(*slot);
  slots_.push_back(std::move(slot));
  return slots_.back().get();
}

bool PrefixCache::must_wait(const PromptSlot& slot) const {
  for (const auto& earlier : slots_) {
    if (earlier.get() == &slot) return false;
    if (!earlier->decoded() && earlier->n_decoded < shareable(slot, *earlier)) return true;
  }
  return false;
}

void PrefixCache::begin(PromptSlot& slot) {
  const PromptSlot* source = nullptr;
  int32_t n_shared = 0;
  for (const auto& other : slots_) {
    if (other.get() == &slot) continue;
    const int32_t n = std::min(shareable(slot, *other), other->n_decoded);
    if (n > n_shared) {
      n_shared = n;
      source = other.get();
    }
  }
  slot.begun = true;
  if (source) decoder_.sequence_copy(source->sequence, slot.sequence, n_shared);
  slot.n_decoded = slot.n_shared = n_shared;
}

void PrefixCache::acquire(PromptSlot& slot) {
  slot.n_users += 1;
  idle_changed_ = true;
  touch(slot);
}

void PrefixCache::release(PromptSlot& slot) {
  slot.n_users -= 1;
  idle_changed_ = true;
  touch(slot);
  if (slot.n_users > 0) return;
  slot.logits = {};
  if (slot.decoded()) return;
  // Cut off in the middle of its prompt: what is decoded stays of use to others as a shorter prompt.
  forget(slot);
  slot.tokens.resize(static_cast<size_t>(slot.n_decoded));
  n_tree_ += slot.size() - longest_shared(slot.tokens, &slot);
}

void PrefixCache::forget(PromptSlot& slot) { n_tree_ -= slot.size() - longest_shared(slot.tokens, &slot); }

int32_t PrefixCache::n_idle_cells() {
  if (!idle_changed_) return n_idle_;
  idle_changed_ = false;
  n_idle_ = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i]->n_users > 0) continue;
    int32_t held_elsewhere = 0;
    for (size_t j = 0; j < slots_.size(); ++j) {
      if (slots_[j]->n_users > 0 || j < i) {
        held_elsewhere = std::max(held_elsewhere, common_prefix(slots_[i]->tokens, slots_[j]->tokens));
      }
    }
    n_idle_ += slots_[i]->size() - held_elsewhere;
  }
  return n_idle_;
}

int32_t PrefixCache::remove(size_t index) {
  idle_changed_ = true;
  PromptSlot& slot = *slots_[index];
  forget(slot);
  const int32_t sequence = slot.sequence;
  decoder_.sequence_remove(sequence, 0);
  slots_.erase(slots_.begin() + static_cast<ptrdiff_t>(index));
  return sequence;
}

size_t PrefixCache::oldest_idle() const {
  size_t oldest = slots_.size();
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i]->n_users > 0) continue;
    if (oldest == slots_.size() || slots_[i]->last_used < slots_[oldest]->last_used) oldest = i;
  }
  return oldest;
}

int32_t PrefixCache::evict() {
  const size_t oldest = oldest_idle();
  return oldest == slots_.size() ? -1 : remove(oldest);
}

std::vector<int32_t> PrefixCache::clear() {
  std::vector<int32_t> sequences;
  while (!slots_.empty()) sequences.push_back(remove(slots_.size() - 1));
  return sequences;
}

}  // namespace pgenrm
