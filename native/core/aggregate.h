// Scores of chains become one score per candidate; chains are counted by who wins them.
// Sums run in the order of the chains, so that every implementation agrees to the last bit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pgenrm {

enum class AggregateMethod : int32_t { mean = 0, median = 1, trimmed = 2 };

struct LevelScores {
  const double* scores;   // [n_chains x n_candidates]
  const double* weights;  // [n_chains]
  size_t n_chains;
};

struct AggregateParams {
  size_t n_candidates;
  AggregateMethod method;
  double trim;
  double individual_share;
};

struct Aggregate {
  double* scores;      // [n_candidates]
  double* individual;  // [n_candidates]
  double* prototype;   // [n_candidates]
  uint32_t n_usable_individual;
  uint32_t n_usable_prototype;
};

void aggregate_scores(const LevelScores& individual, const LevelScores& prototype, const AggregateParams& params,
                      Aggregate& out);

struct WinCounts {
  uint32_t* wins;  // [n_candidates]
  uint32_t n_ties;
  uint32_t n_unusable;
};

void count_wins(const double* scores, size_t n_chains, size_t n_candidates, double tolerance, WinCounts& out);

}  // namespace pgenrm
