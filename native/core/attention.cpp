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
  const size_t n_words = (n_cells + 63) / 64;
  seen_.resize(n_rows * n_words);
  common_.resize(n_words);
  next_.resize(n_words);
  cells_.clear();
  groups_.clear();
  own_lists_.resize(n_rows);
  own_.resize(n_rows);
  for (size_t r = 0; r < n_rows; ++r) {
    for (size_t w = 0; w < n_words; ++w) {
      seen_[r * n_words + w] = seen_of(mask + r * stride + w * 64, std::min<size_t>(64, n_cells - w * 64));
    }
  }
  for (size_t r = 0; r < n_rows;) {
    // A row joins while what the group shares, times the rows that need not read it again, does not become less.
    std::copy_n(seen_.begin() + static_cast<ptrdiff_t>(r * n_words), n_words, common_.begin());
    size_t n = 1, n_shared = 0;
    for (; n < most && r + n < n_rows; ++n) {
      size_t both = 0;
      for (size_t w = 0; w < n_words; ++w) {
        next_[w] = common_[w] & seen_[(r + n) * n_words + w];
        both += static_cast<size_t>(std::popcount(next_[w]));
      }
      if (both < LEAST_SHARED || both * n < n_shared * (n - 1)) break;
      common_.swap(next_);
      n_shared = both;
    }
    if (n == 1) std::ranges::fill(common_, 0);
    groups_.push_back({static_cast<uint32_t>(r), static_cast<uint32_t>(n), list(common_.data(), nullptr, n_words)});
    for (size_t i = r; i < r + n; ++i) own_lists_[i] = list(seen_.data() + i * n_words, common_.data(), n_words);
    r += n;
  }
  for (size_t r = 0; r < n_rows; ++r) own_[r] = cells_of(own_lists_[r]);
}

AttentionRows::List AttentionRows::list(const uint64_t* seen, const uint64_t* without, size_t n_words) {
  const size_t first = cells_.size();
  for (size_t w = 0; w < n_words; ++w) {
    uint64_t bits = without ? seen[w] & ~without[w] : seen[w];
    for (; bits; bits &= bits - 1) {
      cells_.push_back(static_cast<uint32_t>(w * 64 + static_cast<size_t>(std::countr_zero(bits))));
    }
  }
  return {first, cells_.size() - first};
}

AttentionGroup AttentionRows::group(size_t i) const {
  const Group& g = groups_[i];
  return {g.first_row, g.n_rows, cells_of(g.shared), own_.data() + g.first_row};
}

// Of each query itself, scaled, and its sum of values; a block of keys and one of values; four rows of products.
size_t attention_scratch(const AttentionLayer& layer, size_t n_rows) {
  return (n_rows * layer.heads_per_kv + ATTENTION_BLOCK) * (layer.dim + layer.value_dim) + 4 * ATTENTION_BLOCK;
}

}  // namespace pgenrm
