// Inner loops over vectors, chosen once for the processor that runs them.
// Every pointer may be unaligned; no loop reads past its n.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/attention.h"

namespace pgenrm {

struct NearestKernel {
  size_t rows;   // rows of a tile
  size_t width;  // columns of a panel, which holds number j of its columns side by side, for every j in turn
  // tile: `rows` rows, `stride` apart. panels: n_panels of [dim x width], 64-byte aligned. offsets [n_panels x width].
  // Column c of row r counts as offsets[c] - 2 * tile[r] . c; best[r] is the column that counts least, the lower where
  // two count the same (0 where none is below infinity), least[r] what it counts.
  void (*run)(const float* tile, size_t stride, const float* panels, const float* offsets, size_t n_panels, size_t dim,
              uint32_t* best, float* least);
};

struct SimdKernels {
  const char* name;
  float (*dot_f32)(const float* a, const float* b, size_t n);
  float (*l2_f32)(const float* a, const float* b, size_t n);
  // Both sides 16-bit floats, sums in 32 bits.
  float (*dot_f16)(const uint16_t* a, const uint16_t* b, size_t n);
  float (*l2_f16)(const uint16_t* a, const uint16_t* b, size_t n);
  // Codes from -127 to 127; `sum_b` is the sum of b, which some processors need. Exact.
  int32_t (*dot_int8)(const int8_t* a, const int8_t* b, size_t n, int32_t sum_b);
  // out[r * out_stride + c] = rows[r] . columns[c] for n_rows up to 4 rows and every column.
  void (*dots_block)(const float* rows, size_t n_rows, const float* columns, size_t n_columns, size_t dim, float* out,
                     size_t out_stride);
  // The nearest of many columns for each row of a tile; see core/simd_nearest.h and core/nearest.h.
  NearestKernel nearest;
  // sums[j] = rows[order[0]][j] + rows[order[1]][j] + ..., added in that order in 64 bits; `sums` is overwritten.
  void (*sum_rows)(const float* rows, const uint32_t* order, size_t n_rows, size_t dim, double* sums);
  // sums[j] += row[j] in 64 bits.
  void (*add_row)(const float* row, size_t dim, double* sums);
  // y += alpha * x
  void (*axpy)(float alpha, const float* x, float* y, size_t n);
  // One AdamW step over n numbers; see core/refine.cpp.
  void (*adamw)(float* numbers, const float* gradient, float* first, float* second, size_t n, float keep, float rate,
                float correction);
  // Attention over a KV cache; null where plain C++ would be no faster than what llama.cpp has.
  Attend attend;
};

// The best set that this processor runs; never changes while the process lives.
const SimdKernels& simd();

// Sets as compiled in, for `simd` and for tests; null where the build or the processor lacks it.
const SimdKernels* simd_baseline();
const SimdKernels* simd_avx2();
const SimdKernels* simd_avx512();
const SimdKernels* simd_neon();

float f16_to_f32(uint16_t half);
// Nearest, ties to even; beyond the range becomes infinity.
uint16_t f32_to_f16(float value);

}  // namespace pgenrm
