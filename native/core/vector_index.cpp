// The index in memory and its changes; growing lies in hnsw_build.cpp, searching in hnsw_search.cpp, files in
// index_file.cpp.
#include "core/vector_index.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

#include "core/graph_space.h"
#include "core/hnsw_build.h"
#include "core/hnsw_search.h"
#include "core/pages.h"
#include "core/parallel.h"

namespace pgenrm {
namespace {

constexpr size_t LINE = 64;
constexpr size_t HUGE_PAGE = size_t(2) << 20;

size_t to_line(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

Codec codec_of(const IndexParams& params) {
  return Codec(params.metric, params.quantized ? Storage::int8 : params.storage, params.dim);
}

}  // namespace

bool VectorIndex::Aligned::resize(size_t wanted, size_t kept) {
  // No more than a cache line: Electron's allocator ends the process where more than half a megabyte of alignment is asked for.
  const size_t whole = to_line(std::max(wanted, LINE));
  auto* fresh = static_cast<char*>(::operator new(whole, std::align_val_t(LINE), std::nothrow));
  if (fresh == nullptr) return false;
#if defined(__linux__)
  // A walk jumps about: small pages would cost it more than the distances do. Refusal does no harm.
  if (wanted >= HUGE_PAGE) want_huge_pages(fresh, whole);
#endif
  if (kept > 0) std::memcpy(fresh, data, kept);
  release();
  data = fresh;
  bytes = wanted;
  return true;
}

void VectorIndex::Aligned::release() {
  ::operator delete(data, std::align_val_t(LINE));
  data = nullptr;
  bytes = 0;
}

VectorIndex::VectorIndex(const IndexParams& params)
    : params_(params),
      codec_(codec_of(params)),
      space_(std::make_unique<GraphSpace>(codec_)),
      graph_(std::make_unique<Graph>(space_.get(), 1, params.links, params.build_effort, params.seed)) {
  // hnswlib reaches everything through these offsets, so the stored numbers can begin on a cache line.
  Graph& g = *graph_;
  std::free(g.data_level0_memory_);
  g.data_level0_memory_ = nullptr;
  g.label_offset_ = (g.size_links_level0_ + 7) / 8 * 8;
  code_at_ = to_line(g.label_offset_ + sizeof(hnswlib::labeltype) + codec_.header_bytes());
  g.offsetData_ = code_at_ - codec_.header_bytes();
  g.size_data_per_element_ = to_line(g.offsetData_ + codec_.bytes());
  g.max_elements_ = 0;
}

VectorIndex::~VectorIndex() {
  // Ours to free: hnswlib's own clean-up then finds none.
  graph_->data_level0_memory_ = nullptr;
}

// The caller holds the lock alone.
void VectorIndex::publish() {
  size_t upper = 0;
  for (size_t i = 0; i < graph_->cur_element_count; ++i) {
    upper += static_cast<size_t>(graph_->element_levels_[i]) * graph_->size_links_per_element_;
  }
  n_bytes_ = records_.bytes + scales_.bytes + squares_.bytes + exact_.bytes + upper;
  n_removed_ = graph_->num_deleted_.load();
  n_live_ = graph_->cur_element_count - n_removed_;
}

// Room for `capacity` vectors; the caller holds the lock alone.
Status VectorIndex::reserve(size_t capacity) {
  Graph& g = *graph_;
  if (capacity <= g.max_elements_) return {};
  if (capacity >= NO_LABEL) return {Code::out_of_memory, 0};
  const size_t n = g.cur_element_count;
  if (n > 0) capacity = std::max(capacity, g.max_elements_ + g.max_elements_ / 2);
  if (!records_.resize(capacity * g.size_data_per_element_, n * g.size_data_per_element_)) {
    return {Code::out_of_memory, 0};
  }
  g.data_level0_memory_ = records_.data;
  if (codec_.storage() == Storage::int8) {
    if (!scales_.resize(capacity * 4, n * 4)) return {Code::out_of_memory, 0};
    if (params_.metric == Metric::l2 && !squares_.resize(capacity * 4, n * 4)) return {Code::out_of_memory, 0};
  }
  if (params_.quantized) {
    const size_t row = params_.dim * sizeof(float);
    if (!exact_.resize(capacity * row, n * row)) return {Code::out_of_memory, 0};
  }
  char** lists = static_cast<char**>(std::realloc(g.linkLists_, capacity * sizeof(char*)));
  if (lists == nullptr) return {Code::out_of_memory, 0};
  g.linkLists_ = lists;
  g.element_levels_.resize(capacity);
  std::vector<std::mutex>(capacity).swap(g.link_list_locks_);
  g.visited_list_pool_ = std::make_unique<hnswlib::VisitedListPool>(1, static_cast<int>(capacity));
  g.label_lookup_.reserve(capacity);
  g.max_elements_ = capacity;
  return {};
}

void VectorIndex::take_scale(size_t node) {
  if (codec_.storage() != Storage::int8) return;
  const auto* header = reinterpret_cast<const Int8Header*>(graph_->getDataByInternalId(static_cast<uint32_t>(node)));
  reinterpret_cast<float*>(scales_.data)[node] = header->scale;
  if (squares_.data) reinterpret_cast<float*>(squares_.data)[node] = header->squares;
}

Status VectorIndex::add(const uint32_t* labels, float* vectors, size_t n, uint32_t threads) try {
  const size_t dim = params_.dim;
  const Status valid =
      params_.metric == Metric::cosine ? normalise_rows(vectors, n, dim) : check_finite(vectors, n, dim);
  if (!valid.ok()) return valid;
  if (params_.storage == Storage::f16) {
    for (size_t i = 0; i < n * dim; ++i) {
      if ((f32_to_f16(vectors[i]) & 0x7c00u) == 0x7c00u) return {Code::unrepresentable, i / dim};
    }
  }
  if (n == 0) return {};

  const auto lock = writing();
  Graph& g = *graph_;
  for (size_t i = 0; i < n; ++i) {
    const auto found = g.label_lookup_.find(labels[i]);
    if (found != g.label_lookup_.end() && !g.isMarkedDeleted(found->second)) return {Code::duplicate_label, labels[i]};
  }
  if (const Status room = reserve(g.cur_element_count + n); !room.ok()) return room;
  // A removed label that comes back gets a new node; the old one stays in the graph as a path.
  ThreadTeam team(thread_count(threads, n / 16 + 1));
  const Status added = GraphBuild(*this).run(labels, vectors, n, team);
  publish();
  return added;
} catch (...) {
  return {Code::out_of_memory, 0};
}

Status VectorIndex::remove(const uint32_t* labels, size_t n) try {
  const auto lock = writing();
  Graph& g = *graph_;
  for (size_t i = 0; i < n; ++i) {
    const auto found = g.label_lookup_.find(labels[i]);
    if (found == g.label_lookup_.end() || g.isMarkedDeleted(found->second)) return {Code::unknown_label, labels[i]};
  }
  for (size_t i = 0; i < n; ++i) g.markDelete(labels[i]);
  publish();
  return {};
} catch (...) {
  return {Code::internal, 0};
}

bool VectorIndex::has(uint32_t label) const {
  const auto lock = reading();
  const auto found = graph_->label_lookup_.find(label);
  return found != graph_->label_lookup_.end() && !graph_->isMarkedDeleted(found->second);
}

bool VectorIndex::vector(uint32_t label, float* out) const {
  const auto lock = reading();
  const auto found = graph_->label_lookup_.find(label);
  if (found == graph_->label_lookup_.end() || graph_->isMarkedDeleted(found->second)) return false;
  if (params_.quantized) {
    std::memcpy(out, exact_row(found->second), params_.dim * sizeof(float));
  } else {
    codec_.decode(graph_->getDataByInternalId(found->second), out);
  }
  return true;
}

Status VectorIndex::search(float* queries, size_t n, const SearchParams& params, uint32_t* labels,
                           float* distances) const try {
  const size_t dim = params_.dim;
  const Status valid =
      params_.metric == Metric::cosine ? normalise_rows(queries, n, dim) : check_finite(queries, n, dim);
  if (!valid.ok()) return valid;
  const auto lock = reading();
  const GraphSearch search(*this, params);
  // Queries of one search are few where one thread is enough: a thread costs as much as several of them.
  ThreadTeam team(thread_count(params.threads, n / 8 + 1));
  std::atomic<bool> refused{false};
  team.chunks(n, 8, [&](size_t begin, size_t end, size_t) {
    std::unique_ptr<SearchScratch> scratch;
    {
      std::lock_guard guard(scratch_mutex_);
      if (!scratch_.empty()) {
        scratch = std::move(scratch_.back());
        scratch_.pop_back();
      }
    }
    try {
      if (!scratch) scratch = std::make_unique<SearchScratch>();
      for (size_t q = begin; q < end; ++q) {
        search.run(queries + q * dim, *scratch, labels + q * params.k, distances + q * params.k);
      }
      std::lock_guard guard(scratch_mutex_);
      scratch_.push_back(std::move(scratch));
    } catch (...) {
      refused = true;
    }
  });
  return {refused ? Code::out_of_memory : Code::ok, 0};
} catch (...) {
  return {Code::out_of_memory, 0};
}

}  // namespace pgenrm
