// Inner loops in plain C++: sixteen sums side by side, which compilers turn into what the processor surely has.
#include <cmath>
#include <limits>

#include "core/simd.h"

#define PGENRM_TARGET
#include "core/simd_loops.h"

namespace pgenrm {
namespace {

constexpr size_t LANES = 16;

template <class Term>
float summed(size_t n, Term term) {
  float lanes[LANES] = {};
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (size_t lane = 0; lane < LANES; ++lane) lanes[lane] += term(i + lane);
  }
  for (; i < n; ++i) lanes[i % LANES] += term(i);
  float sum = 0;
  for (float lane : lanes) sum += lane;
  return sum;
}

float dot_f32(const float* a, const float* b, size_t n) {
  return summed(n, [=](size_t i) { return a[i] * b[i]; });
}

float l2_f32(const float* a, const float* b, size_t n) {
  return summed(n, [=](size_t i) { return (a[i] - b[i]) * (a[i] - b[i]); });
}

float dot_f16(const uint16_t* a, const uint16_t* b, size_t n) {
  return summed(n, [=](size_t i) { return f16_to_f32(a[i]) * f16_to_f32(b[i]); });
}

float l2_f16(const uint16_t* a, const uint16_t* b, size_t n) {
  return summed(n, [=](size_t i) {
    const float gap = f16_to_f32(a[i]) - f16_to_f32(b[i]);
    return gap * gap;
  });
}

int32_t dot_int8(const int8_t* a, const int8_t* b, size_t n, int32_t) {
  int32_t sum = 0;
  for (size_t i = 0; i < n; ++i) sum += static_cast<int16_t>(a[i]) * static_cast<int16_t>(b[i]);
  return sum;
}

void dots_block(const float* rows, size_t n_rows, const float* columns, size_t n_columns, size_t dim, float* out,
                size_t out_stride) {
  for (size_t r = 0; r < n_rows; ++r) {
    for (size_t c = 0; c < n_columns; ++c) out[r * out_stride + c] = dot_f32(rows + r * dim, columns + c * dim, dim);
  }
}

// Panels of eight columns; each row stands alone.
constexpr size_t TILE_ROWS = 4, PANEL = 8;

void nearest(const float* tile, size_t stride, const float* panels, const float* offsets, size_t n_panels, size_t dim,
             uint32_t* best, float* least) {
  for (size_t r = 0; r < TILE_ROWS; ++r) {
    least[r] = std::numeric_limits<float>::infinity();
    best[r] = 0;
    for (size_t p = 0; p < n_panels; ++p) {
      float sums[PANEL] = {};
      for (size_t i = 0; i < dim; ++i) {
        const float* right = panels + (p * dim + i) * PANEL;
        for (size_t c = 0; c < PANEL; ++c) sums[c] += tile[r * stride + i] * right[c];
      }
      for (size_t c = 0; c < PANEL; ++c) {
        const float counts = offsets[p * PANEL + c] - 2.0f * sums[c];
        if (counts < least[r]) {
          least[r] = counts;
          best[r] = static_cast<uint32_t>(p * PANEL + c);
        }
      }
    }
  }
}

const SimdKernels BASELINE = {"baseline",    dot_f32,   l2_f32,    dot_f16, l2_f16, dot_int8, dots_block,
                              {TILE_ROWS, PANEL, nearest}, loop_sum_rows, loop_add_row, loop_axpy, loop_adamw, nullptr};

}  // namespace

const SimdKernels* simd_baseline() { return &BASELINE; }

}  // namespace pgenrm
