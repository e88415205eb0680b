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

// `value` where `keeps`, else 0; no branch, so that loops over it become vector code.
inline float kept_if(bool keeps, float value) {
  return std::bit_cast<float>(std::bit_cast<int32_t>(value) & -static_cast<int32_t>(keeps));
}

// exp(x) for x <= 0 to about 2 units in the last place: 2^k * p(r), r in [-ln2/2, ln2/2]; 0 below -87.
inline float exp_nonpositive(float x) {
  // Of two numbers that are not above 0 the one with the smaller bits is the larger; and NaN becomes the bound.
  const float clamped = std::bit_cast<float>(std::min(std::bit_cast<uint32_t>(x), std::bit_cast<uint32_t>(-87.0f)));
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
  return kept_if(x >= -87.0f, p * scale);
}

// Logits that are weighed at a time: their weights stay in the innermost cache.
constexpr int32_t kBlock = 1024;

// weights[i] = exp((logits[i] - best) / temperature), those below `floor` set to 0; returns their sum. n <= kBlock
PGENRM_VECTOR_CLONES
double exponentiate(const float* logits, float* weights, int32_t n, float best, float inverse_temperature,
                    float floor) {
  for (int32_t i = 0; i < n; ++i) {
    const float weight = exp_nonpositive((logits[i] - best) * inverse_temperature);
    weights[i] = kept_if(weight >= floor, weight);
  }
  float lanes[kLanes] = {};
  int32_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] += weights[i + j];
  }
  for (; i < n; ++i) lanes[0] += weights[i];
  double total = 0.0;
  for (float lane : lanes) total += lane;
  return total;
}

PGENRM_VECTOR_CLONES
int32_t n_not_finite(const float* logits, int32_t n) {
  int32_t count = 0;
  for (int32_t i = 0; i < n; ++i) count += logits[i] < std::numeric_limits<float>::infinity() ? 0 : 1;
  return count;
}

// Classes of weights, which lie in [0, 1]: sixteen an octave.
constexpr int kClassShift = 19;
constexpr uint32_t kClasses = (std::bit_cast<uint32_t>(1.0f) >> kClassShift) + 1;

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

double log_sum_exp(const float* logits, int32_t n_vocab, double temperature) {
  if (n_not_finite(logits, n_vocab) > 0) return std::numeric_limits<double>::quiet_NaN();
  const float best = maximum(logits, n_vocab);
  if (temperature <= 0.0 || best == -std::numeric_limits<float>::infinity()) return best;
  float weights[kBlock];
  double total = 0.0;
  for (int32_t start = 0; start < n_vocab; start += kBlock) {
    total += exponentiate(logits + start, weights, std::min(kBlock, n_vocab - start), best,
                          static_cast<float>(1.0 / temperature), 0.0f);
  }
  return best / temperature + std::log(total);
}

int32_t Sampler::sample(const float* logits, int32_t n_vocab, const SamplingParameters& parameters, double uniform) {
  const float best = maximum(logits, n_vocab);
  if (!(best > -std::numeric_limits<float>::infinity())) return -1;
  if (parameters.temperature <= 0.0f) {
    return static_cast<int32_t>(std::find(logits, logits + n_vocab, best) - logits);
  }
  const bool keeps_weights = parameters.top_p < 1.0f;
  weights_.resize(static_cast<size_t>(keeps_weights ? n_vocab : std::min(n_vocab, kBlock)));
  sums_.clear();
  double total = 0.0;
  const auto weigh = [&](int32_t start) {
    return exponentiate(logits + start, weights_.data() + (keeps_weights ? start : 0), std::min(kBlock, n_vocab - start),
                        best, 1.0f / parameters.temperature, parameters.min_p);
  };
  for (int32_t start = 0; start < n_vocab; start += kBlock) {
    sums_.push_back(weigh(start));
    total += sums_.back();
  }
  if (keeps_weights) return sample_nucleus(n_vocab, parameters.top_p, total, uniform);
  // Inverse of the cumulative distribution: the block by the sums, then the token in the block, weighed again.
  double left = uniform * total;
  size_t block = 0;
  size_t last_block = 0;
  for (; block < sums_.size(); ++block) {
    if (sums_[block] > 0.0) last_block = block;
    if (left < sums_[block]) break;
    left -= sums_[block];
  }
  if (block == sums_.size()) block = last_block;
  const int32_t start = static_cast<int32_t>(block) * kBlock;
  weigh(start);
  int32_t last = -1;
  for (int32_t i = 0; i < std::min(kBlock, n_vocab - start); ++i) {
    if (weights_[static_cast<size_t>(i)] <= 0.0f) continue;
    last = start + i;
    left -= weights_[static_cast<size_t>(i)];
    if (left < 0.0) return last;
  }
  return last;
}

int32_t Sampler::sample_nucleus(int32_t n_vocab, float top_p, double total, double uniform) {
  // Weights in classes by their leading bits: whole classes are in the nucleus but for one, which is sorted.
  const auto class_of = [](float weight) { return std::bit_cast<uint32_t>(weight) >> kClassShift; };
  masses_.assign(kClasses, 0.0);
  for (int32_t i = 0; i < n_vocab; ++i) masses_[class_of(weights_[static_cast<size_t>(i)])] += weights_[static_cast<size_t>(i)];
  const double wanted = top_p * total;
  double nucleus = 0.0;
  uint32_t last_class = kClasses - 1;
  for (; last_class > 0 && nucleus + masses_[last_class] < wanted; --last_class) nucleus += masses_[last_class];

  candidates_.clear();
  for (int32_t i = 0; i < n_vocab; ++i) {
    const float weight = weights_[static_cast<size_t>(i)];
    if (weight > 0.0f && class_of(weight) == last_class) candidates_.push_back(i);
  }
  std::ranges::sort(candidates_, [this](int32_t a, int32_t b) {
    const float heavier = weights_[static_cast<size_t>(a)] - weights_[static_cast<size_t>(b)];
    return heavier > 0.0f || (heavier == 0.0f && a < b);
  });
  size_t n_kept = 0;
  while (n_kept < candidates_.size() && nucleus < wanted) nucleus += weights_[static_cast<size_t>(candidates_[n_kept++])];

  double left = uniform * nucleus;
  int32_t last = -1;
  for (int32_t i = 0; i < n_vocab; ++i) {
    const float weight = weights_[static_cast<size_t>(i)];
    if (class_of(weight) <= last_class) continue;
    last = i;
    left -= weight;
    if (left < 0.0) return i;
  }
  for (size_t i = 0; i < n_kept; ++i) {
    last = candidates_[i];
    left -= weights_[static_cast<size_t>(last)];
    if (left < 0.0) return last;
  }
  return last;
}

}  // namespace pgenrm
