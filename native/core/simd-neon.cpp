// Inner loops for arm64, where NEON is always there.
#include "core/simd.h"

#if defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))

#include <arm_neon.h>

#include <cmath>

#define PGENRM_TARGET
#include "core/simd-loops.h"

namespace pgenrm {
namespace {

float dot_f32(const float* a, const float* b, size_t n) {
  float32x4_t s0 = vdupq_n_f32(0), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    s0 = vfmaq_f32(s0, vld1q_f32(a + i), vld1q_f32(b + i));
    s1 = vfmaq_f32(s1, vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
    s2 = vfmaq_f32(s2, vld1q_f32(a + i + 8), vld1q_f32(b + i + 8));
    s3 = vfmaq_f32(s3, vld1q_f32(a + i + 12), vld1q_f32(b + i + 12));
  }
  float sum = vaddvq_f32(vaddq_f32(vaddq_f32(s0, s1), vaddq_f32(s2, s3)));
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

float l2_f32(const float* a, const float* b, size_t n) {
  float32x4_t s0 = vdupq_n_f32(0), s1 = s0;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const float32x4_t g0 = vsubq_f32(vld1q_f32(a + i), vld1q_f32(b + i));
    const float32x4_t g1 = vsubq_f32(vld1q_f32(a + i + 4), vld1q_f32(b + i + 4));
    s0 = vfmaq_f32(s0, g0, g0);
    s1 = vfmaq_f32(s1, g1, g1);
  }
  float sum = vaddvq_f32(vaddq_f32(s0, s1));
  for (; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

float32x4_t load_f16(const uint16_t* p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }

float dot_f16(const uint16_t* a, const uint16_t* b, size_t n) {
  float32x4_t s0 = vdupq_n_f32(0), s1 = s0;
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    s0 = vfmaq_f32(s0, load_f16(a + i), load_f16(b + i));
    s1 = vfmaq_f32(s1, load_f16(a + i + 4), load_f16(b + i + 4));
  }
  float sum = vaddvq_f32(vaddq_f32(s0, s1));
  for (; i < n; ++i) sum += f16_to_f32(a[i]) * f16_to_f32(b[i]);
  return sum;
}

float l2_f16(const uint16_t* a, const uint16_t* b, size_t n) {
  float32x4_t s0 = vdupq_n_f32(0);
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const float32x4_t gap = vsubq_f32(load_f16(a + i), load_f16(b + i));
    s0 = vfmaq_f32(s0, gap, gap);
  }
  float sum = vaddvq_f32(s0);
  for (; i < n; ++i) {
    const float gap = f16_to_f32(a[i]) - f16_to_f32(b[i]);
    sum += gap * gap;
  }
  return sum;
}

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

void dots_block(const float* rows, size_t n_rows, const float* columns, size_t n_columns, size_t dim, float* out,
                size_t out_stride) {
  for (size_t c = 0; c < n_columns; ++c) {
    for (size_t r = 0; r < n_rows; ++r) out[r * out_stride + c] = dot_f32(rows + r * dim, columns + c * dim, dim);
  }
}

const SimdKernels NEON = {"neon", dot_f32, l2_f32, dot_f16, l2_f16, dot_int8, dots_block, loop_axpy, loop_adamw};

}  // namespace

const SimdKernels* simd_neon() { return &NEON; }

}  // namespace pgenrm

#else

namespace pgenrm {
const SimdKernels* simd_neon() { return nullptr; }
}  // namespace pgenrm

#endif
