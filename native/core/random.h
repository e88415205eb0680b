// The one random generator: xoshiro128**, its state hashed from a seed and a stream.
// Twin of src/kernels/random.ts and assembly/random.ts, bit for bit alike.
#pragma once

#include <cstdint>

namespace pgenrm {

class Xoshiro128 {
 public:
  Xoshiro128(uint32_t seed, uint32_t stream)
      : a_(word(seed, stream, 1)),
        b_(word(seed, stream, 2)),
        c_(word(seed, stream, 3)),
        d_(word(seed, stream, 4) | 1u) {}

  uint32_t next() {
    const uint32_t result = rotated(b_ * 5u, 7) * 9u;
    const uint32_t shifted = b_ << 9;
    c_ ^= a_;
    d_ ^= b_;
    b_ ^= c_;
    a_ ^= d_;
    c_ ^= shifted;
    d_ = rotated(d_, 11);
    return result;
  }

  // 0 to below 1, 53 random bits.
  double uniform() {
    const double high = next() >> 5;
    const double low = next() >> 6;
    return (high * 67108864.0 + low) / 9007199254740992.0;
  }

  // 0 to below bound, each as likely; bound >= 1.
  uint32_t below(uint32_t bound) {
    const uint32_t first = (0u - bound) % bound;
    for (;;) {
      const uint32_t value = next();
      if (value >= first) return value % bound;
    }
  }

 private:
  static uint32_t mixed(uint32_t x) {
    x = (x ^ (x >> 16)) * 0x85ebca6bu;
    x = (x ^ (x >> 13)) * 0xc2b2ae35u;
    return x ^ (x >> 16);
  }

  static uint32_t word(uint32_t seed, uint32_t stream, uint32_t place) {
    return mixed(mixed(seed + place * 0x9e3779b9u) + mixed(stream ^ place * 0x7f4a7c15u));
  }

  static uint32_t rotated(uint32_t value, int bits) { return (value << bits) | (value >> (32 - bits)); }

  uint32_t a_, b_, c_, d_;
};

}  // namespace pgenrm
