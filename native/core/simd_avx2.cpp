// Inner loops for x86-64 with AVX2, FMA and F16C.
#include "core/simd.h"

#if (defined(__x86_64__) || defined(__amd64__)) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

#include <cmath>
#include <cstring>
#include <limits>

#define PGENRM_TARGET __attribute__((target("avx2,fma,f16c")))
#include "core/simd_loops.h"
#include "core/simd_lanes.h"
#include "core/simd_attention.h"

namespace pgenrm {
namespace {

// 8 times -1, then 8 times 0: what begins at 8 - n masks the first n.
alignas(32) constexpr int32_t MASKS[16] = {-1, -1, -1, -1, -1, -1, -1, -1};

struct Avx2 {
  using Vec = __m256;
  using Ints = __m256i;
  static constexpr size_t WIDTH = 8, COLUMNS = 2, ROWS = 6, VALUES_OF_FOUR = 2;

  PGENRM_TARGET static Vec zero() { return _mm256_setzero_ps(); }
  PGENRM_TARGET static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  PGENRM_TARGET static Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
  PGENRM_TARGET static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  PGENRM_TARGET static Vec load(const float* p) { return _mm256_loadu_ps(p); }
  PGENRM_TARGET static Vec load(const uint16_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  PGENRM_TARGET static Vec load_part(const float* p, size_t n) {
    return _mm256_maskload_ps(p, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(MASKS + 8 - n)));
  }
  PGENRM_TARGET static Vec load_part(const uint16_t* p, size_t n) {
    uint16_t whole[WIDTH] = {};
    std::memcpy(whole, p, n * sizeof *p);
    return load(whole);
  }
  PGENRM_TARGET static float sum(Vec v) {
    __m128 low = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    low = _mm_add_ps(low, _mm_movehl_ps(low, low));
    return _mm_cvtss_f32(_mm_add_ss(low, _mm_movehdup_ps(low)));
  }
  PGENRM_TARGET static Vec splat(float x) { return _mm256_set1_ps(x); }
  PGENRM_TARGET static Vec mul(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
  PGENRM_TARGET static Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
  PGENRM_TARGET static float largest(Vec v) {
    __m128 low = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    low = _mm_max_ps(low, _mm_movehl_ps(low, low));
    return _mm_cvtss_f32(_mm_max_ss(low, _mm_movehdup_ps(low)));
  }
  PGENRM_TARGET static Vec nearest_whole(Vec v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  PGENRM_TARGET static Vec times_power(Vec v, Vec n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(v, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
  }
  PGENRM_TARGET static Ints count_from(uint32_t n) {
    const Ints lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    return _mm256_add_epi32(_mm256_set1_epi32(static_cast<int32_t>(n)), lanes);
  }
  PGENRM_TARGET static Ints load(const uint32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  PGENRM_TARGET static void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  PGENRM_TARGET static void store(uint32_t* p, Ints v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  PGENRM_TARGET static void keep_less(Vec v, Ints i, Vec& least, Ints& best) {
    const __m256 less = _mm256_cmp_ps(v, least, _CMP_LT_OQ);
    least = _mm256_blendv_ps(least, v, less);
    best = _mm256_blendv_epi8(best, i, _mm256_castps_si256(less));
  }
  PGENRM_TARGET static Vec all_sums(const Vec* v) {
    const Vec low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    const Vec high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
    return add(_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31));
  }
  PGENRM_TARGET static void sums(const Vec* v, float* out) {
    for (size_t k = 0; k < COLUMNS; ++k) out[k] = sum(v[k]);
  }
};

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

constexpr SimdKernels AVX2 = lanes_kernels<Avx2>("avx2", dot_int8, lanes_attend<Avx2>);

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
