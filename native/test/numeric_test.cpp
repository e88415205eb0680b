// The numeric kernels against slow answers, at every length and on any number of threads.
// One argument: how many random rounds.
#include <cmath>
#include <cstring>
#include <vector>

#include "core/kmeans.h"
#include "core/refine.h"
#include "core/resample.h"
#include "core/simd.h"
#include "test/expect.h"
#include "test/made_vectors.h"

namespace {

using namespace pgenrm;
using namespace pgenrm::test;

bool near(double a, double b, double scale) { return std::fabs(a - b) <= 2e-6 * std::max(1.0, scale); }

// Every set that this machine runs, at one length; each array ends where its memory does.
void check_simd(size_t n, uint32_t seed) {
  Xoshiro128 random(seed, 1);
  std::vector<float> a(n), b(n);
  std::vector<uint16_t> half_a(n), half_b(n);
  std::vector<int8_t> code_a(n), code_b(n);
  int32_t codes = 0, sum_b = 0;
  double dot_halves = 0, l2_halves = 0;
  for (size_t i = 0; i < n; ++i) {
    a[i] = static_cast<float>(random.uniform() * 2 - 1);
    b[i] = static_cast<float>(random.uniform() * 2 - 1);
    half_a[i] = f32_to_f16(a[i]);
    half_b[i] = f32_to_f16(b[i]);
    const double x = f16_to_f32(half_a[i]), y = f16_to_f32(half_b[i]);
    dot_halves += x * y;
    l2_halves += (x - y) * (x - y);
    code_a[i] = static_cast<int8_t>(static_cast<int32_t>(random.below(255)) - 127);
    code_b[i] = static_cast<int8_t>(static_cast<int32_t>(random.below(255)) - 127);
    codes += code_a[i] * code_b[i];
    sum_b += code_b[i];
  }
  for (const SimdKernels* set : {simd_baseline(), simd_avx2(), simd_avx512(), simd_neon()}) {
    if (set == nullptr) continue;
    const auto scale = static_cast<double>(n);
    EXPECT(near(set->dot_f32(a.data(), b.data(), n), slow_dot(a.data(), b.data(), n), scale));
    EXPECT(near(set->l2_f32(a.data(), b.data(), n), slow_l2(a.data(), b.data(), n), scale));
    EXPECT(near(set->dot_f16(half_a.data(), half_b.data(), n), dot_halves, scale));
    EXPECT(near(set->l2_f16(half_a.data(), half_b.data(), n), l2_halves, scale));
    EXPECT(set->dot_int8(code_a.data(), code_b.data(), n, sum_b) == codes);
    std::vector<float> y = b;
    set->axpy(0.5f, a.data(), y.data(), n);
    for (size_t i = 0; i < n; ++i) EXPECT(near(y[i], b[i] + 0.5 * a[i], 1));
  }
}

void check_block(size_t dim, uint32_t seed) {
  for (size_t n_rows = 1; n_rows <= 4; ++n_rows) {
    const size_t n_columns = 1 + seed % 11;
    const std::vector<float> rows = clustered_rows(n_rows, dim, seed);
    const std::vector<float> columns = clustered_rows(n_columns, dim, seed + 1);
    for (const SimdKernels* set : {simd_baseline(), simd_avx2(), simd_avx512(), simd_neon()}) {
      if (set == nullptr) continue;
      std::vector<float> out(n_rows * n_columns);
      set->dots_block(rows.data(), n_rows, columns.data(), n_columns, dim, out.data(), n_columns);
      for (size_t r = 0; r < n_rows; ++r) {
        for (size_t c = 0; c < n_columns; ++c) {
          const double truth = slow_dot(&rows[r * dim], &columns[c * dim], dim);
          EXPECT(near(out[r * n_columns + c], truth, static_cast<double>(dim)));
        }
      }
    }
  }
}

// Nearest columns of tiles as every set computes them, ties and panels that are not full among them.
void check_nearest(size_t dim, uint32_t seed) {
  const size_t n_columns = 1 + seed * 7 % 70;
  for (const SimdKernels* set : {simd_baseline(), simd_avx2(), simd_avx512(), simd_neon()}) {
    if (set == nullptr) continue;
    const auto [n_rows, width, run] = set->nearest;
    const size_t n_panels = (n_columns + width - 1) / width;
    const std::vector<float> rows = clustered_rows(n_rows, dim, seed);
    std::vector<float> columns = clustered_rows(n_columns, dim, seed + 1);
    // The last column is the first again: what is nearest to the one is as near to the other.
    std::memcpy(&columns[(n_columns - 1) * dim], &columns[0], dim * sizeof(float));
    std::vector<float> panels(n_panels * dim * width), offsets(n_panels * width, INFINITY);
    for (size_t c = 0; c < n_columns; ++c) {
      for (size_t i = 0; i < dim; ++i) panels[(c / width * dim + i) * width + c % width] = columns[c * dim + i];
      offsets[c] = static_cast<float>(slow_dot(&columns[c * dim], &columns[c * dim], dim));
    }
    std::vector<uint32_t> best(n_rows);
    std::vector<float> least(n_rows);
    run(rows.data(), dim, panels.data(), offsets.data(), n_panels, dim, best.data(), least.data());
    for (size_t r = 0; r < n_rows; ++r) {
      const double own = slow_dot(&rows[r * dim], &rows[r * dim], dim);
      double nearest = INFINITY;
      for (size_t c = 0; c < n_columns; ++c) {
        nearest = std::min(nearest, slow_l2(&rows[r * dim], &columns[c * dim], dim));
      }
      EXPECT(best[r] + 1 < n_columns || n_columns == 1);
      EXPECT(near(slow_l2(&rows[r * dim], &columns[best[r] * dim], dim), nearest, static_cast<double>(dim)));
      EXPECT(near(least[r] + own, nearest, static_cast<double>(dim)));
    }
  }
}

// The same sums to the last bit, from every set.
void check_sum_rows(size_t dim, uint32_t seed) {
  const size_t n = 1 + seed % 13;
  const std::vector<float> rows = clustered_rows(n, dim, seed);
  std::vector<uint32_t> order(2 * n);
  Xoshiro128 random(seed, 4);
  for (uint32_t& row : order) row = random.below(static_cast<uint32_t>(n));
  std::vector<double> truth(dim);
  for (const uint32_t row : order) {
    for (size_t j = 0; j < dim; ++j) truth[j] += rows[row * dim + j];
  }
  for (const SimdKernels* set : {simd_baseline(), simd_avx2(), simd_avx512(), simd_neon()}) {
    if (set == nullptr) continue;
    std::vector<double> sums(dim, 7.0);
    set->sum_rows(rows.data(), order.data(), order.size(), dim, sums.data());
    EXPECT(sums == truth);
  }
}

void check_exact_search(uint32_t seed) {
  const size_t n = 700, n_queries = 33, dim = 19, k = 7;
  const Metric metric = seed % 2 ? Metric::l2 : Metric::cosine;
  std::vector<float> rows = clustered_rows(n, dim, seed), queries = clustered_rows(n_queries, dim, seed + 1);
  if (metric == Metric::cosine) {
    EXPECT(normalise_rows(rows.data(), n, dim).ok() && normalise_rows(queries.data(), n_queries, dim).ok());
  }
  std::vector<uint32_t> labels(n_queries * k);
  std::vector<float> distances(n_queries * k);
  exact_search(metric, queries.data(), n_queries, rows.data(), n, dim, k, 4, labels.data(), distances.data());
  for (size_t q = 0; q < n_queries; ++q) {
    std::vector<double> truth(n);
    for (size_t i = 0; i < n; ++i) truth[i] = slow_distance(metric, &queries[q * dim], &rows[i * dim], dim);
    std::vector<double> sorted = truth;
    std::sort(sorted.begin(), sorted.end());
    for (size_t i = 0; i < k; ++i) {
      EXPECT(near(distances[q * k + i], sorted[i], 1));
      EXPECT(near(truth[labels[q * k + i]], sorted[i], 1));
    }
  }
}

// Of 2048 rows and more sums are taken by parts.
void check_kmeans(uint32_t seed, size_t n) {
  const size_t dim = 5 + seed % 40, k = 2 + seed % 15;
  std::vector<float> rows = clustered_rows(n, dim, seed);
  // Rows that repeat leave centres without members of their own.
  for (size_t i = 0; i < n / 3; ++i) std::memcpy(&rows[i * dim], &rows[0], dim * sizeof(float));
  std::vector<float> first;
  std::vector<uint32_t> first_assignment;
  for (const uint32_t threads : {1u, 4u}) {
    std::vector<float> centres(k * dim);
    std::vector<uint32_t> assignment(n);
    KMeansFit fit{centres.data(), assignment.data(), 0, 0, 0};
    EXPECT(kmeans_fit(rows.data(), n, dim, {k, seed, 3, 50, 1e-4, threads}, fit).ok());
    double inertia = 0;
    for (size_t i = 0; i < n; ++i) {
      const double own = slow_l2(&rows[i * dim], &centres[assignment[i] * dim], dim);
      for (size_t c = 0; c < k; ++c) EXPECT(own <= slow_l2(&rows[i * dim], &centres[c * dim], dim) + 1e-4);
      inertia += own;
    }
    EXPECT(std::fabs(inertia - fit.inertia) <= 1e-4 * std::max(1.0, inertia));
    if (first.empty()) {
      first = centres;
      first_assignment = assignment;
    }
    EXPECT(first == centres && first_assignment == assignment);
  }
}

void check_resampling(uint32_t seed) {
  // Enough draws that every thread gets some.
  const size_t n = 3000, n_rounds = 400;
  Xoshiro128 random(seed, 3);
  std::vector<double> sums(n), counts(n, 1.0);
  for (double& x : sums) x = random.uniform() - 0.4;
  std::vector<double> one(n_rounds), many(n_rounds);
  const ClusterSums clusters{sums.data(), counts.data(), n};
  bootstrap_means(clusters, n_rounds, seed, 1, one.data());
  bootstrap_means(clusters, n_rounds, seed, 4, many.data());
  EXPECT(one == many);
  const PermutationTest a = permutation_test(clusters, n_rounds, seed, 1);
  const PermutationTest b = permutation_test(clusters, n_rounds, seed, 4);
  EXPECT(a.difference == b.difference && a.p_value == b.p_value);
}

void check_refinement(uint32_t seed) {
  const size_t dim = 130, n_rows = 9, n_prototypes = 2, n_events = 2 * n_rows;
  const auto unit = [&](size_t n, uint32_t stream) {
    std::vector<float> rows = clustered_rows(n, dim, seed * 16 + stream);
    EXPECT(normalise_rows(rows.data(), n, dim).ok());
    return rows;
  };
  const auto query = unit(n_rows, 1), chosen = unit(n_rows, 2), rejected = unit(n_rows, 3);
  const auto h = unit(n_events, 4), better = unit(n_events, 5), worse = unit(n_events, 6);
  std::vector<uint32_t> assignment(n_rows), start(n_rows + 1);
  for (size_t i = 0; i < n_rows; ++i) {
    assignment[i] = i % n_prototypes;
    // The first row has no history.
    start[i + 1] = static_cast<uint32_t>(2 * i);
  }
  std::vector<float> first;
  for (const uint32_t threads : {1u, 3u}) {
    const RefinementData data{dim,           n_prototypes, n_rows,   assignment.data(), query.data(),  chosen.data(),
                              rejected.data(), start.data(), h.data(), better.data(),     worse.data()};
    const RefinementParams params{2, 4, 1e-3f, 0.01f, 0.5f, 1.0f, 1.0f, threads};
    std::vector<float> prototypes = unit(n_prototypes, 7);
    std::vector<float> weights(WeightLayout(dim).total);
    Xoshiro128 random(seed, 9);
    for (float& w : weights) w = static_cast<float>(random.uniform() - 0.5) * 0.1f;
    std::vector<double> losses(2 * (2 + 1));
    EXPECT(refine_prototypes(data, params, prototypes.data(), weights.data(), losses.data()).ok());
    for (const double loss : losses) EXPECT(std::isfinite(loss) && loss > 0);
    for (size_t p = 0; p < n_prototypes; ++p) {
      EXPECT(near(slow_dot(&prototypes[p * dim], &prototypes[p * dim], dim), 1, 1));
    }
    if (first.empty()) first = prototypes;
    for (size_t i = 0; i < first.size(); ++i) EXPECT(near(first[i], prototypes[i], 1));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto rounds = static_cast<uint32_t>(argc > 1 ? std::atoi(argv[1]) : 10);
  for (size_t n = 0; n <= 150; ++n) check_simd(n, static_cast<uint32_t>(n));
  for (uint32_t round = 0; round < rounds; ++round) {
    check_simd(151 + 97 * round, round);
    check_block(1 + (round * 37) % 200, round);
    check_nearest(1 + (round * 37) % 200, round);
    check_sum_rows(1 + (round * 37) % 200, round);
    check_exact_search(round);
    check_kmeans(round, 400 + round % 300);
    check_kmeans(round, 2048 + round * 300 % 2000);
    check_resampling(round);
    check_refinement(round);
  }
  std::printf("numeric kernels: %u random rounds\n", rounds);
}
