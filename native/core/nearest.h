// The nearest of a set of columns for each of many rows: the columns packed once, the rows a tile at a time.
// Every row's answer is the same whatever tile or thread it comes in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pgenrm {

class PackedColumns {
 public:
  PackedColumns(size_t n_columns, size_t dim);

  // Takes over `columns` [n_columns x dim], of finite numbers.
  void pack(const float* columns);

  // best[r]: the column at least squared distance from rows[r], the lower of two; least[r]: that distance less the
  // row's squared length. rows: [n_rows x dim]. Safe on several threads, each with a scratch of its own.
  void nearest(const float* rows, size_t n_rows, std::vector<float>& scratch, uint32_t* best, float* least) const;

 private:
  size_t n_columns_, dim_, n_panels_, stride_;
  std::vector<float> numbers_;
  std::vector<float> offsets_;
  float* panels_;  // in numbers_, aligned
};

}  // namespace pgenrm
