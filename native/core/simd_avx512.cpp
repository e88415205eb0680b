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
#include <cstring>
#include <limits>

#define PGENRM_TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx512vnni,avx2,fma,f16c")))
#include "core/simd_loops.h"
#include "core/simd_lanes.h"
#include "core/simd_attention.h"

namespace pgenrm {
namespace {

struct Avx512 {
  using Vec = __m512;
  using Ints = __m512i;
  static constexpr size_t WIDTH = 16, COLUMNS = 4, ROWS = 12, VALUES_OF_FOUR = 4;

  PGENRM_TARGET static __mmask16 first(size_t n) { return static_cast<__mmask16>((1u << n) - 1u); }

  PGENRM_TARGET static Vec zero() { return _mm512_setzero_ps(); }
  PGENRM_TARGET static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  PGENRM_TARGET static Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
  PGENRM_TARGET static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  PGENRM_TARGET static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  PGENRM_TARGET static Vec load(const uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  PGENRM_TARGET static Vec load_part(const float* p, size_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
  PGENRM_TARGET static Vec load_part(const uint16_t* p, size_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p));
  }
  PGENRM_TARGET static float sum(Vec v) { return _mm512_reduce_add_ps(v); }
  PGENRM_TARGET static Vec splat(float x) { return _mm512_set1_ps(x); }
  PGENRM_TARGET static Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  PGENRM_TARGET static Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  PGENRM_TARGET static float largest(Vec v) { return _mm512_reduce_max_ps(v); }
  PGENRM_TARGET static Vec nearest_whole(Vec v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  PGENRM_TARGET static Vec times_power(Vec v, Vec n) { return _mm512_scalef_ps(v, n); }
  PGENRM_TARGET static Ints count_from(uint32_t n) {
    const Ints lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_add_epi32(_mm512_set1_epi32(static_cast<int32_t>(n)), lanes);
  }
  PGENRM_TARGET static Ints load(const uint32_t* p) { return _mm512_loadu_si512(p); }
  PGENRM_TARGET static void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  PGENRM_TARGET static void store(uint32_t* p, Ints v) { _mm512_storeu_si512(p, v); }
  PGENRM_TARGET static void keep_less(Vec v, Ints i, Vec& least, Ints& best) {
    const __mmask16 less = _mm512_cmp_ps_mask(v, least, _CMP_LT_OQ);
    least = _mm512_mask_mov_ps(least, less, v);
    best = _mm512_mask_mov_epi32(best, less, i);
  }
  // Halves of the registers are added up until each number of one register stands for one of them.
  PGENRM_TARGET static Vec all_sums(const Vec* v) {
    Vec pairs[8], fours[4];
#pragma GCC unroll 8
    for (size_t k = 0; k < 8; ++k) {
      pairs[k] = add(_mm512_unpacklo_ps(v[2 * k], v[2 * k + 1]), _mm512_unpackhi_ps(v[2 * k], v[2 * k + 1]));
    }
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; ++k) {
      const __m512d a = _mm512_castps_pd(pairs[2 * k]), b = _mm512_castps_pd(pairs[2 * k + 1]);
      fours[k] = add(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    }
    // Each fours[k] holds, four times, partial sums of v[4 k] to v[4 k + 3].
    const Vec low = add(_mm512_shuffle_f32x4(fours[0], fours[1], 0x88), _mm512_shuffle_f32x4(fours[0], fours[1], 0xdd));
    const Vec high = add(_mm512_shuffle_f32x4(fours[2], fours[3], 0x88), _mm512_shuffle_f32x4(fours[2], fours[3], 0xdd));
    return add(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xdd));
  }
  // Side by side: half the work of one after the other.
  PGENRM_TARGET static void sums(const Vec* v, float* out) {
    __m128 quarter[COLUMNS];
    for (size_t k = 0; k < COLUMNS; ++k) {
      const __m256 half = _mm256_add_ps(_mm512_castps512_ps256(v[k]), _mm512_extractf32x8_ps(v[k], 1));
      quarter[k] = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    }
    _mm_storeu_ps(out, _mm_hadd_ps(_mm_hadd_ps(quarter[0], quarter[1]), _mm_hadd_ps(quarter[2], quarter[3])));
  }
};

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

constexpr SimdKernels AVX512 = lanes_kernels<Avx512>("avx512-vnni", dot_int8, lanes_attend<Avx512>);

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
