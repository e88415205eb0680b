// Inner loops for x86-64 with AVX-512 F, BW, VL and VNNI.
#include "core/simd.h"

#if (defined(__x86_64__) || defined(__amd64__)) && (defined(__GNUC__) || defined(__clang__))

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12's own header starts from registers it calls undefined.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cmath>

#define PGENRM_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")))
#include "core/simd-loops.h"

namespace pgenrm {
namespace {

PGENRM_TARGET inline __mmask16 rest_mask(size_t rest) { return static_cast<__mmask16>((1u << rest) - 1u); }

PGENRM_TARGET float dot_f32(const float* a, const float* b, size_t n) {
  __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 64 <= n; i += 64) {
    s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
    s1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), s1);
    s2 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32), s2);
    s3 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48), s3);
  }
  for (; i + 16 <= n; i += 16) s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
  if (i < n) {
    const __mmask16 mask = rest_mask(n - i);
    s1 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i), s1);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
}

PGENRM_TARGET float l2_f32(const float* a, const float* b, size_t n) {
  __m512 s0 = _mm512_setzero_ps(), s1 = s0;
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m512 g0 = _mm512_sub_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i));
    const __m512 g1 = _mm512_sub_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16));
    s0 = _mm512_fmadd_ps(g0, g0, s0);
    s1 = _mm512_fmadd_ps(g1, g1, s1);
  }
  for (; i < n; i += 16) {
    const __mmask16 mask = n - i >= 16 ? static_cast<__mmask16>(0xffff) : rest_mask(n - i);
    const __m512 gap = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
    s0 = _mm512_fmadd_ps(gap, gap, s0);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}

PGENRM_TARGET inline __m512 load_f16(const uint16_t* p, __mmask16 mask) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, p));
}

PGENRM_TARGET float dot_f16(const uint16_t* a, const uint16_t* b, size_t n) {
  __m512 s0 = _mm512_setzero_ps(), s1 = s0;
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    s0 = _mm512_fmadd_ps(load_f16(a + i, 0xffff), load_f16(b + i, 0xffff), s0);
    s1 = _mm512_fmadd_ps(load_f16(a + i + 16, 0xffff), load_f16(b + i + 16, 0xffff), s1);
  }
  for (; i < n; i += 16) {
    const __mmask16 mask = n - i >= 16 ? static_cast<__mmask16>(0xffff) : rest_mask(n - i);
    s0 = _mm512_fmadd_ps(load_f16(a + i, mask), load_f16(b + i, mask), s0);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(s0, s1));
}

PGENRM_TARGET float l2_f16(const uint16_t* a, const uint16_t* b, size_t n) {
  __m512 s0 = _mm512_setzero_ps();
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = n - i >= 16 ? static_cast<__mmask16>(0xffff) : rest_mask(n - i);
    const __m512 gap = _mm512_sub_ps(load_f16(a + i, mask), load_f16(b + i, mask));
    s0 = _mm512_fmadd_ps(gap, gap, s0);
  }
  return _mm512_reduce_add_ps(s0);
}

// The instruction multiplies unsigned by signed bytes: a + 128 goes in, 128 * sum(b) comes off.
PGENRM_TARGET int32_t dot_int8(const int8_t* a, const int8_t* b, size_t n, int32_t sum_b) {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i s0 = _mm512_setzero_si512(), s1 = s0;
  size_t i = 0;
  for (; i + 128 <= n; i += 128) {
    s0 = _mm512_dpbusd_epi32(s0, _mm512_xor_si512(_mm512_loadu_si512(a + i), flip), _mm512_loadu_si512(b + i));
    s1 =
        _mm512_dpbusd_epi32(s1, _mm512_xor_si512(_mm512_loadu_si512(a + i + 64), flip), _mm512_loadu_si512(b + i + 64));
  }
  for (; i < n; i += 64) {
    const __mmask64 mask = n - i >= 64 ? ~0ull : (1ull << (n - i)) - 1ull;
    const __m512i left = _mm512_maskz_loadu_epi8(mask, a + i);
    s0 = _mm512_dpbusd_epi32(s0, _mm512_xor_si512(left, flip), _mm512_maskz_loadu_epi8(mask, b + i));
  }
  return _mm512_reduce_add_epi32(_mm512_add_epi32(s0, s1)) - 128 * sum_b;
}

// The four sums over the lanes of four registers, side by side.
PGENRM_TARGET inline __m128 sum_four(const __m512* sums) {
  __m128 quarter[4];
  for (size_t k = 0; k < 4; ++k) {
    const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(sums[k]), _mm512_extractf32x8_ps(sums[k], 1));
    quarter[k] = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  }
  return _mm_hadd_ps(_mm_hadd_ps(quarter[0], quarter[1]), _mm_hadd_ps(quarter[2], quarter[3]));
}

// N_ROWS rows against four columns at a time: each load serves several products.
template <size_t N_ROWS>
PGENRM_TARGET void rows_block(const float* rows, const float* columns, size_t n_columns, size_t dim, float* out,
                              size_t out_stride) {
  const size_t whole = dim / 16 * 16;
  const __mmask16 rest = rest_mask(dim - whole);
  size_t c = 0;
  for (; c + 4 <= n_columns; c += 4) {
    __m512 sums[N_ROWS][4];
    for (auto& row : sums) {
      for (auto& sum : row) sum = _mm512_setzero_ps();
    }
    const float* column = columns + c * dim;
    __m512 right[4];
    for (size_t i = 0; i < whole; i += 16) {
      for (size_t k = 0; k < 4; ++k) right[k] = _mm512_loadu_ps(column + k * dim + i);
      for (size_t r = 0; r < N_ROWS; ++r) {
        const __m512 left = _mm512_loadu_ps(rows + r * dim + i);
        for (size_t k = 0; k < 4; ++k) sums[r][k] = _mm512_fmadd_ps(left, right[k], sums[r][k]);
      }
    }
    if (whole < dim) {
      for (size_t k = 0; k < 4; ++k) right[k] = _mm512_maskz_loadu_ps(rest, column + k * dim + whole);
      for (size_t r = 0; r < N_ROWS; ++r) {
        const __m512 left = _mm512_maskz_loadu_ps(rest, rows + r * dim + whole);
        for (size_t k = 0; k < 4; ++k) sums[r][k] = _mm512_fmadd_ps(left, right[k], sums[r][k]);
      }
    }
    for (size_t r = 0; r < N_ROWS; ++r) _mm_storeu_ps(out + r * out_stride + c, sum_four(sums[r]));
  }
  for (; c < n_columns; ++c) {
    for (size_t r = 0; r < N_ROWS; ++r) out[r * out_stride + c] = dot_f32(rows + r * dim, columns + c * dim, dim);
  }
}

PGENRM_TARGET void dots_block(const float* rows, size_t n_rows, const float* columns, size_t n_columns, size_t dim,
                              float* out, size_t out_stride) {
  switch (n_rows) {
    case 4:
      return rows_block<4>(rows, columns, n_columns, dim, out, out_stride);
    case 3:
      return rows_block<3>(rows, columns, n_columns, dim, out, out_stride);
    case 2:
      return rows_block<2>(rows, columns, n_columns, dim, out, out_stride);
    default:
      return rows_block<1>(rows, columns, n_columns, dim, out, out_stride);
  }
}

const SimdKernels AVX512 = {"avx512-vnni", dot_f32,    l2_f32,    dot_f16,   l2_f16,
                            dot_int8,      dots_block, loop_axpy, loop_adamw};

}  // namespace

const SimdKernels* simd_avx512() {
  __builtin_cpu_init();
  const bool runs = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("avx512vnni");
  return runs ? &AVX512 : nullptr;
}

}  // namespace pgenrm

#else

namespace pgenrm {
const SimdKernels* simd_avx512() { return nullptr; }
}  // namespace pgenrm

#endif
