// How an index stores a vector, and the distance of two stored vectors.
// Twin of assembly/codec.ts: the 8-bit form and its distances agree to the last bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/simd.h"
#include "core/vectors.h"

namespace pgenrm {

enum class Storage : int32_t { f32 = 0, f16 = 1, int8 = 2 };

// Before the codes of an 8-bit vector: number = code * scale.
struct Int8Header {
  float scale;
  float squares;  // squared length of what the codes stand for
  int32_t sum;    // of the codes
};

class Codec {
 public:
  Codec(Metric metric, Storage storage, size_t dim) : metric_(metric), storage_(storage), dim_(dim), simd_(simd()) {}

  Metric metric() const { return metric_; }
  Storage storage() const { return storage_; }
  size_t dim() const { return dim_; }

  // Bytes before the numbers (the 8-bit header), and of header and numbers together.
  size_t header_bytes() const { return storage_ == Storage::int8 ? sizeof(Int8Header) : 0; }
  size_t bytes() const { return header_bytes() + dim_ * number_bytes(); }
  size_t number_bytes() const { return storage_ == Storage::f32 ? 4 : storage_ == Storage::f16 ? 2 : 1; }

  // False where a number is beyond what the storage holds.
  bool encode(const float* vector, char* out) const;
  void decode(const char* stored, float* vector) const;

  // Sets squares and sum from scale and codes.
  void complete_int8(char* stored) const;

  float distance(const char* a, const char* b) const {
    switch (storage_) {
      case Storage::int8: return int8_distance(a, b);
      case Storage::f32: {
        const auto* x = reinterpret_cast<const float*>(a);
        const auto* y = reinterpret_cast<const float*>(b);
        return metric_ == Metric::l2 ? simd_.l2_f32(x, y, dim_) : 1.0f - simd_.dot_f32(x, y, dim_);
      }
      case Storage::f16: {
        const auto* x = reinterpret_cast<const uint16_t*>(a);
        const auto* y = reinterpret_cast<const uint16_t*>(b);
        return metric_ == Metric::l2 ? simd_.l2_f16(x, y, dim_) : 1.0f - simd_.dot_f16(x, y, dim_);
      }
    }
    return 0;
  }

  // Distance of an 8-bit vector to codes whose scale (and, under l2, squared length) the caller has at hand.
  float int8_distance(const Int8Header& query, const int8_t* query_codes, const int8_t* codes, float scale,
                      float squares) const {
    const int32_t dot = simd_.dot_int8(codes, query_codes, dim_, query.sum);
    const float scales = query.scale * scale;
    const float product = scales * static_cast<float>(dot);
    if (metric_ == Metric::cosine) return 1.0f - product;
    const float both = query.squares + squares;
    const float twice = 2.0f * product;
    return both > twice ? both - twice : 0.0f;
  }

  // As `distance` with a Codec behind the third pointer: the shape that hnswlib calls.
  static float distance_of(const void* a, const void* b, const void* codec) {
    return static_cast<const Codec*>(codec)->distance(static_cast<const char*>(a), static_cast<const char*>(b));
  }

 private:
  float int8_distance(const char* a, const char* b) const {
    const auto* x = reinterpret_cast<const Int8Header*>(a);
    const auto* y = reinterpret_cast<const Int8Header*>(b);
    return int8_distance(*x, reinterpret_cast<const int8_t*>(x + 1), reinterpret_cast<const int8_t*>(y + 1), y->scale,
                         y->squares);
  }

  Metric metric_;
  Storage storage_;
  size_t dim_;
  const SimdKernels& simd_;
};

}  // namespace pgenrm
