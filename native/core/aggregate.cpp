// Weighted means, medians and trimmed means over usable chains; wins and ties.
#include "core/aggregate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace pgenrm {
namespace {

struct Weighted {
  double value;
  double weight;
};

bool all_finite(const double* row, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (!std::isfinite(row[i])) return false;
  }
  return true;
}

std::vector<size_t> usable_chains(const LevelScores& level, size_t n_candidates) {
  std::vector<size_t> usable;
  for (size_t i = 0; i < level.n_chains; ++i) {
    if (level.weights[i] > 0 && all_finite(level.scores + i * n_candidates, n_candidates)) usable.push_back(i);
  }
  return usable;
}

double weighted_mean(const Weighted* values, size_t n) {
  double sum = 0;
  double total = 0;
  for (size_t i = 0; i < n; ++i) {
    const double product = values[i].value * values[i].weight;
    sum += product;
    total += values[i].weight;
  }
  return sum / total;
}

// The least value at which half of the weight is passed; the mean of two where exactly half is reached.
double weighted_median(const std::vector<Weighted>& sorted) {
  double total = 0;
  for (const auto& entry : sorted) total += entry.weight;
  double passed = 0;
  for (size_t i = 0; i + 1 < sorted.size(); ++i) {
    passed += sorted[i].weight;
    if (passed * 2 > total) return sorted[i].value;
    if (passed * 2 == total) return (sorted[i].value + sorted[i + 1].value) / 2;
  }
  return sorted.back().value;
}

void level_scores(const LevelScores& level, const std::vector<size_t>& usable, const AggregateParams& params,
                  double* out) {
  std::vector<Weighted> values(usable.size());
  for (size_t c = 0; c < params.n_candidates; ++c) {
    if (usable.empty()) {
      out[c] = std::numeric_limits<double>::quiet_NaN();
      continue;
    }
    for (size_t i = 0; i < usable.size(); ++i) {
      values[i] = {level.scores[usable[i] * params.n_candidates + c], level.weights[usable[i]]};
    }
    if (params.method != AggregateMethod::mean) {
      std::stable_sort(values.begin(), values.end(),
                       [](const Weighted& a, const Weighted& b) { return a.value < b.value; });
    }
    if (params.method == AggregateMethod::median) {
      out[c] = weighted_median(values);
    } else {
      const size_t cut = params.method == AggregateMethod::trimmed
                             ? static_cast<size_t>(std::floor(params.trim * static_cast<double>(values.size())))
                             : 0;
      out[c] = weighted_mean(values.data() + cut, values.size() - 2 * cut);
    }
  }
}

}  // namespace

void aggregate_scores(const LevelScores& individual, const LevelScores& prototype, const AggregateParams& params,
                      Aggregate& out) {
  const auto own = usable_chains(individual, params.n_candidates);
  const auto similar = usable_chains(prototype, params.n_candidates);
  level_scores(individual, own, params, out.individual);
  level_scores(prototype, similar, params, out.prototype);
  for (size_t c = 0; c < params.n_candidates; ++c) {
    if (similar.empty()) {
      out.scores[c] = out.individual[c];
    } else if (own.empty()) {
      out.scores[c] = out.prototype[c];
    } else {
      const double from_own = params.individual_share * out.individual[c];
      const double from_similar = (1 - params.individual_share) * out.prototype[c];
      out.scores[c] = from_own + from_similar;
    }
  }
  out.n_usable_individual = static_cast<uint32_t>(own.size());
  out.n_usable_prototype = static_cast<uint32_t>(similar.size());
}

void count_wins(const double* scores, size_t n_chains, size_t n_candidates, double tolerance, WinCounts& out) {
  std::fill(out.wins, out.wins + n_candidates, 0u);
  out.n_ties = 0;
  out.n_unusable = 0;
  for (size_t i = 0; i < n_chains; ++i) {
    const double* row = scores + i * n_candidates;
    if (!all_finite(row, n_candidates)) {
      ++out.n_unusable;
      continue;
    }
    const double* best = std::max_element(row, row + n_candidates);
    const auto near = std::count_if(row, row + n_candidates, [&](double score) { return *best - score <= tolerance; });
    if (near > 1) {
      ++out.n_ties;
    } else {
      ++out.wins[best - row];
    }
  }
}

}  // namespace pgenrm
