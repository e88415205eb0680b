// Answers one query at a time over hnswlib's own records: walks the graph (hnsw_search.cpp) or scans (hnsw_scan.cpp).
// One GraphSearch serves many threads, each with a SearchScratch of its own; the index stays locked meanwhile.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/top_k.h"
#include "core/vector_index.h"

#if defined(__GNUC__) || defined(__clang__)
#define PGENRM_PREFETCH(address) __builtin_prefetch(address)
#else
#define PGENRM_PREFETCH(address) ((void)(address))
#endif

namespace pgenrm {

// What a walk needs anew each time, kept between walks.
class SearchScratch {
 public:
  // A fresh mark for `n_nodes` nodes: a node is visited where its mark equals it.
  uint16_t begin(size_t n_nodes) {
    if (marks.size() < n_nodes) marks.resize(n_nodes, 0);
    if (++mark_ == 0) {
      std::fill(marks.begin(), marks.end(), 0);
      mark_ = 1;
    }
    return mark_;
  }

  std::vector<uint16_t> marks;
  std::vector<Scored> found;       // nearest first
  std::vector<Scored> candidates;  // heap of nodes to visit, under a filter
  std::vector<uint8_t> expanded;
  std::vector<uint32_t> fresh;     // neighbours not seen yet, or the nodes of a scan
  std::vector<char> code;
  std::vector<float> decoded;

 private:
  uint16_t mark_ = 0;
};

class GraphSearch {
 public:
  GraphSearch(const VectorIndex& index, const SearchParams& params);

  // query: unit-normalised under cosine. labels and distances: [k].
  void run(const float* query, SearchScratch& scratch, uint32_t* labels, float* distances) const;

 private:
  // Set on the flags of a node's record that was removed.
  static constexpr char REMOVED = 1;

  const char* record(uint32_t node) const { return records_ + static_cast<size_t>(node) * record_bytes_; }

  uint32_t label_of(uint32_t node) const {
    if (index_.plain_labels_) return node;
    uint64_t label;
    std::memcpy(&label, record(node) + label_at_, sizeof label);
    return static_cast<uint32_t>(label);
  }

  // Whether a node may answer. Looks at the record, which may be far, as little as it can.
  bool passes(uint32_t node) const {
    const uint32_t label = label_of(node);
    if (params_.allow) {
      const uint32_t place = label - params_.allow_first;
      if (place / 8 >= params_.allow_bytes || ((params_.allow[place / 8] >> (place % 8)) & 1) == 0) return false;
    }
    if (n_live_ < n_nodes_ && (record(node)[2] & REMOVED)) return false;
    return params_.n_exclude == 0 || !std::binary_search(params_.exclude, params_.exclude + params_.n_exclude, label);
  }

  // Distance to the stored form: 8-bit codes where the index is walked on them.
  float code_distance(const char* code, uint32_t node) const {
    const Codec& codec = index_.codec_;
    const char* stored = record(node) + data_at_;
    if (codec.storage() != Storage::int8) return codec.distance(code, stored);
    const auto* header = reinterpret_cast<const Int8Header*>(code);
    return codec.int8_distance(*header, reinterpret_cast<const int8_t*>(header + 1),
                               reinterpret_cast<const int8_t*>(stored + sizeof(Int8Header)), scales_[node],
                               squares_ ? squares_[node] : 0.0f);
  }

  void prefetch(uint32_t node) const {
    const char* line = record(node) + index_.code_at_;
    for (size_t i = 0; i < code_lines_; ++i) PGENRM_PREFETCH(line + i * 64);
  }

  void prefetch_links(uint32_t node) const {
    const char* line = record(node);
    for (size_t at = 0; at < label_at_; at += 64) PGENRM_PREFETCH(line + at);
  }

  // Writes the query's stored form to the scratch; null where the storage cannot hold it.
  const char* encoded(const float* query, SearchScratch& scratch) const;

  uint32_t descend(const char* code) const;
  void walk(const char* code, SearchScratch& scratch) const;
  // False where more vectors were looked at than a scan is worth.
  bool walk_filtered(const char* code, SearchScratch& scratch) const;
  size_t fresh_neighbours(uint32_t node, uint16_t mark, SearchScratch& scratch) const;

  // Nodes that may answer, to scratch.fresh, in the order of their labels or of their numbers.
  void gather(SearchScratch& scratch) const;
  // Fills scratch.found with the nodes to rank.
  void scan_codes(const char* code, SearchScratch& scratch) const;
  void scan(const float* query, SearchScratch& scratch, TopK& best) const;
  float stored_distance(const float* query, uint32_t node, SearchScratch& scratch) const;
  void rank(const float* query, SearchScratch& scratch, TopK& best) const;

  const VectorIndex& index_;
  const SearchParams& params_;
  const char* records_;
  const float* scales_;   // of 8-bit vectors
  const float* squares_;  // of 8-bit vectors under l2
  size_t record_bytes_, label_at_, data_at_, code_lines_, ahead_;
  size_t n_nodes_, n_live_, n_allowed_;
  size_t most_looked_at_;  // by a walk under a filter
  bool filtered_, scanned_, by_codes_;
};

}  // namespace pgenrm
