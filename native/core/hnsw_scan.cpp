// Which vectors may answer, whether they are walked to or scanned, and the scans; the nearest are ranked in full.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/graph_space.h"
#include "core/hnsw_search.h"

namespace pgenrm {
namespace {

// Links of a node that a walk looks at for each node that it keeps: about M.
constexpr size_t LOOKED_AT = 16;

// A scan reads vectors side by side and misses none; it may look at so many for each that a walk would, which reads
// one here and one there.
constexpr size_t SCANNED_A_STEP = 8;

// A scan of so few vectors in full takes no time worth saving.
constexpr size_t SCANNED_IN_FULL = 1024;

// Candidates that are ranked by exact distance: the 8-bit order errs among near ones only.
size_t ranked_count(size_t k) { return 2 * k + 16; }

// Cache lines that are fetched ahead of the vector that is looked at.
constexpr size_t LINES_AHEAD = 24;

// The 64 bits from a byte on, those past the end 0; the lowest bit is the first label.
uint64_t word_at(const uint8_t* bytes, size_t n, size_t byte) {
  uint64_t word = 0;
  if (byte + 8 <= n && std::endian::native == std::endian::little) {
    std::memcpy(&word, bytes + byte, 8);
    return word;
  }
  for (size_t i = 0; i < 8 && byte + i < n; ++i) word |= static_cast<uint64_t>(bytes[byte + i]) << (8 * i);
  return word;
}

size_t count_bits(const uint8_t* bytes, size_t n) {
  size_t count = 0;
  for (size_t byte = 0; byte < n; byte += 8) {
    if (const uint64_t word = word_at(bytes, n, byte); word != 0) count += std::popcount(word);
  }
  return count;
}

}  // namespace

GraphSearch::GraphSearch(const VectorIndex& index, const SearchParams& params)
    : index_(index),
      params_(params),
      records_(index.records_.data),
      scales_(reinterpret_cast<const float*>(index.scales_.data)),
      squares_(reinterpret_cast<const float*>(index.squares_.data)),
      record_bytes_(index.graph_->size_data_per_element_),
      label_at_(index.graph_->label_offset_),
      data_at_(index.graph_->offsetData_),
      code_lines_((index.codec_.bytes() - index.codec_.header_bytes() + 63) / 64),
      n_nodes_(index.graph_->cur_element_count),
      n_live_(n_nodes_ - index.graph_->num_deleted_) {
  ahead_ = std::clamp<size_t>(LINES_AHEAD / code_lines_, 2, 8);
  n_allowed_ = params.allow ? std::min(n_live_, count_bits(params.allow, params.allow_bytes)) : n_live_;
  filtered_ = params.allow != nullptr || params.n_exclude > 0 || n_live_ < n_nodes_;
  // A walk under a filter looks at effort * M vectors where those near the query may answer, and at live / allowed
  // times as many where the filter has nothing to do with the query. Which of both it is shows as it walks: it gives
  // up where a scan would have ended.
  const size_t least = params.effort * LOOKED_AT;
  const size_t share = std::min(n_live_ / std::max<size_t>(1, n_allowed_), SCANNED_A_STEP);
  scanned_ = params.exact || n_allowed_ <= least * std::max<size_t>(1, share);
  by_codes_ = !params.exact && n_allowed_ > SCANNED_IN_FULL;
  most_looked_at_ = by_codes_ ? 2 * least + n_allowed_ / SCANNED_A_STEP : std::numeric_limits<size_t>::max();
}

void GraphSearch::gather(SearchScratch& scratch) const {
  auto& nodes = scratch.fresh;
  nodes.clear();
  const auto take = [&](uint32_t node) {
    if (passes(node)) nodes.push_back(node);
  };
  if (!params_.allow || n_allowed_ * 8 > n_nodes_) {
    for (uint32_t node = 0; node < n_nodes_; ++node) take(node);
    return;
  }
  const auto& node_of = index_.graph_->label_lookup_;
  for (size_t byte = 0; byte < params_.allow_bytes; byte += 8) {
    for (uint64_t bits = word_at(params_.allow, params_.allow_bytes, byte); bits != 0; bits &= bits - 1) {
      const size_t label = params_.allow_first + byte * 8 + static_cast<size_t>(std::countr_zero(bits));
      if (index_.plain_labels_) {
        if (label < n_nodes_) take(static_cast<uint32_t>(label));
      } else if (const auto found = node_of.find(label); found != node_of.end()) {
        take(found->second);
      }
    }
  }
}

void GraphSearch::scan_codes(const char* code, SearchScratch& scratch) const {
  gather(scratch);
  const auto& nodes = scratch.fresh;
  TopK nearest(std::min(ranked_count(params_.k), nodes.size()));
  for (size_t i = 0; i < std::min(nodes.size(), ahead_); ++i) prefetch(nodes[i]);
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (i + ahead_ < nodes.size()) prefetch(nodes[i + ahead_]);
    nearest.offer(code_distance(code, nodes[i]), nodes[i]);
  }
  nearest.drain(scratch.found);
}

void GraphSearch::scan(const float* query, SearchScratch& scratch, TopK& best) const {
  gather(scratch);
  for (const uint32_t node : scratch.fresh) best.offer(stored_distance(query, node, scratch), label_of(node));
}

// Distance to the vector as it is stored, the query in full.
float GraphSearch::stored_distance(const float* query, uint32_t node, SearchScratch& scratch) const {
  const size_t dim = index_.params_.dim;
  const float* row = nullptr;
  if (index_.params_.quantized) {
    row = index_.exact_row(node);
  } else if (index_.params_.storage == Storage::f32) {
    row = reinterpret_cast<const float*>(record(node) + data_at_);
  } else {
    scratch.decoded.resize(dim);
    index_.codec_.decode(record(node) + data_at_, scratch.decoded.data());
    row = scratch.decoded.data();
  }
  return index_.params_.metric == Metric::l2 ? simd().l2_f32(query, row, dim) : 1.0f - simd().dot_f32(query, row, dim);
}

void GraphSearch::rank(const float* query, SearchScratch& scratch, TopK& best) const {
  const size_t n = std::min(scratch.found.size(), ranked_count(params_.k));
  if (index_.params_.quantized) {
    for (size_t i = 0; i < n; ++i) {
      const auto* row = reinterpret_cast<const char*>(index_.exact_row(scratch.found[i].id));
      for (size_t line = 0; line < std::min<size_t>(4, index_.params_.dim / 16); ++line)
        PGENRM_PREFETCH(row + line * 64);
    }
  }
  for (size_t i = 0; i < n; ++i) {
    const uint32_t node = scratch.found[i].id;
    best.offer(stored_distance(query, node, scratch), label_of(node));
  }
}

}  // namespace pgenrm
