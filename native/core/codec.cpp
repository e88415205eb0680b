// Vectors to stored form and back.
#include "core/codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace pgenrm {
namespace {

// Below this every number of a row is taken for zero: its reciprocal would not be finite.
constexpr float LEAST_MAGNITUDE = 1e-30f;

void encode_int8(const float* vector, size_t dim, char* out) {
  float most = 0;
  for (size_t i = 0; i < dim; ++i) most = std::max(most, std::fabs(vector[i]));
  const bool zero = most < LEAST_MAGNITUDE;
  Int8Header header{zero ? 0.0f : most / 127.0f, 0, 0};
  const float factor = zero ? 0.0f : 127.0f / most;
  auto* codes = reinterpret_cast<int8_t*>(out + sizeof(Int8Header));
  // Nearest, ties to even, as every implementation rounds.
  for (size_t i = 0; i < dim; ++i) codes[i] = static_cast<int8_t>(std::nearbyint(vector[i] * factor));
  std::memcpy(out, &header, sizeof header);
}

}  // namespace

bool Codec::encode(const float* vector, char* out) const {
  if (storage_ == Storage::f32) {
    std::memcpy(out, vector, dim_ * sizeof(float));
  } else if (storage_ == Storage::f16) {
    auto* halves = reinterpret_cast<uint16_t*>(out);
    for (size_t i = 0; i < dim_; ++i) {
      halves[i] = f32_to_f16(vector[i]);
      if ((halves[i] & 0x7c00u) == 0x7c00u) return false;
    }
  } else {
    encode_int8(vector, dim_, out);
    complete_int8(out);
  }
  return true;
}

void Codec::decode(const char* stored, float* vector) const {
  if (storage_ == Storage::f32) {
    std::memcpy(vector, stored, dim_ * sizeof(float));
  } else if (storage_ == Storage::f16) {
    const auto* halves = reinterpret_cast<const uint16_t*>(stored);
    for (size_t i = 0; i < dim_; ++i) vector[i] = f16_to_f32(halves[i]);
  } else {
    const float scale = reinterpret_cast<const Int8Header*>(stored)->scale;
    const auto* codes = reinterpret_cast<const int8_t*>(stored + sizeof(Int8Header));
    for (size_t i = 0; i < dim_; ++i) vector[i] = scale * static_cast<float>(codes[i]);
  }
}

void Codec::complete_int8(char* stored) const {
  auto* header = reinterpret_cast<Int8Header*>(stored);
  const auto* codes = reinterpret_cast<const int8_t*>(stored + sizeof(Int8Header));
  int32_t sum = 0;
  int32_t squares = 0;
  for (size_t i = 0; i < dim_; ++i) {
    sum += codes[i];
    squares += codes[i] * codes[i];
  }
  const float scale_squared = header->scale * header->scale;
  header->squares = scale_squared * static_cast<float>(squares);
  header->sum = sum;
}

}  // namespace pgenrm
