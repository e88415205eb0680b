// Inner loops for arm64, where NEON is always there.
#include "core/simd.h"

#if defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))

#include <arm_neon.h>

#include <cmath>
#include <cstring>
#include <limits>

#define PGENRM_TARGET
#include "core/simd_loops.h"
#include "core/simd_lanes.h"
#include "core/simd_attention.h"

namespace pgenrm {
namespace {

struct Neon {
  using Vec = float32x4_t;
  using Ints = uint32x4_t;
  static constexpr size_t WIDTH = 4, COLUMNS = 4, ROWS = 8, VALUES_OF_FOUR = 4;

  static Vec zero() { return vdupq_n_f32(0); }
  static Vec add(Vec a, Vec b) { return vaddq_f32(a, b); }
  static Vec sub(Vec a, Vec b) { return vsubq_f32(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }
  static Vec load(const float* p) { return vld1q_f32(p); }
  static Vec load(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
  template <class Number>
  static Vec load_part(const Number* p, size_t n) {
    Number whole[WIDTH] = {};
    std::memcpy(whole, p, n * sizeof *p);
    return load(whole);
  }
  static float sum(Vec v) { return vaddvq_f32(v); }
  static Vec splat(float x) { return vdupq_n_f32(x); }
  static Vec mul(Vec a, Vec b) { return vmulq_f32(a, b); }
  static Vec max(Vec a, Vec b) { return vmaxq_f32(a, b); }
  static float largest(Vec v) { return vmaxvq_f32(v); }
  static Vec nearest_whole(Vec v) { return vrndnq_f32(v); }
  static Vec times_power(Vec v, Vec n) {
    const int32x4_t exponent = vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127));
    return vmulq_f32(v, vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23)));
  }
  static Ints count_from(uint32_t n) {
    const uint32_t lanes[WIDTH] = {n, n + 1, n + 2, n + 3};
    return vld1q_u32(lanes);
  }
  static Ints load(const uint32_t* p) { return vld1q_u32(p); }
  static void store(float* p, Vec v) { vst1q_f32(p, v); }
  static void store(uint32_t* p, Ints v) { vst1q_u32(p, v); }
  static void keep_less(Vec v, Ints i, Vec& least, Ints& best) {
    const uint32x4_t less = vcltq_f32(v, least);
    least = vbslq_f32(less, v, least);
    best = vbslq_u32(less, i, best);
  }
  static Vec all_sums(const Vec* v) { return vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3])); }
  static void sums(const Vec* v, float* out) {
    vst1q_f32(out, all_sums(v));
  }
};

int32_t dot_int8(const int8_t* a, const int8_t* b, size_t n, int32_t) {
  int32x4_t sums = vdupq_n_s32(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const int8x16_t left = vld1q_s8(a + i);
    const int8x16_t right = vld1q_s8(b + i);
    sums = vpadalq_s16(sums, vmull_s8(vget_low_s8(left), vget_low_s8(right)));
    sums = vpadalq_s16(sums, vmull_s8(vget_high_s8(left), vget_high_s8(right)));
  }
  int32_t sum = vaddvq_s32(sums);
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

constexpr SimdKernels NEON = lanes_kernels<Neon>("neon", dot_int8, lanes_attend<Neon>);

}  // namespace

const SimdKernels* simd_neon() { return &NEON; }

}  // namespace pgenrm

#else

namespace pgenrm {
const SimdKernels* simd_neon() { return nullptr; }
}  // namespace pgenrm

#endif
