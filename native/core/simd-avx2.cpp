// Inner loops for x86-64 with AVX2, FMA and F16C.
#include "core/simd.h"

#if (defined(__x86_64__) || defined(__amd64__)) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#include <cmath>

#define PGENRM_TARGET __attribute__((target("avx2,fma,f16c")))
#include "core/simd-loops.h"

namespace pgenrm {
namespace {

PGENRM_TARGET inline float sum_lanes(__m256 v) {
  __m128 low = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  low = _mm_add_ps(low, _mm_movehl_ps(low, low));
  return _mm_cvtss_f32(_mm_add_ss(low, _mm_movehdup_ps(low)));
}

PGENRM_TARGET float dot_f32(const float* a, const float* b, size_t n) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
    s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
    s2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16), s2);
    s3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24), s3);
  }
  for (; i + 8 <= n; i += 8) s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
  float sum = sum_lanes(_mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3)));
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

PGENRM_TARGET float l2_f32(const float* a, const float* b, size_t n) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256 g0 = _mm256_sub_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
    const __m256 g1 = _mm256_sub_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8));
    s0 = _mm256_fmadd_ps(g0, g0, s0);
    s1 = _mm256_fmadd_ps(g1, g1, s1);
  }
  float sum = sum_lanes(_mm256_add_ps(s0, s1));
  for (; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

PGENRM_TARGET inline __m256 load_f16(const uint16_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

PGENRM_TARGET float dot_f16(const uint16_t* a, const uint16_t* b, size_t n) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    s0 = _mm256_fmadd_ps(load_f16(a + i), load_f16(b + i), s0);
    s1 = _mm256_fmadd_ps(load_f16(a + i + 8), load_f16(b + i + 8), s1);
  }
  float sum = sum_lanes(_mm256_add_ps(s0, s1));
  for (; i < n; ++i) sum += f16_to_f32(a[i]) * f16_to_f32(b[i]);
  return sum;
}

PGENRM_TARGET float l2_f16(const uint16_t* a, const uint16_t* b, size_t n) {
  __m256 s0 = _mm256_setzero_ps();
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256 gap = _mm256_sub_ps(load_f16(a + i), load_f16(b + i));
    s0 = _mm256_fmadd_ps(gap, gap, s0);
  }
  float sum = sum_lanes(s0);
  for (; i < n; ++i) {
    const float gap = f16_to_f32(a[i]) - f16_to_f32(b[i]);
    sum += gap * gap;
  }
  return sum;
}

PGENRM_TARGET int32_t dot_int8(const int8_t* a, const int8_t* b, size_t n, int32_t) {
  __m256i sums = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const __m256i left = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
    const __m256i right = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)));
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(left, right));
  }
  __m128i low = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  low = _mm_add_epi32(low, _mm_shuffle_epi32(low, 0x4e));
  low = _mm_add_epi32(low, _mm_shuffle_epi32(low, 0xb1));
  int32_t sum = _mm_cvtsi128_si32(low);
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

// N_ROWS rows against two columns at a time: each load serves several products.
template <size_t N_ROWS>
PGENRM_TARGET void rows_block(const float* rows, const float* columns, size_t n_columns, size_t dim, float* out,
                              size_t out_stride) {
  size_t c = 0;
  for (; c + 2 <= n_columns; c += 2) {
    __m256 sums[N_ROWS][2];
    for (auto& row : sums) row[0] = row[1] = _mm256_setzero_ps();
    const float* column = columns + c * dim;
    size_t i = 0;
    for (; i + 8 <= dim; i += 8) {
      const __m256 first = _mm256_loadu_ps(column + i);
      const __m256 second = _mm256_loadu_ps(column + dim + i);
      for (size_t r = 0; r < N_ROWS; ++r) {
        const __m256 left = _mm256_loadu_ps(rows + r * dim + i);
        sums[r][0] = _mm256_fmadd_ps(left, first, sums[r][0]);
        sums[r][1] = _mm256_fmadd_ps(left, second, sums[r][1]);
      }
    }
    for (size_t r = 0; r < N_ROWS; ++r) {
      for (size_t k = 0; k < 2; ++k) {
        float sum = sum_lanes(sums[r][k]);
        for (size_t rest = i; rest < dim; ++rest) sum += rows[r * dim + rest] * column[k * dim + rest];
        out[r * out_stride + c + k] = sum;
      }
    }
  }
  for (; c < n_columns; ++c) {
    for (size_t r = 0; r < N_ROWS; ++r) out[r * out_stride + c] = dot_f32(rows + r * dim, columns + c * dim, dim);
  }
}

PGENRM_TARGET void dots_block(const float* rows, size_t n_rows, const float* columns, size_t n_columns, size_t dim,
                              float* out, size_t out_stride) {
  switch (n_rows) {
    case 4: return rows_block<4>(rows, columns, n_columns, dim, out, out_stride);
    case 3: return rows_block<3>(rows, columns, n_columns, dim, out, out_stride);
    case 2: return rows_block<2>(rows, columns, n_columns, dim, out, out_stride);
    default: return rows_block<1>(rows, columns, n_columns, dim, out, out_stride);
  }
}

const SimdKernels AVX2 = {"avx2", dot_f32, l2_f32, dot_f16, l2_f16, dot_int8, dots_block, loop_axpy, loop_adamw};

}  // namespace

const SimdKernels* simd_avx2() {
  __builtin_cpu_init();
  const bool runs = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  return runs ? &AVX2 : nullptr;
}

}  // namespace pgenrm

#else

namespace pgenrm {
const SimdKernels* simd_avx2() { return nullptr; }
}  // namespace pgenrm

#endif
