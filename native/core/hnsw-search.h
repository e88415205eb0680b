// Walks the graph of an index for one query at a time, over hnswlib's own records.
// One GraphSearch serves many threads, each with a SearchScratch of its own; the index stays locked meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/top-k.h"
#include "core/vector-index.h"

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
  std::vector<uint32_t> fresh;
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
  bool passes(uint32_t node) const;
  const char* record(uint32_t node) const { return records_ + static_cast<size_t>(node) * record_bytes_; }
  uint32_t label_of(uint32_t node) const;
  float code_distance(const char* code, uint32_t node) const;
  float stored_distance(const float* query, uint32_t node, SearchScratch& scratch) const;
  uint32_t descend(const char* code) const;
  void walk(const char* code, SearchScratch& scratch) const;
  void walk_filtered(const char* code, SearchScratch& scratch) const;
  size_t fresh_neighbours(uint32_t node, uint16_t mark, SearchScratch& scratch) const;
  void prefetch(uint32_t node) const;
  void prefetch_links(uint32_t node) const;
  void scan(const float* query, SearchScratch& scratch, TopK& best) const;
  void rank(const float* query, SearchScratch& scratch, TopK& best) const;

  const VectorIndex& index_;
  const SearchParams& params_;
  const char* records_;
  const float* scales_;   // of 8-bit vectors
  const float* squares_;  // of 8-bit vectors under l2
  size_t record_bytes_, label_at_, data_at_, code_lines_, ahead_;
  size_t n_nodes_, n_live_, n_allowed_;
  bool filtered_, scanned_;
};

}  // namespace pgenrm
