// The sampler against an obvious one that sorts every token: the same set of tokens, in proportion to their weights.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "engine/sampler.h"
#include "test/mock_decoder.h"

namespace {

using namespace pgenrm;

constexpr float kNever = -std::numeric_limits<float>::infinity();

// Probabilities of all tokens, those outside min-p and the nucleus 0.
std::vector<double> expected(const std::vector<float>& logits, const SamplingParameters& parameters) {
  const size_t n = logits.size();
  const float best = *std::ranges::max_element(logits);
  std::vector<double> weights(n, 0.0);
  for (size_t i = 0; i < n; ++i) {
    const double weight = std::exp((static_cast<double>(logits[i]) - best) / parameters.temperature);
    if (weight >= parameters.min_p) weights[i] = weight;
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return weights[a] > weights[b]; });
  double mass = 0.0;
  for (const size_t i : order) {
    if (mass >= parameters.top_p * total) weights[i] = 0.0;
    mass += weights[i];
  }
  const double kept = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= kept;
  return weights;
}

void draws_in_proportion(uint32_t seed) {
  std::mt19937 random(seed);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  const int n_vocab = pick(0, 1) == 0 ? pick(1, 40) : pick(1000, 3000);
  std::normal_distribution<float> normal(0.0f, static_cast<float>(pick(1, 6)));
  std::vector<float> logits(static_cast<size_t>(n_vocab));
  for (float& logit : logits) logit = pick(0, 9) == 0 ? kNever : normal(random);
  logits[static_cast<size_t>(pick(0, n_vocab - 1))] = 3.0f;
  SamplingParameters parameters;
  parameters.temperature = 0.5f + static_cast<float>(pick(0, 3)) * 0.5f;
  if (pick(0, 1) == 0) parameters.top_p = static_cast<float>(pick(5, 99)) / 100.0f;
  if (pick(0, 2) == 0) parameters.min_p = static_cast<float>(pick(1, 30)) / 100.0f;

  const std::vector<double> wanted = expected(logits, parameters);
  const int n_draws = 4000;
  std::vector<int> counts(logits.size(), 0);
  Sampler sampler;
  for (int i = 0; i < n_draws; ++i) {
    // Evenly spread, so that counts follow the probabilities to within one draw a boundary.
    const int32_t token = sampler.sample(logits.data(), n_vocab, parameters, (i + 0.5) / n_draws);
    EXPECT(token >= 0 && token < n_vocab);
    EXPECT(logits[static_cast<size_t>(token)] > kNever);
    counts[static_cast<size_t>(token)] += 1;
  }
  for (size_t i = 0; i < logits.size(); ++i) {
    // A token at the very edge of the nucleus may fall on either side of it by rounding.
    const bool edge = wanted[i] > 0.0 && wanted[i] < 2e-3;
    if (wanted[i] == 0.0 && counts[i] > 0) EXPECT(counts[i] <= n_draws / 400);
    if (!edge) EXPECT(std::abs(counts[i] - wanted[i] * n_draws) <= 2.0 + 2e-3 * n_draws);
  }
}

void takes_the_ends_of_the_range() {
  Sampler sampler;
  std::vector<float> logits(2500, kNever);
  EXPECT(sampler.sample(logits.data(), 2500, {}, 0.5) == -1);
  logits[1500] = -4.0f;
  const double largest = 1.0 - 0x1.0p-53;
  for (const double uniform : {0.0, 0.5, largest}) {
    for (const float top_p : {1.0f, 0.5f}) {
      EXPECT(sampler.sample(logits.data(), 2500, {1.0f, top_p, 0.0f}, uniform) == 1500);
      EXPECT(sampler.sample(logits.data(), 2500, {0.0f, top_p, 0.0f}, uniform) == 1500);
    }
  }
  logits[7] = logits[1500];
  EXPECT(sampler.sample(logits.data(), 2500, {}, 0.0) == 7);
  EXPECT(sampler.sample(logits.data(), 2500, {}, largest) == 1500);
  logits[3] = std::numeric_limits<float>::quiet_NaN();
  for (const double uniform : {0.0, 0.3, 0.7, largest}) {
    const int32_t token = sampler.sample(logits.data(), 2500, {}, uniform);
    EXPECT(token == 7 || token == 1500);
  }
}

void uniforms_are_uniform() {
  double sum = 0.0;
  for (uint64_t i = 0; i < 10000; ++i) {
    const double x = uniform_at(42, i);
    EXPECT(x >= 0.0 && x < 1.0);
    EXPECT(x == uniform_at(42, i));
    EXPECT(x != uniform_at(43, i));
    sum += x;
  }
  EXPECT(std::abs(sum / 10000 - 0.5) < 0.02);
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t n_runs = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 200;
  takes_the_ends_of_the_range();
  uniforms_are_uniform();
  for (uint32_t seed = 1; seed <= n_runs; ++seed) draws_in_proportion(seed);
  std::printf("sampler: %u random distributions\n", n_runs);
  return 0;
}
