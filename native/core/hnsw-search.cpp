// The walk: down the levels greedily, over the ground level with a sorted pool, then ranked by exact distance.
// Source: Malkov and Yashunin, arXiv 1603.09320, algorithms 2 and 5.
#include "core/hnsw-search.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/graph-space.h"

#if defined(__GNUC__) || defined(__clang__)
#define PGENRM_PREFETCH(address) __builtin_prefetch(address)
#else
#define PGENRM_PREFETCH(address) ((void)(address))
#endif

namespace pgenrm {
namespace {

// Vectors that a scan may look at for each that a walk of `effort` would, about M at each step.
constexpr double SCAN_FACTOR = 16;

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
  const auto allowed = static_cast<double>(n_allowed_);
  // A walk under a filter looks at about effort * M * live / allowed vectors, a scan at the allowed ones.
  scanned_ = params.exact ||
             allowed * allowed <= static_cast<double>(n_live_) * static_cast<double>(params.effort) * SCAN_FACTOR;
}

bool GraphSearch::passes(uint32_t node) const {
  if (record(node)[2] & hnswlib::HierarchicalNSW<float>::DELETE_MARK) return false;
  const uint32_t label = label_of(node);
  if (params_.allow) {
    const size_t byte = label >> 3;
    if (byte >= params_.allow_bytes || ((params_.allow[byte] >> (label & 7)) & 1) == 0) return false;
  }
  return params_.n_exclude == 0 || !std::binary_search(params_.exclude, params_.exclude + params_.n_exclude, label);
}

uint32_t GraphSearch::label_of(uint32_t node) const {
  hnswlib::labeltype label;
  std::memcpy(&label, record(node) + label_at_, sizeof label);
  return static_cast<uint32_t>(label);
}

float GraphSearch::code_distance(const char* code, uint32_t node) const {
  const Codec& codec = index_.codec_;
  const char* stored = record(node) + data_at_;
  if (codec.storage() != Storage::int8) return codec.distance(code, stored);
  const auto* header = reinterpret_cast<const Int8Header*>(code);
  return codec.int8_distance(*header, reinterpret_cast<const int8_t*>(header + 1),
                             reinterpret_cast<const int8_t*>(stored + sizeof(Int8Header)), scales_[node],
                             squares_ ? squares_[node] : 0.0f);
}

void GraphSearch::prefetch(uint32_t node) const {
  const char* line = record(node) + index_.code_at_;
  for (size_t i = 0; i < code_lines_; ++i) PGENRM_PREFETCH(line + i * 64);
}

void GraphSearch::prefetch_links(uint32_t node) const {
  const char* line = record(node);
  for (size_t at = 0; at < label_at_; at += 64) PGENRM_PREFETCH(line + at);
}

void GraphSearch::run(const float* query, SearchScratch& scratch, uint32_t* labels, float* distances) const {
  TopK best(params_.k);
  if (n_allowed_ > 0) {
    bool walked = !scanned_;
    if (walked) {
      // Twice a line: the numbers behind the header begin on one.
      scratch.code.resize(index_.codec_.bytes() + 128);
      auto address = reinterpret_cast<uintptr_t>(scratch.code.data()) + index_.codec_.header_bytes();
      char* code = scratch.code.data() + ((64 - address % 64) % 64);
      // A query beyond the range of 16 bits is answered by the scan.
      walked = index_.codec_.encode(query, code);
      if (walked) filtered_ ? walk_filtered(code, scratch) : walk(code, scratch);
    }
    const size_t sure = n_allowed_ - std::min(n_allowed_, params_.n_exclude);
    if (walked && scratch.found.size() >= std::min(params_.k, sure)) {
      rank(query, scratch, best);
    } else {
      scan(query, scratch, best);
    }
  }
  best.write(labels, distances);
}

uint32_t GraphSearch::descend(const char* code) const {
  const auto& graph = *index_.graph_;
  uint32_t node = graph.enterpoint_node_;
  float least = code_distance(code, node);
  for (int level = graph.maxlevel_; level > 0; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      const auto* list = graph.get_linklist(node, level);
      const size_t n_links = graph.getListCount(const_cast<hnswlib::linklistsizeint*>(list));
      for (size_t i = 1; i <= n_links; ++i) prefetch(list[i]);
      for (size_t i = 1; i <= n_links; ++i) {
        const float distance = code_distance(code, list[i]);
        if (distance < least) {
          least = distance;
          node = list[i];
          moved = true;
        }
      }
    }
  }
  return node;
}

// Collects the neighbours that no mark is on yet, and marks them.
size_t GraphSearch::fresh_neighbours(uint32_t node, uint16_t mark, SearchScratch& scratch) const {
  const char* links = record(node);
  const size_t n_links = *reinterpret_cast<const uint16_t*>(links);
  const auto* nodes = reinterpret_cast<const uint32_t*>(links + 4);
  if (scratch.fresh.size() < n_links) scratch.fresh.resize(n_links);
  uint16_t* marks = scratch.marks.data();
  size_t n = 0;
  for (size_t i = 0; i < n_links; ++i) {
    const uint32_t other = nodes[i];
    scratch.fresh[n] = other;
    n += marks[other] != mark;
    marks[other] = mark;
  }
  for (size_t i = 0; i < std::min(n, ahead_); ++i) prefetch(scratch.fresh[i]);
  return n;
}

// Keeps the `effort` nearest nodes sorted; looks at the nearest whose neighbours are not known yet.
void GraphSearch::walk(const char* code, SearchScratch& scratch) const {
  const uint16_t mark = scratch.begin(n_nodes_);
  auto& pool = scratch.found;
  auto& expanded = scratch.expanded;
  pool.resize(params_.effort + 1);
  expanded.resize(params_.effort + 1);
  const uint32_t entry = descend(code);
  scratch.marks[entry] = mark;
  pool[0] = {code_distance(code, entry), entry};
  expanded[0] = 0;
  size_t n = 1;
  for (size_t next = 0; next < n;) {
    expanded[next] = 1;
    const size_t n_fresh = fresh_neighbours(pool[next].id, mark, scratch);
    size_t lowest = n;
    for (size_t i = 0; i < n_fresh; ++i) {
      if (i + ahead_ < n_fresh) prefetch(scratch.fresh[i + ahead_]);
      const uint32_t node = scratch.fresh[i];
      const Scored scored{code_distance(code, node), node};
      if (n == params_.effort && !(scored < pool[n - 1])) continue;
      const size_t place = std::upper_bound(pool.begin(), pool.begin() + n, scored) - pool.begin();
      std::memmove(&pool[place + 1], &pool[place], (n - place) * sizeof(Scored));
      std::memmove(&expanded[place + 1], &expanded[place], n - place);
      pool[place] = scored;
      expanded[place] = 0;
      n = std::min(n + 1, params_.effort);
      if (place <= lowest) {
        lowest = place;
        prefetch_links(node);
      }
    }
    next = std::min(lowest, next + 1);
    while (next < n && expanded[next]) ++next;
    if (next + 1 < n) prefetch_links(pool[next + 1].id);
  }
  pool.resize(n);
}

// As `walk`, but nodes that may not answer are walked through, by a heap of their own.
void GraphSearch::walk_filtered(const char* code, SearchScratch& scratch) const {
  const uint16_t mark = scratch.begin(n_nodes_);
  auto& found = scratch.found;
  auto& heap = scratch.candidates;
  const auto later = [](const Scored& a, const Scored& b) { return b < a; };
  found.clear();
  heap.clear();
  const uint32_t entry = descend(code);
  scratch.marks[entry] = mark;
  heap.push_back({code_distance(code, entry), entry});
  if (passes(entry)) found.push_back(heap.front());
  while (!heap.empty()) {
    const Scored nearest = heap.front();
    if (found.size() == params_.effort && found.back() < nearest) break;
    std::pop_heap(heap.begin(), heap.end(), later);
    heap.pop_back();
    const size_t n_fresh = fresh_neighbours(nearest.id, mark, scratch);
    for (size_t i = 0; i < n_fresh; ++i) {
      if (i + ahead_ < n_fresh) prefetch(scratch.fresh[i + ahead_]);
      const uint32_t node = scratch.fresh[i];
      const Scored scored{code_distance(code, node), node};
      if (found.size() == params_.effort && !(scored < found.back())) continue;
      heap.push_back(scored);
      std::push_heap(heap.begin(), heap.end(), later);
      if (!passes(node)) continue;
      if (found.size() == params_.effort) found.pop_back();
      found.insert(std::upper_bound(found.begin(), found.end(), scored), scored);
    }
  }
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

void GraphSearch::scan(const float* query, SearchScratch& scratch, TopK& best) const {
  const auto offer = [&](uint32_t node) {
    if (passes(node)) best.offer(stored_distance(query, node, scratch), label_of(node));
  };
  if (!params_.allow || n_allowed_ * 8 > n_nodes_) {
    for (uint32_t node = 0; node < n_nodes_; ++node) offer(node);
    return;
  }
  const auto& nodes = index_.graph_->label_lookup_;
  for (size_t byte = 0; byte < params_.allow_bytes; byte += 8) {
    for (uint64_t bits = word_at(params_.allow, params_.allow_bytes, byte); bits != 0; bits &= bits - 1) {
      const size_t label = byte * 8 + std::countr_zero(bits);
      if (index_.plain_labels_) {
        if (label < n_nodes_) offer(static_cast<uint32_t>(label));
      } else if (const auto found = nodes.find(label); found != nodes.end()) {
        offer(found->second);
      }
    }
  }
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
