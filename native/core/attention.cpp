#include "core/attention.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace pgenrm {
namespace {

// Fewer cells than this are not worth a list of their own for rows together.
constexpr size_t LEAST_SHARED = 32;

// A bit for each of up to 64 cells that is seen.
uint64_t seen_of(const uint16_t* mask, size_t n) {
  constexpr uint64_t NONE = 0xfc00fc00fc00fc00ull;
  uint64_t bits = 0;
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    uint64_t four;
    std::memcpy(&four, mask + i, sizeof four);
    if (four == NONE) continue;
    if (four == 0) {
      bits |= 0xfull << i;
      continue;
    }
    for (size_t k = 0; k < 4; ++k) bits |= static_cast<uint64_t>(mask[i + k] == 0) << (i + k);
  }
  for (; i < n; ++i) bits |= static_cast<uint64_t>(mask[i] == 0) << i;
  return bits;
}

}  // namespace

void AttentionRows::read(const uint16_t* mask, size_t stride, size_t n_rows, size_t n_cells, size_t most) {
  n_lists_ = 0;
  parts_.clear();
  groups_.clear();
  for (size_t first = 0; first < n_rows; first += most) {
    const size_t n = std::min(most, n_rows - first), first_part = parts_.size();
    read_group(mask + first * stride, stride, n, n_cells);
    groups_.push_back({static_cast<uint32_t>(first), static_cast<uint32_t>(n), first_part, parts_.size() - first_part});
  }
}

void AttentionRows::read_group(const uint16_t* mask, size_t stride, size_t n_rows, size_t n_cells) {
  found_.clear();
  uint64_t seen[64];
  for (size_t cell = 0; cell < n_cells; cell += 64) {
    for (size_t r = 0; r < n_rows; ++r) seen[r] = seen_of(mask + r * stride + cell, std::min<size_t>(64, n_cells - cell));
    read_word(seen, n_rows, static_cast<uint32_t>(cell));
  }
  // What is too little to be shared is each row's own.
  for (size_t i = 0, n_found = found_.size(); i < n_found; ++i) {
    const auto [rows, list] = found_[i];
    if (std::has_single_bit(rows) || lists_[list].size() >= LEAST_SHARED) continue;
    for (uint64_t left = rows; left; left &= left - 1) {
      std::vector<uint32_t>& own = cells_of(uint64_t{1} << std::countr_zero(left));
      own.insert(own.end(), lists_[list].begin(), lists_[list].end());
    }
    lists_[list].clear();
  }
  for (const auto [rows, list] : found_) {
    if (!lists_[list].empty()) parts_.push_back({lists_[list], rows});
  }
}

void AttentionRows::read_word(const uint64_t* seen, size_t n_rows, uint32_t first) {
  uint64_t left = 0;
  for (size_t r = 0; r < n_rows; ++r) left |= seen[r];
  while (left) {
    // The first cell that is left, the rows that see it, and all cells that just these see.
    const int cell = std::countr_zero(left);
    uint64_t rows = 0, alike = left;
    for (size_t r = 0; r < n_rows; ++r) {
      const uint64_t sees = seen[r] >> cell & 1;
      rows |= sees << r;
      alike &= seen[r] ^ (sees - 1);
    }
    left &= ~alike;
    std::vector<uint32_t>& cells = cells_of(rows);
    for (; alike; alike &= alike - 1) cells.push_back(first + static_cast<uint32_t>(std::countr_zero(alike)));
  }
}

std::vector<uint32_t>& AttentionRows::cells_of(uint64_t rows) {
  for (size_t i = found_.size(); i-- > 0;) {
    if (found_[i].rows == rows) return lists_[found_[i].list];
  }
  if (n_lists_ == lists_.size()) lists_.emplace_back();
  lists_[n_lists_].clear();
  found_.push_back({rows, n_lists_});
  return lists_[n_lists_++];
}

AttentionGroup AttentionRows::group(size_t i) const {
  const Group& g = groups_[i];
  return {g.first_row, g.n_rows, std::span(parts_).subspan(g.first_part, g.n_parts)};
}

// Of each query itself, scaled, and its sum of values; a block of keys and one of values; four rows of products.
size_t attention_scratch(const AttentionLayer& layer, size_t n_rows) {
  return (n_rows * layer.heads_per_kv + ATTENTION_BLOCK) * (layer.dim + layer.value_dim) + 4 * ATTENTION_BLOCK;
}

}  // namespace pgenrm
