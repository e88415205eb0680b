// Saves an index, and loads one after checking everything that a walk relies on: sizes, links, levels, labels,
// vectors. A damaged file gives a status, never a crash; whole-file checksums are the caller's.
#include "core/index_file.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <new>
#include <vector>

#include "core/byte_stream.h"
#include "core/graph_space.h"
#include "core/hnsw_search.h"
#include "core/vector_index.h"

namespace pgenrm {
namespace {

// Above this no level is ever drawn from 53 random bits.
constexpr uint64_t MOST_LEVELS = 64;

}  // namespace

Status VectorIndex::save(ByteSink& sink) const try {
  const auto lock = reading();
  const Graph& g = *graph_;
  const uint64_t n = g.cur_element_count;
  const size_t vector_bytes = file_vector_bytes(params_.storage, params_.dim);
  if (params_.storage != Storage::f32) {
    IndexFilePreface preface{{},
                             INDEX_FILE_VERSION,
                             static_cast<uint32_t>(params_.storage),
                             static_cast<uint32_t>(params_.metric),
                             static_cast<uint32_t>(params_.dim)};
    std::memcpy(preface.magic, INDEX_FILE_MAGIC, sizeof preface.magic);
    if (!sink.write_one(preface)) return {Code::cannot_write, 0};
  }
  IndexFileHeader header{};
  header.max_elements = n;
  header.n_elements = n;
  header.record_bytes = g.size_links_level0_ + vector_bytes + sizeof(uint64_t);
  header.label_at = g.size_links_level0_ + vector_bytes;
  header.data_at = g.size_links_level0_;
  header.max_level = g.maxlevel_;
  header.entry = g.enterpoint_node_;
  header.max_links = g.maxM_;
  header.max_links0 = g.maxM0_;
  header.links = g.M_;
  header.level_factor = 1.0 / std::log(static_cast<double>(g.M_));
  header.build_effort = g.ef_construction_;
  if (!sink.write_one(header)) return {Code::cannot_write, 0};

  std::vector<char> record(header.record_bytes);
  for (uint32_t node = 0; node < n; ++node) {
    std::memcpy(record.data(), g.get_linklist0(node), g.size_links_level0_);
    char* vector = record.data() + header.data_at;
    const char* stored = g.getDataByInternalId(node);
    if (params_.quantized) {
      std::memcpy(vector, exact_row(node), vector_bytes);
    } else if (params_.storage == Storage::int8) {
      std::memcpy(vector, stored, 4);
      std::memcpy(vector + 4, stored + sizeof(Int8Header), params_.dim);
    } else {
      std::memcpy(vector, stored, vector_bytes);
    }
    const uint64_t label = g.getExternalLabel(node);
    std::memcpy(record.data() + header.label_at, &label, sizeof label);
    if (!sink.write(record.data(), record.size())) return {Code::cannot_write, 0};
  }
  for (size_t node = 0; node < n; ++node) {
    const auto bytes = static_cast<uint32_t>(g.size_links_per_element_ * static_cast<size_t>(g.element_levels_[node]));
    if (!sink.write_one(bytes)) return {Code::cannot_write, 0};
    if (bytes > 0 && !sink.write(g.linkLists_[node], bytes)) return {Code::cannot_write, 0};
  }
  return {};
} catch (...) {
  return {Code::out_of_memory, 0};
}

// Reads one file; every step that finds something that cannot be says where.
class IndexFileReader {
 public:
  IndexFileReader(ByteSource& source, Metric metric, size_t dim, bool quantized)
      : source_(source), metric_(metric), dim_(dim), quantized_(quantized) {}

  Status read(std::unique_ptr<VectorIndex>& out) {
    if (const Status status = read_header(); !status.ok()) return status;
    const IndexParams params{metric_,
                             storage_,
                             dim_,
                             static_cast<uint32_t>(header_.links),
                             static_cast<uint32_t>(header_.build_effort),
                             SEED,
                             quantized_ && storage_ == Storage::f32};
    index_ = std::make_unique<VectorIndex>(params);
    if (const Status status = index_->reserve(std::max<size_t>(1, header_.n_elements)); !status.ok()) return status;
    for (const auto step : {&IndexFileReader::read_records, &IndexFileReader::read_upper, &IndexFileReader::check_links,
                            &IndexFileReader::take_labels}) {
      if (const Status status = (this->*step)(); !status.ok()) return status;
    }
    index_->publish();
    out = std::move(index_);
    return {};
  }

 private:
  // Levels of vectors that are added later are drawn from it; the file does not hold the first one.
  static constexpr uint32_t SEED = 100;

  Status damaged() const { return {Code::damaged, source_.position()}; }

  Status read_header() {
    if (!source_.read(&header_.offset_level0, sizeof header_.offset_level0)) return damaged();
    if (std::memcmp(&header_.offset_level0, INDEX_FILE_MAGIC, sizeof INDEX_FILE_MAGIC) == 0) {
      IndexFilePreface preface{};
      if (!source_.read(&preface.version, sizeof preface - sizeof preface.magic)) return damaged();
      if (preface.version != INDEX_FILE_VERSION || preface.metric != static_cast<uint32_t>(metric_)) {
        return {Code::foreign, 0};
      }
      if (preface.storage != static_cast<uint32_t>(Storage::f16) &&
          preface.storage != static_cast<uint32_t>(Storage::int8)) {
        return damaged();
      }
      storage_ = static_cast<Storage>(preface.storage);
      preface_dim_ = preface.dim;
      if (!source_.read(&header_.offset_level0, sizeof header_.offset_level0)) return damaged();
    }
    if (!source_.read(&header_.max_elements, sizeof header_ - sizeof header_.offset_level0)) return damaged();
    const IndexFileHeader& h = header_;
    if (h.offset_level0 != 0 || h.links < 2 || h.links > 10000 || h.max_links != h.links ||
        h.max_links0 != 2 * h.links) {
      return damaged();
    }
    if (h.build_effort < 1 || h.build_effort > 1 << 20) return damaged();
    if (!(std::fabs(h.level_factor * std::log(static_cast<double>(h.links)) - 1.0) < 1e-6)) return damaged();
    const uint64_t links_bytes = h.max_links0 * 4 + 4;
    if (h.data_at != links_bytes || h.label_at <= h.data_at || h.label_at - h.data_at > 4 * 65536) return damaged();
    if (h.record_bytes != h.label_at + sizeof(uint64_t)) return damaged();
    const uint64_t vector_bytes = h.label_at - h.data_at;
    const uint64_t dim = storage_ == Storage::f32 ? vector_bytes / 4 : preface_dim_;
    if (dim < 1 || dim > 65536 || vector_bytes != file_vector_bytes(storage_, dim)) return damaged();
    if (h.n_elements >= NO_LABEL || h.n_elements > h.max_elements) return damaged();
    // Each element has its record and the size of its upper lists.
    if (h.n_elements > source_.left() / (h.record_bytes + 4)) return damaged();
    if (h.n_elements == 0 ? h.max_level != -1 : (h.max_level < 0 || h.entry >= h.n_elements)) return damaged();
    if (dim_ != 0 && dim != dim_) return {Code::wrong_dimension, dim};
    dim_ = dim;
    return {};
  }

  Status read_records() {
    auto& g = *index_->graph_;
    const Codec& codec = index_->codec_;
    std::vector<char> record(header_.record_bytes);
    std::vector<float> row(dim_);
    for (uint32_t node = 0; node < header_.n_elements; ++node) {
      if (!source_.read(record.data(), record.size())) return damaged();
      char* to = g.data_level0_memory_ + node * g.size_data_per_element_;
      std::memset(to, 0, g.size_data_per_element_);
      std::memcpy(to, record.data(), g.size_links_level0_);
      const char* vector = record.data() + header_.data_at;
      char* stored = to + g.offsetData_;
      if (storage_ == Storage::int8) {
        std::memcpy(stored, vector, 4);
        std::memcpy(stored + sizeof(Int8Header), vector + 4, dim_);
        if (std::memchr(vector + 4, 0x80, dim_) != nullptr) return damaged();
        codec.complete_int8(stored);
        codec.decode(stored, row.data());
        if (!(reinterpret_cast<const Int8Header*>(stored)->scale >= 0)) return damaged();
      } else if (storage_ == Storage::f16) {
        std::memcpy(stored, vector, dim_ * 2);
        codec.decode(stored, row.data());
      } else {
        std::memcpy(row.data(), vector, dim_ * 4);
      }
      if (const Status status = check_vector(row.data(), node); !status.ok()) return status;
      if (storage_ == Storage::f32) {
        codec.encode(row.data(), stored);
        if (index_->params_.quantized) std::memcpy(index_->exact_row(node), row.data(), dim_ * 4);
      }
      index_->take_scale(node);
      uint64_t label;
      std::memcpy(&label, record.data() + header_.label_at, sizeof label);
      if (label >= NO_LABEL) return damaged();
      g.setExternalLabel(node, static_cast<hnswlib::labeltype>(label));
      // Counted one by one, so that an index dropped halfway frees what it has.
      g.element_levels_[node] = 0;
      g.linkLists_[node] = nullptr;
      g.cur_element_count = node + 1;
    }
    return {};
  }

  Status check_vector(const float* row, uint32_t node) const {
    if (!check_finite(row, 1, dim_).ok()) return damaged();
    if (metric_ != Metric::cosine) return {};
    double squares = 0;
    for (size_t i = 0; i < dim_; ++i) squares += static_cast<double>(row[i]) * row[i];
    const double tolerance = storage_ == Storage::int8 ? 0.1 : 0.01;
    return std::fabs(squares - 1) <= tolerance ? Status{} : Status{Code::not_unit, node};
  }

  Status read_upper() {
    auto& g = *index_->graph_;
    int most = -1;
    for (uint32_t node = 0; node < header_.n_elements; ++node) {
      uint32_t bytes;
      if (!source_.read_one(bytes)) return damaged();
      if (bytes % g.size_links_per_element_ != 0 || bytes / g.size_links_per_element_ > MOST_LEVELS) return damaged();
      if (bytes > source_.left()) return damaged();
      const int level = static_cast<int>(bytes / g.size_links_per_element_);
      if (bytes > 0) {
        g.linkLists_[node] = static_cast<char*>(std::malloc(bytes + 1));
        if (g.linkLists_[node] == nullptr) return {Code::out_of_memory, 0};
        g.element_levels_[node] = level;
        if (!source_.read(g.linkLists_[node], bytes)) return damaged();
      }
      most = std::max(most, level);
    }
    if (source_.left() != 0) return damaged();
    if (most != header_.max_level) return damaged();
    if (header_.n_elements > 0 && g.element_levels_[header_.entry] != most) return damaged();
    g.maxlevel_ = header_.max_level;
    g.enterpoint_node_ = header_.n_elements > 0 ? header_.entry : static_cast<hnswlib::tableint>(-1);
    return {};
  }

  // Every link leads to another node that reaches as high.
  Status check_links() {
    auto& g = *index_->graph_;
    size_t removed = 0;
    for (uint32_t node = 0; node < header_.n_elements; ++node) {
      for (int level = 0; level <= g.element_levels_[node]; ++level) {
        const uint32_t* list = g.get_linklist_at_level(node, level);
        const uint32_t count = *list & 0xffffu;
        const uint32_t flags = *list >> 16;
        if (count > (level == 0 ? g.maxM0_ : g.maxM_) || flags > (level == 0 ? 1u : 0u)) return {Code::damaged, node};
        if (level == 0) removed += flags;
        for (uint32_t i = 1; i <= count; ++i) {
          if (list[i] >= header_.n_elements || list[i] == node || g.element_levels_[list[i]] < level) {
            return {Code::damaged, node};
          }
        }
      }
    }
    g.num_deleted_ = removed;
    return {};
  }

  // A label may come again only where all but the last of its nodes are removed.
  Status take_labels() {
    auto& g = *index_->graph_;
    for (uint32_t node = 0; node < header_.n_elements; ++node) {
      if (g.getExternalLabel(node) != node) index_->plain_labels_ = false;
      const auto [place, fresh] = g.label_lookup_.try_emplace(g.getExternalLabel(node), node);
      if (fresh) continue;
      if (!g.isMarkedDeleted(place->second)) return {Code::damaged, node};
      place->second = node;
    }
    return {};
  }

  ByteSource& source_;
  Metric metric_;
  size_t dim_;
  bool quantized_;
  Storage storage_ = Storage::f32;
  uint64_t preface_dim_ = 0;
  IndexFileHeader header_{};
  std::unique_ptr<VectorIndex> index_;
};

Status VectorIndex::load(ByteSource& source, Metric metric, size_t dim, bool quantized,
                         std::unique_ptr<VectorIndex>& out) {
  try {
    return IndexFileReader(source, metric, dim, quantized).read(out);
  } catch (...) {
    return {Code::out_of_memory, 0};
  }
}

}  // namespace pgenrm
