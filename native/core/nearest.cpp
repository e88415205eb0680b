// Packs columns into panels and rows into tiles for the kernel of the processor.
#include "core/nearest.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/simd.h"

namespace pgenrm {
namespace {

constexpr size_t LINE = 16;  // floats of a cache line

float* aligned(float* p) {
  const auto at = reinterpret_cast<uintptr_t>(p);
  return p + (-(at / sizeof(float)) & (LINE - 1));
}

}  // namespace

PackedColumns::PackedColumns(size_t n_columns, size_t dim)
    : n_columns_(n_columns),
      dim_(dim),
      n_panels_((n_columns + simd().nearest.width - 1) / simd().nearest.width),
      // An odd number of lines, so that the rows of a tile do not fall on the same sets of a cache.
      stride_(((dim + LINE - 1) / LINE | 1) * LINE),
      numbers_(n_panels_ * dim * simd().nearest.width + LINE),
      offsets_(n_panels_ * simd().nearest.width, std::numeric_limits<float>::infinity()),
      panels_(aligned(numbers_.data())) {}

void PackedColumns::pack(const float* columns) {
  const size_t width = simd().nearest.width;
  for (size_t c = 0; c < n_columns_; ++c) {
    const float* column = columns + c * dim_;
    float* panel = panels_ + c / width * dim_ * width + c % width;
    for (size_t i = 0; i < dim_; ++i) panel[i * width] = column[i];
    offsets_[c] = simd().dot_f32(column, column, dim_);
  }
}

void PackedColumns::nearest(const float* rows, size_t n_rows, std::vector<float>& scratch, uint32_t* best,
                            float* least) const {
  const NearestKernel& kernel = simd().nearest;
  scratch.resize(kernel.rows * (stride_ + 2) + LINE);
  float* tile = aligned(scratch.data());
  std::vector<uint32_t> tile_best(kernel.rows);
  std::vector<float> tile_least(kernel.rows);
  for (size_t row = 0; row < n_rows; row += kernel.rows) {
    const size_t count = std::min(kernel.rows, n_rows - row);
    // The rows of an earlier tile stay in the places that the last one leaves empty; nobody reads their answers.
    for (size_t r = 0; r < count; ++r) std::memcpy(tile + r * stride_, rows + (row + r) * dim_, dim_ * sizeof(float));
    kernel.run(tile, stride_, panels_, offsets_.data(), n_panels_, dim_, tile_best.data(), tile_least.data());
    std::copy_n(tile_best.data(), count, best + row);
    std::copy_n(tile_least.data(), count, least + row);
  }
}

}  // namespace pgenrm
