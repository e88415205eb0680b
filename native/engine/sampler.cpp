#include "engine/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

// Several versions of the vocabulary-wide loops, the best one for the processor chosen at load time.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(_WIN32) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PGENRM_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PGENRM_VECTOR_CLONES
#endif

namespace pgenrm {
namespace {

constexpr int kLanes = 16;

PGENRM_VECTOR_CLONES
float maximum(const float* values, int32_t n) {
  float lanes[kLanes];
  for (float& lane : lanes) lane = -std::numeric_limits<float>::infinity();
  int32_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] = values[i + j] > lanes[j] ? values[i + j] : lanes[j];
  }
  float best = lanes[0];
  for (float lane : lanes) best = lane > best ? lane : best;
  for (; i < n; ++i) best = values[i] > best ? values[i] : best;
  return best;
}

// exp(x) for x <= 0 to about 2 units in the last place: 2^k * p(r), r in [-ln2/2, ln2/2]; 0 below -87.
inline float exp_nonpositive(float x) {
  const float clamped = x < -87.0f ? -87.0f : x;
  const float k = static_cast<float>(static_cast<int32_t>(clamped * 1.44269504f - 0.5f));
  const float r = (clamped - k * 0.693359375f) + k * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const float scale = std::bit_cast<float>((static_cast<int32_t>(k) + 127) << 23);
  return x < -87.0f ? 0.0f : p * scale;
}

// weights[i] = exp((logits[i] - best) / temperature), those below `floor` set to 0; returns their sum.
PGENRM_VECTOR_CLONES
double exponentiate(const float* logits, float* weights, int32_t n, float best, float inverse_temperature,
                    float floor) {
  double total = 0.0;
  constexpr int32_t kBlock = 1024;
  for (int32_t start = 0; start < n; start += kBlock) {
    const int32_t end = start + kBlock < n ? start + kBlock : n;
    for (int32_t i = start; i < end; ++i) {
      const float weight = exp_nonpositive((logits[i] - best) * inverse_temperature);
      weights[i] = weight >= floor ? weight : 0.0f;
    }
    float lanes[kLanes] = {};
    int32_t i = start;
    for (; i + kLanes <= end; i += kLanes) {
      for (int j = 0; j < kLanes; ++j) lanes[j] += weights[i + j];
    }
    for (; i < end; ++i) lanes[0] += weights[i];
    for (float lane : lanes) total += lane;
  }
  return total;
}

uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

double uniform_at(uint32_t seed, uint64_t index) {
  const uint64_t bits = mix(mix(static_cast<uint64_t>(seed) + 0x5851f42d4c957f2dULL) ^ (index * 0xd1342543de82ef95ULL));
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

int32_t Sampler::sample(const float* logits, int32_t n_vocab, const SamplingParameters& parameters, double uniform) {
  const float best = maximum(logits, n_vocab);
  if (!(best > -std::numeric_limits<float>::infinity())) return -1;
  if (parameters.temperature <= 0.0f) {
    return static_cast<int32_t>(std::find(logits, logits + n_vocab, best) - logits);
  }
  weights_.resize(static_cast<size_t>(n_vocab));
  const double total =
      exponentiate(logits, weights_.data(), n_vocab, best, 1.0f / parameters.temperature, parameters.min_p);
  if (parameters.top_p < 1.0f) return sample_nucleus(n_vocab, parameters.top_p, total, uniform);
  // Inverse of the cumulative distribution, block by block so that far blocks cost one addition.
  double left = uniform * total;
  int32_t last = -1;
  for (int32_t i = 0; i < n_vocab; ++i) {
    if (weights_[i] <= 0.0f) continue;
    last = i;
    left -= weights_[i];
    if (left < 0.0) return i;
  }
  return last;
}

int32_t Sampler::sample_nucleus(int32_t n_vocab, float top_p, double total, double uniform) {
  const auto heavier = [this](int32_t a, int32_t b) {
    return weights_[a] > weights_[b] || (weights_[a] == weights_[b] && a < b);
  };
  // Few tokens carry the nucleus: sort those above a threshold, and lower it only when they do not reach.
  for (float threshold = 1e-3f;; threshold *= 1e-3f) {
    candidates_.clear();
    double mass = 0.0;
    for (int32_t i = 0; i < n_vocab; ++i) {
      if (weights_[i] > 0.0f && weights_[i] >= threshold) {
        candidates_.push_back(i);
        mass += weights_[i];
      }
    }
    if (mass >= top_p * total || threshold < 1e-36f) break;
  }
  std::sort(candidates_.begin(), candidates_.end(), heavier);
  double nucleus = 0.0;
  size_t n_kept = 0;
  while (n_kept < candidates_.size() && nucleus < top_p * total) nucleus += weights_[candidates_[n_kept++]];
  double left = uniform * nucleus;
  for (size_t i = 0; i < n_kept; ++i) {
    left -= weights_[candidates_[i]];
    if (left < 0.0) return candidates_[i];
  }
  return n_kept > 0 ? candidates_[n_kept - 1] : -1;
}

}  // namespace pgenrm
