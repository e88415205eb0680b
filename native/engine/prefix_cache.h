// Prompts that are decoded or being decoded, each held by one sequence, so that later prompts share their prefixes.
// The prompts of all slots form a prefix tree; a shared part occupies its KV cells once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/decoder.h"

namespace pgenrm {

// One prompt. Its sequence holds positions [0, n_decoded).
struct PromptSlot {
  std::vector<int32_t> tokens;
  int32_t sequence = -1;
  int32_t n_decoded = 0;
  int32_t n_shared = 0;         // of n_decoded, positions taken over from another slot
  int32_t n_users = 0;          // requests that need it; 0 lets it be evicted
  bool begun = false;           // its shared prefix was taken over, decoding goes on
  uint64_t last_used = 0;
  std::vector<float> logits;    // after the last token; [n_vocab] once decoded

  int32_t size() const { return static_cast<int32_t>(tokens.size()); }
  bool decoded() const { return n_decoded == size(); }
};

class PrefixCache {
 public:
  explicit PrefixCache(Decoder& decoder) : decoder_(decoder) {}
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  // The slot of exactly this prompt, or null.
  PromptSlot* find(std::span<const int32_t> prompt);

  // A new slot for the prompt, which must not be there yet. Decodes nothing.
  PromptSlot* add(std::span<const int32_t> prompt, int32_t sequence);

  // True while a slot added earlier is still decoding a prefix that this one shares.
  bool must_wait(const PromptSlot& slot) const;

  // Takes over the longest decoded prefix that another slot holds. Once a slot, before its first rows.
  void begin(PromptSlot& slot);

  // Begins one use.
  void acquire(PromptSlot& slot);

  // Ends one use. A slot that nobody needs and that is not decoded to its end keeps what it has.
  void release(PromptSlot& slot);

  // Drops the least recently used slot that nobody needs; gives back its sequence, -1 where there is none.
  int32_t evict();

  // Drops every slot; gives back their sequences.
  std::vector<int32_t> clear();

  void touch(PromptSlot& slot) { slot.last_used = ++clock_; }

  // Keeps the slot that this prompt would share most with from being evicted first.
  void touch_longest_shared(std::span<const int32_t> prompt);

  // Cells that the prompts of all slots occupy once decoded: the size of the prefix tree, and one more a slot,
  // because a prompt that is a prefix of another decodes its last token again for the logits.
  int32_t n_cells() const { return n_tree_ + static_cast<int32_t>(slots_.size()); }

  // What n_cells() would be with this prompt.
  int32_t n_cells_with(std::span<const int32_t> prompt) const;

  // Cells that only slots without a user hold: what evicting all of them would free.
  int32_t n_idle_cells();

  size_t n_slots() const { return slots_.size(); }

 private:
  int32_t longest_shared(std::span<const int32_t> prompt, const PromptSlot* except) const;
  size_t oldest_idle() const;
  int32_t remove(size_t index);
  void forget(PromptSlot& slot);

  Decoder& decoder_;
  std::vector<std::unique_ptr<PromptSlot>> slots_;  // in order of arrival
  int32_t n_tree_ = 0;
  int32_t n_idle_ = 0;
  bool idle_changed_ = false;  // n_idle_ is to be counted again
  uint64_t clock_ = 0;
};

}  // namespace pgenrm
