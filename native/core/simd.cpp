// Picks the vector instructions once, and converts 16-bit floats one at a time.
#include "core/simd.h"

#include <bit>
#include <cstdlib>
#include <cstring>

namespace pgenrm {

const SimdKernels& simd() {
  static const SimdKernels& chosen = []() -> const SimdKernels& {
    // For tests and for tracking down a fault; a name that does not run here changes nothing.
    const char* wanted = std::getenv("PGENRM_SIMD");
    const SimdKernels* sets[] = {simd_avx512(), simd_avx2(), simd_neon(), simd_baseline()};
    for (const SimdKernels* set : sets) {
      if (set && wanted && std::strcmp(set->name, wanted) == 0) return *set;
    }
    for (const SimdKernels* set : sets) {
      if (set) return *set;
    }
    return *simd_baseline();
  }();
  return chosen;
}

float f16_to_f32(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t rest = half & 0x7fffu;
  if (rest >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  // The exponents differ by 112; multiplying by 2^112 also sets subnormals right.
  const float scaled = std::bit_cast<float>(rest << 13) * 5192296858534827628530496329220096.0f;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(scaled) | sign);
}

uint16_t f32_to_f16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t rest = bits & 0x7fffffffu;
  if (rest >= 0x7f800000u) return static_cast<uint16_t>(sign | (rest > 0x7f800000u ? 0x7e00u : 0x7c00u));
  if (rest >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (rest < 0x38800000u) {
    // Adding 0.5 moves the subnormal's last place to the float's own last place, rounded as wanted.
    const float moved = std::bit_cast<float>(rest) + 0.5f;
    return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(moved) - 0x3f000000u));
  }
  const uint32_t odd = (rest >> 13) & 1u;
  return static_cast<uint16_t>(sign | ((rest - 0x38000000u + 0xfffu + odd) >> 13));
}

}  // namespace pgenrm
