// Attention of rows that decode together over the cells of a KV cache, of which each row sees some: the prompt that it
// shares with its neighbours, and tokens of its own. Only what a row sees is read, whatever else the cache holds, and
// what rows share is converted once for all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pgenrm {

// Cells, and which rows of a group see them.
struct AttentionPart {
  std::span<const uint32_t> cells;
  uint64_t rows;  // bit i: the group's row i
};

// Rows next to each other. Each cell that a row sees is in one of the parts that are the row's.
struct AttentionGroup {
  uint32_t first_row, n_rows;
  std::span<const AttentionPart> parts;
};

// Which cells each row of a mask sees, and which of them rows see together: a prompt that samples share, the beginning
// that several prompts have, what a sample wrote.
class AttentionRows {
 public:
  // mask: [n_rows x stride] 16-bit floats, 0 where a row sees a cell and below 0 where not; n_cells <= stride of them
  // count. A group has `most` rows, 1 to 64, the last one what is left.
  void read(const uint16_t* mask, size_t stride, size_t n_rows, size_t n_cells, size_t most);

  size_t n_groups() const { return groups_.size(); }
  AttentionGroup group(size_t i) const;

 private:
  struct Group {
    uint32_t first_row, n_rows;
    size_t first_part, n_parts;
  };
  // A part while cells are added to it.
  struct Found {
    uint64_t rows;
    size_t list;  // of lists_
  };
  void read_group(const uint16_t* mask, size_t stride, size_t n_rows, size_t n_cells);
  // 64 cells from number `first` on; seen: [n_rows], a bit a cell.
  void read_word(const uint64_t* seen, size_t n_rows, uint32_t first);
  std::vector<uint32_t>& cells_of(uint64_t rows);

  std::vector<std::vector<uint32_t>> lists_;  // kept from call to call; the first n_lists_ are in use
  size_t n_lists_ = 0;
  std::vector<Found> found_;  // of the group at hand
  std::vector<AttentionPart> parts_;
  std::vector<Group> groups_;
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
