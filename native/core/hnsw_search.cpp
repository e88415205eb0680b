// The walk: down the levels greedily, over the ground level with a sorted pool, then ranked by exact distance.
// Source: Malkov and Yashunin, arXiv 1603.09320, algorithms 2 and 5.
#include "core/hnsw_search.h"

#include <algorithm>
#include <cstring>

#include "core/graph_space.h"

namespace pgenrm {

static_assert(hnswlib::HierarchicalNSW<float>::DELETE_MARK == 1, "GraphSearch::REMOVED is another mark");

void GraphSearch::run(const float* query, SearchScratch& scratch, uint32_t* labels, float* distances) const {
  TopK best(params_.k);
  if (n_allowed_ > 0) {
    const char* code = scanned_ && !by_codes_ ? nullptr : encoded(query, scratch);
    bool found = false;
    if (code != nullptr && !scanned_) {
      found = true;
      if (filtered_) {
        found = walk_filtered(code, scratch);
      } else {
        walk(code, scratch);
      }
      // The graph may not reach every node that is allowed.
      const size_t sure = n_allowed_ - std::min(n_allowed_, params_.n_exclude);
      found = found && scratch.found.size() >= std::min(params_.k, sure);
    }
    if (code != nullptr && !found && by_codes_) {
      scan_codes(code, scratch);
      found = true;
    }
    if (found) {
      rank(query, scratch, best);
    } else {
      scan(query, scratch, best);
    }
  }
  best.write(labels, distances);
}

const char* GraphSearch::encoded(const float* query, SearchScratch& scratch) const {
  // Twice a line: the numbers behind the header begin on one.
  scratch.code.resize(index_.codec_.bytes() + 128);
  const auto address = reinterpret_cast<uintptr_t>(scratch.code.data()) + index_.codec_.header_bytes();
  char* code = scratch.code.data() + ((64 - address % 64) % 64);
  return index_.codec_.encode(query, code) ? code : nullptr;
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
bool GraphSearch::walk_filtered(const char* code, SearchScratch& scratch) const {
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
  size_t n_looked_at = 1;
  while (!heap.empty()) {
    const Scored nearest = heap.front();
    if (found.size() == params_.effort && found.back() < nearest) break;
    if (n_looked_at > most_looked_at_) return false;
    std::pop_heap(heap.begin(), heap.end(), later);
    heap.pop_back();
    const size_t n_fresh = fresh_neighbours(nearest.id, mark, scratch);
    n_looked_at += n_fresh;
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
  return true;
}

}  // namespace pgenrm
