// First centres for k-means: each drawn with odds by squared distance to the nearest before it.
// Source: Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding".
#include "core/kmeans_start.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/simd.h"

namespace pgenrm {
namespace {

// Row whose share of `odds` holds the point u * total.
size_t drawn_row(const std::vector<float>& odds, double total, double u) {
  const double point = u * total;
  double passed = 0;
  for (size_t begin = 0; begin < odds.size(); begin += KMEANS_BLOCK) {
    const size_t end = std::min(begin + KMEANS_BLOCK, odds.size());
    double block = 0;
    for (size_t i = begin; i < end; ++i) block += odds[i];
    if (passed + block > point) {
      double inside = 0;
      for (size_t i = begin; i < end; ++i) {
        inside += odds[i];
        if (passed + inside > point) return i;
      }
    }
    passed += block;
  }
  return odds.size() - 1;
}

// out[t * n + i]: the squared distance of row i to candidate t, or closest[i] where that is less.
void capped_distances(const KMeansRows& rows, const float* candidates, const float* candidate_squares,
                      size_t n_candidates, const float* closest, ThreadTeam& team, float* out) {
  team.ranges((rows.n + 3) / 4, [&](size_t begin, size_t end, size_t) {
    std::vector<float> dots(4 * n_candidates);
    for (size_t block = begin; block < end; ++block) {
      const size_t row = block * 4;
      const size_t count = std::min<size_t>(4, rows.n - row);
      simd().dots_block(rows.vectors + row * rows.dim, count, candidates, n_candidates, rows.dim, dots.data(),
                        n_candidates);
      for (size_t r = 0; r < count; ++r) {
        for (size_t t = 0; t < n_candidates; ++t) {
          const float apart =
              std::max(0.0f, rows.squares[row + r] + candidate_squares[t] - 2.0f * dots[r * n_candidates + t]);
          out[t * rows.n + row + r] = closest ? std::min(apart, closest[row + r]) : apart;
        }
      }
    }
  });
}

}  // namespace

double blocked_sum(const float* values, size_t n) {
  double total = 0;
  for (size_t begin = 0; begin < n; begin += KMEANS_BLOCK) {
    double block = 0;
    for (size_t i = begin; i < std::min(begin + KMEANS_BLOCK, n); ++i) block += values[i];
    total += block;
  }
  return total;
}

void kmeans_start(const KMeansRows& rows, size_t k, Xoshiro128& random, ThreadTeam& team, float* centres) {
  const size_t dim = rows.dim;
  const size_t n_trials = 2 + static_cast<size_t>(std::log(static_cast<double>(k)));
  std::vector<float> closest(rows.n);
  std::vector<float> trials(n_trials * rows.n);
  std::vector<float> candidates(n_trials * dim);
  std::vector<float> candidate_squares(n_trials);

  const uint32_t first = random.below(static_cast<uint32_t>(rows.n));
  std::memcpy(centres, rows.vectors + first * dim, dim * sizeof(float));
  capped_distances(rows, centres, &rows.squares[first], 1, nullptr, team, closest.data());

  for (size_t c = 1; c < k; ++c) {
    const double total = blocked_sum(closest.data(), rows.n);
    for (size_t t = 0; t < n_trials; ++t) {
      const size_t row =
          total > 0 ? drawn_row(closest, total, random.uniform()) : random.below(static_cast<uint32_t>(rows.n));
      std::memcpy(&candidates[t * dim], rows.vectors + row * dim, dim * sizeof(float));
      candidate_squares[t] = rows.squares[row];
    }
    capped_distances(rows, candidates.data(), candidate_squares.data(), n_trials, closest.data(), team, trials.data());
    size_t best = 0;
    double best_total = 0;
    for (size_t t = 0; t < n_trials; ++t) {
      const double left = blocked_sum(&trials[t * rows.n], rows.n);
      if (t == 0 || left < best_total) {
        best = t;
        best_total = left;
      }
    }
    std::memcpy(centres + c * dim, &candidates[best * dim], dim * sizeof(float));
    std::memcpy(closest.data(), &trials[best * rows.n], rows.n * sizeof(float));
  }
}

}  // namespace pgenrm
