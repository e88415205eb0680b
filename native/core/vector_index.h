// A navigable small world graph over stored vectors: grown by hnsw-build, walked by hnsw-search.
// Labels are below 2^32 - 1. Methods lock; none throws.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "core/codec.h"
#include "core/status.h"

namespace hnswlib {
template <typename dist_t>
class HierarchicalNSW;
}

namespace pgenrm {

class ByteSink;
class ByteSource;
class GraphSpace;
class SearchScratch;

struct IndexParams {
  Metric metric;
  Storage storage;
  size_t dim;
  uint32_t links;         // M
  uint32_t build_effort;  // efConstruction
  uint32_t seed;
  bool quantized;  // f32 storage walked on 8-bit codes
};

struct SearchParams {
  size_t k;
  size_t effort;  // ef, at least k
  bool exact;
  uint32_t threads;
  const uint8_t* allow;  // bit a label from allow_first on; null: every label
  size_t allow_bytes;
  uint32_t allow_first;
  const uint32_t* exclude;  // sorted
  size_t n_exclude;
};

class VectorIndex {
 public:
  using Graph = hnswlib::HierarchicalNSW<float>;

  explicit VectorIndex(const IndexParams& params);
  ~VectorIndex();
  VectorIndex(const VectorIndex&) = delete;
  VectorIndex& operator=(const VectorIndex&) = delete;

  const IndexParams& params() const { return params_; }
  // As of the last change that ended; these wait for nothing.
  size_t size() const { return n_live_; }
  size_t removed() const { return n_removed_; }
  size_t memory_bytes() const { return n_bytes_; }

  // Adds n vectors, which it normalises in place under cosine. Codes: not_finite, zero_vector, unrepresentable,
  // duplicate_label, out_of_memory; nothing is added then (but for out_of_memory).
  Status add(const uint32_t* labels, float* vectors, size_t n, uint32_t threads);

  // Codes: unknown_label; nothing is removed then.
  Status remove(const uint32_t* labels, size_t n);

  bool has(uint32_t label) const;

  // out: [dim]. False where the label is not there.
  bool vector(uint32_t label, float* out) const;

  // queries: [n x dim], normalised in place under cosine; labels and distances: [n x k].
  Status search(float* queries, size_t n, const SearchParams& params, uint32_t* labels, float* distances) const;

  // Codes: cannot_write.
  Status save(ByteSink& sink) const;

  // `dim` 0 takes the file's. Codes: damaged, foreign, not_unit, wrong_dimension, cannot_read, out_of_memory.
  static Status load(ByteSource& source, Metric metric, size_t dim, bool quantized, std::unique_ptr<VectorIndex>& out);

 private:
  friend class GraphBuild;
  friend class GraphSearch;
  friend class IndexFileReader;

  struct Aligned {
    ~Aligned() { release(); }
    bool resize(size_t bytes, size_t kept);  // keeps the first `kept` bytes
    void release();
    char* data = nullptr;
    size_t bytes = 0;
  };

  // Locks of readers and of the one writer; readers that come while a writer waits wait behind it.
  std::shared_lock<std::shared_mutex> reading() const {
    const std::lock_guard turn(turn_);
    return std::shared_lock(mutex_);
  }
  std::unique_lock<std::shared_mutex> writing() {
    const std::lock_guard turn(turn_);
    return std::unique_lock(mutex_);
  }

  Status reserve(size_t capacity);
  void publish();
  void take_scale(size_t node);
  float* exact_row(size_t node) const { return reinterpret_cast<float*>(exact_.data) + node * params_.dim; }

  IndexParams params_;
  Codec codec_;
  std::unique_ptr<GraphSpace> space_;
  std::unique_ptr<Graph> graph_;
  Aligned records_;  // the graph's ground level: links, label, stored vector
  Aligned scales_;   // scale of each 8-bit vector, and under l2 its squared length, out of the records: [capacity]
  Aligned squares_;
  Aligned exact_;       // [capacity x dim] where the graph is walked on codes of f32 vectors
  bool plain_labels_ = true;  // every node's label is its number
  size_t code_at_ = 0;  // where a record's stored numbers begin, on a cache line
  std::atomic<size_t> n_live_{0}, n_removed_{0}, n_bytes_{0};
  mutable std::mutex turn_;
  mutable std::shared_mutex mutex_;
  mutable std::mutex scratch_mutex_;
  mutable std::vector<std::unique_ptr<SearchScratch>> scratch_;
};

}  // namespace pgenrm
