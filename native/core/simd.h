// Inner loops over vectors, chosen once for the processor that runs them.
// Every pointer may be unaligned; no loop reads past its n.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pgenrm {

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
  // y += alpha * x
  void (*axpy)(float alpha, const float* x, float* y, size_t n);
  // One AdamW step over n numbers; see core/refine.cpp.
  void (*adamw)(float* numbers, const float* gradient, float* first, float* second, size_t n, float keep, float rate,
                float correction);
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
