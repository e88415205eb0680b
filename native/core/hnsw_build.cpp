// Places nodes one after another, stores their vectors and links them on several threads.
// Source: Malkov and Yashunin, arXiv 1603.09320, algorithm 1; searches and choices of links are hnswlib's.
#include "core/hnsw_build.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include "core/graph_space.h"
#include "core/random.h"

namespace pgenrm {
namespace {

constexpr size_t CHUNK = 16;

// Level of the node that comes as number-th: the same whatever the threads.
int drawn_level(uint32_t seed, uint32_t links, uint32_t number) {
  Xoshiro128 random(seed, number);
  const double u = 1.0 - random.uniform();
  return static_cast<int>(-std::log(u) / std::log(static_cast<double>(links)));
}

}  // namespace

Status GraphBuild::run(const uint32_t* labels, const float* vectors, size_t n, ThreadTeam& team) try {
  auto& graph = *index_.graph_;
  const auto before = static_cast<uint32_t>(graph.cur_element_count);
  for (size_t i = 0; i < n; ++i) {
    if (!place(before + static_cast<uint32_t>(i), labels[i])) return {Code::out_of_memory, 0};
  }
  const size_t dim = index_.params_.dim;
  team.chunks(n, CHUNK, [&](size_t begin, size_t end, size_t) {
    for (size_t i = begin; i < end; ++i) store(before + static_cast<uint32_t>(i), vectors + i * dim);
  });

  if (team.size() == 1) {
    for (size_t i = 0; i < n; ++i) link(before + static_cast<uint32_t>(i));
    return {};
  }
  // The highest node goes in alone, so that the entry stays as it is while several threads begin at it.
  const auto* levels = &graph.element_levels_[before];
  const size_t highest = static_cast<size_t>(std::max_element(levels, levels + n) - levels);
  link(before + static_cast<uint32_t>(highest));
  team.chunks(n, CHUNK, [&](size_t begin, size_t end, size_t) {
    for (size_t i = begin; i < end; ++i) {
      if (i != highest) link(before + static_cast<uint32_t>(i));
    }
  });
  return {};
} catch (const std::bad_alloc&) {
  return {Code::out_of_memory, 0};
} catch (...) {
  return {Code::internal, 0};
}

// An empty record with a label and room for its upper lists. False where memory is refused.
bool GraphBuild::place(uint32_t node, uint32_t label) {
  auto& graph = *index_.graph_;
  const int level = drawn_level(index_.params_.seed, index_.params_.links, node);
  std::unique_ptr<char, decltype(&std::free)> lists(nullptr, std::free);
  if (level > 0) {
    lists.reset(static_cast<char*>(std::calloc(graph.size_links_per_element_ * static_cast<size_t>(level), 1)));
    if (!lists) return false;
  }
  graph.label_lookup_[label] = node;
  index_.plain_labels_ = index_.plain_labels_ && label == node;
  std::memset(graph.data_level0_memory_ + node * graph.size_data_per_element_, 0, graph.size_data_per_element_);
  graph.setExternalLabel(node, label);
  graph.element_levels_[node] = level;
  graph.linkLists_[node] = lists.release();
  // Counted one by one, so that an index dropped halfway frees what it has.
  graph.cur_element_count = node + 1;
  return true;
}

void GraphBuild::store(uint32_t node, const float* vector) {
  index_.codec_.encode(vector, index_.graph_->getDataByInternalId(node));
  index_.take_scale(node);
  if (index_.params_.quantized) std::memcpy(index_.exact_row(node), vector, index_.params_.dim * sizeof(float));
}

void GraphBuild::link(uint32_t node) {
  auto& graph = *index_.graph_;
  const char* code = graph.getDataByInternalId(node);
  const int level = graph.element_levels_[node];
  // Others find the node as soon as its first neighbour links back; they wait here until it is whole.
  const std::unique_lock own(graph.link_list_locks_[node]);
  const int top = graph.maxlevel_;
  const uint32_t entry = graph.enterpoint_node_;
  if (top < 0) {
    graph.enterpoint_node_ = node;
    graph.maxlevel_ = level;
    return;
  }

  uint32_t from = entry;
  float least = index_.codec_.distance(code, graph.getDataByInternalId(from));
  for (int at = top; at > level; --at) {
    for (bool moved = true; moved;) {
      moved = false;
      const std::unique_lock lock(graph.link_list_locks_[from]);
      auto* list = graph.get_linklist(from, at);
      const size_t n_links = graph.getListCount(list);
      for (size_t i = 1; i <= n_links; ++i) {
        const float distance = index_.codec_.distance(code, graph.getDataByInternalId(list[i]));
        if (distance < least) {
          least = distance;
          from = list[i];
          moved = true;
        }
      }
    }
  }
  // hnswlib's search leaves removed nodes out, and a removed one may be all that there is to link to.
  const bool entry_removed = graph.isMarkedDeleted(entry);
  for (int at = std::min(level, top); at >= 0; --at) {
    auto nearest = graph.searchBaseLayer(from, code, at);
    if (entry_removed) {
      nearest.emplace(index_.codec_.distance(code, graph.getDataByInternalId(entry)), entry);
      if (nearest.size() > graph.ef_construction_) nearest.pop();
    }
    if (nearest.empty()) nearest.emplace(index_.codec_.distance(code, graph.getDataByInternalId(from)), from);
    from = graph.mutuallyConnectNewElement(code, node, nearest, at, false);
  }
  if (level > top) {
    graph.enterpoint_node_ = node;
    graph.maxlevel_ = level;
  }
}

}  // namespace pgenrm
