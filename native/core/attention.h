// Attention of rows that decode together over the cells of a KV cache, of which each row sees some: the prompt that it
// shares with its neighbours, and tokens of its own. Only what a row sees is read, whatever else the cache holds, and
// what rows share is converted once for all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pgenrm {

// Rows next to each other, and the cells that they see.
struct AttentionGroup {
  uint32_t first_row;
  uint32_t n_rows;
  std::span<const uint32_t> shared;     // cells that all of them see; empty where there are few
  const std::span<const uint32_t>* own; // [n_rows], what each sees beyond them
};

// Which cells each row of a mask sees.
class AttentionRows {
 public:
  // mask: [n_rows x stride] 16-bit floats, 0 where a row sees a cell and below 0 where not; n_cells <= stride of them
  // count. No group has more than `most` rows.
  void read(const uint16_t* mask, size_t stride, size_t n_rows, size_t n_cells, size_t most);

  size_t n_groups() const { return groups_.size(); }
  AttentionGroup group(size_t i) const;

 private:
  // Where a list is in cells_, which may move while lists are added.
  struct List {
    size_t first, n;
  };
  struct Group {
    uint32_t first_row, n_rows;
    List shared;
  };
  // Adds a list of the cells that are seen, without some.
  List list(const uint64_t* seen, const uint64_t* without, size_t n_words);
  std::span<const uint32_t> cells_of(List list) const { return {cells_.data() + list.first, list.n}; }

  std::vector<uint64_t> seen_;   // [n_rows x words], a bit a cell
  std::vector<uint64_t> common_; // [words], of the group at hand
  std::vector<uint64_t> next_;   // [words]
  std::vector<uint32_t> cells_;  // all lists, one after the other
  std::vector<Group> groups_;
  std::vector<List> own_lists_;                // [n_rows]
  std::vector<std::span<const uint32_t>> own_; // [n_rows]
};

// Queries, keys, values and results of one layer; strides count numbers. Queries are 32-bit floats, keys and values
// 16-bit ones. A query's head reads the keys and values of head / heads_per_kv.
struct AttentionLayer {
  const float* queries;
  size_t query_row, query_head;
  const uint16_t* keys;
  size_t key_cell, key_head;
  const uint16_t* values;
  size_t value_cell, value_head;
  float* out;
  size_t out_row, out_head;
  size_t dim;        // numbers of a query and of a key
  size_t value_dim;  // numbers of a value
  size_t heads_per_kv;
  float scale;  // of the products, before their softmax
};

// Numbers of the scratch memory that attend() needs for a group of so many rows.
size_t attention_scratch(const AttentionLayer& layer, size_t n_rows);

// The rows of `group`, no more than ATTENTION_QUERIES / heads_per_kv, all heads of key-value head `kv_head`. Sums in 32 bits. A row that sees nothing gets zeros.
// scratch: attention_scratch() floats, 64-byte aligned.
using Attend = void (*)(const AttentionLayer& layer, const AttentionGroup& group, size_t kv_head, float* scratch);

// Numbers of a key and a value must be a multiple of this, whatever the processor.
constexpr size_t ATTENTION_STEP = 16;
// Queries of a group, heads and rows together, at most.
constexpr size_t ATTENTION_QUERIES = 64;
// Cells that are worked on at a time.
constexpr size_t ATTENTION_BLOCK = 64;

}  // namespace pgenrm
