// Draws the next token from logits: temperature, min-p, top-p, then one uniform number.
// The number depends on the seed and the token's index alone, never on what else is in flight.
#pragma once

#include <cstdint>
#include <vector>

namespace pgenrm {

struct SamplingParameters {
  float temperature = 1.0f;  // 0 takes the most probable token
  float top_p = 1.0f;        // (0, 1]; 1 switches it off
  float min_p = 0.0f;        // [0, 1]; 0 switches it off
};

// Uniform in [0, 1) as a pure function of (seed, index); 53 random bits.
double uniform_at(uint32_t seed, uint64_t index);

// log of the sum of exp(logit / temperature); at temperature 0 the greatest logit. NaN where a logit is NaN or infinite above.
double log_sum_exp(const float* logits, int32_t n_vocab, double temperature);

class Sampler {
 public:
  // Draws from logits [n_vocab]; `uniform` is in [0, 1). Tokens of logit -inf are never drawn
  // unless every token is -inf, which gives -1.
  int32_t sample(const float* logits, int32_t n_vocab, const SamplingParameters& parameters, double uniform);

 private:
  int32_t sample_nucleus(int32_t n_vocab, float top_p, double total, double uniform);

  std::vector<float> weights_;     // exp((logit - max) / temperature), [n_vocab], or of one block
  std::vector<double> sums_;       // of the weights of each block
  std::vector<double> masses_;     // sums of weights by class, for the nucleus
  std::vector<int32_t> candidates_;  // tokens of the class in which the nucleus ends
};

}  // namespace pgenrm
