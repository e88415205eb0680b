// Lloyd's iterations over several starts.
#include "core/kmeans.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>
#include <numeric>
#include <vector>

#include "core/kmeans_start.h"
#include "core/nearest.h"
#include "core/simd.h"
#include "core/vectors.h"

namespace pgenrm {
namespace {

// Parts of the rows whose sums are taken while they are assigned, each row in the cache still; 0 where that does not pay:
// few rows a part, or sums that no cache holds. Never a matter of threads, for the order of a sum shows in its last bit.
size_t parts_of(size_t n_rows, size_t k, size_t dim) {
  constexpr size_t MOST_SUMS = 1 << 17;  // 1 MiB
  const size_t n = std::min<size_t>(64, n_rows / std::max<size_t>(1024, 20 * k));
  return n < 2 || k * dim > MOST_SUMS ? 0 : n;
}

class Lloyd {
 public:
  Lloyd(const KMeansRows& rows, size_t k, ThreadTeam& team)
      : rows_(rows),
        k_(k),
        team_(team),
        centres_(k * rows.dim),
        packed_(k, rows.dim),
        assignment_(rows.n),
        apart_(rows.n),
        n_parts_(parts_of(rows.n, k, rows.dim)),
        part_sums_(n_parts_ * k * rows.dim),
        order_(n_parts_ == 0 ? rows.n : 0),
        starts_(k + 1) {}

  // Returns the iterations it took.
  uint32_t run(Xoshiro128& random, uint32_t max_iterations, double least_shift) {
    kmeans_start(rows_, k_, random, team_, centres_.data());
    uint32_t iteration = 0;
    assign();
    while (iteration < max_iterations) {
      ++iteration;
      // Sums by parts know nothing of rows that went to empty centres since.
      const double shift = fill_empty() || n_parts_ == 0 ? move_to_means() : move_by_parts();
      const bool changed = assign();
      if (std::find(members_begin(), members_end(), 0u) != members_end()) continue;
      if (!changed || shift <= least_shift) break;
    }
    return iteration;
  }

  // Sum of squared distances, exact even where rows lie close to their centres.
  double inertia() {
    team_.ranges(rows_.n, [&](size_t begin, size_t end, size_t) {
      for (size_t i = begin; i < end; ++i) {
        apart_[i] = simd().l2_f32(rows_.vectors + i * rows_.dim, &centres_[assignment_[i] * rows_.dim], rows_.dim);
      }
    });
    return blocked_sum(apart_.data(), rows_.n);
  }

  const std::vector<float>& centres() const { return centres_; }
  const std::vector<uint32_t>& assignment() const { return assignment_; }

 private:
  std::vector<uint32_t>::iterator members_begin() { return members_.begin(); }
  std::vector<uint32_t>::iterator members_end() { return members_.end(); }

  // Gives every row its nearest centre, the lower number where two are as near. True where any row moved.
  bool assign() {
    packed_.pack(centres_.data());
    std::atomic<bool> moved{false};
    if (n_parts_ == 0) {
      team_.ranges(rows_.n, [&](size_t begin, size_t end, size_t) {
        if (assign(begin, end, nullptr)) moved = true;
      });
    } else {
      team_.chunks(n_parts_, 1, [&](size_t part, size_t, size_t) {
        double* sums = &part_sums_[part * k_ * rows_.dim];
        std::fill_n(sums, k_ * rows_.dim, 0.0);
        if (assign(rows_.n * part / n_parts_, rows_.n * (part + 1) / n_parts_, sums)) moved = true;
      });
    }
    members_.assign(k_, 0u);
    for (uint32_t centre : assignment_) ++members_[centre];
    return moved;
  }

  // The same for the rows from begin to end, which are added to the `sums` [k x dim] of their centres, unless null.
  bool assign(size_t begin, size_t end, double* sums) {
    constexpr size_t BLOCK = 240;  // rows between looks at what moved: whole tiles of every kernel
    std::vector<float> scratch;
    uint32_t best[BLOCK];
    bool moved = false;
    for (size_t row = begin; row < end; row += BLOCK) {
      const size_t count = std::min(BLOCK, end - row);
      packed_.nearest(rows_.vectors + row * rows_.dim, count, scratch, best, &apart_[row]);
      for (size_t r = 0; r < count; ++r) {
        moved = moved || assignment_[row + r] != best[r];
        assignment_[row + r] = best[r];
        apart_[row + r] = std::max(0.0f, apart_[row + r] + rows_.squares[row + r]);
        if (sums) simd().add_row(rows_.vectors + (row + r) * rows_.dim, rows_.dim, sums + best[r] * rows_.dim);
      }
    }
    return moved;
  }

  // An empty centre takes the row that lies farthest from its own, out of a centre that keeps another. True where any
  // was empty.
  bool fill_empty() {
    bool filled = false;
    for (size_t c = 0; c < k_; ++c) {
      if (members_[c] != 0) continue;
      filled = true;
      size_t farthest = rows_.n;
      for (size_t i = 0; i < rows_.n; ++i) {
        if (members_[assignment_[i]] > 1 && (farthest == rows_.n || apart_[i] > apart_[farthest])) farthest = i;
      }
      --members_[assignment_[farthest]];
      assignment_[farthest] = static_cast<uint32_t>(c);
      apart_[farthest] = 0;
      members_[c] = 1;
    }
    return filled;
  }

  // Centres become the means of their rows, summed in 64 bits in row order. Returns the squared shift.
  double move_to_means() {
    order_.resize(rows_.n);
    starts_[0] = 0;
    for (size_t c = 0; c < k_; ++c) starts_[c + 1] = starts_[c] + members_[c];
    std::vector<size_t> next(starts_.begin(), starts_.end() - 1);
    for (size_t i = 0; i < rows_.n; ++i) order_[next[assignment_[i]]++] = static_cast<uint32_t>(i);
    return move_centres([&](size_t c, double* sums) {
      simd().sum_rows(rows_.vectors, &order_[starts_[c]], members_[c], rows_.dim, sums);
    });
  }

  // The same, summed in row order within each part and then part by part.
  double move_by_parts() {
    return move_centres([&](size_t c, double* sums) {
      std::fill_n(sums, rows_.dim, 0.0);
      for (size_t part = 0; part < n_parts_; ++part) {
        const double* more = &part_sums_[(part * k_ + c) * rows_.dim];
        for (size_t j = 0; j < rows_.dim; ++j) sums[j] += more[j];
      }
    });
  }

  // `sum(c, sums)` writes the sum [dim] of the rows of centre c.
  template <class Sum>
  double move_centres(Sum&& sum) {
    std::vector<double> shifts(k_);
    team_.chunks(k_, 1, [&](size_t begin, size_t end, size_t) {
      std::vector<double> sums(rows_.dim);
      for (size_t c = begin; c < end; ++c) {
        sum(c, sums.data());
        double shift = 0;
        for (size_t j = 0; j < rows_.dim; ++j) {
          float& place = centres_[c * rows_.dim + j];
          const float mean = static_cast<float>(sums[j] / static_cast<double>(members_[c]));
          const double gap = static_cast<double>(mean) - place;
          shift += gap * gap;
          place = mean;
        }
        shifts[c] = shift;
      }
    });
    return std::accumulate(shifts.begin(), shifts.end(), 0.0);
  }

  const KMeansRows& rows_;
  size_t k_;
  ThreadTeam& team_;
  std::vector<float> centres_;
  PackedColumns packed_;
  std::vector<uint32_t> assignment_;
  std::vector<float> apart_;  // squared distance of each row to its centre
  size_t n_parts_;  // 0: sums are taken once all rows are assigned
  std::vector<double> part_sums_;  // [parts x k x dim]
  std::vector<uint32_t> order_, members_;
  std::vector<size_t> starts_;
};

// Mean over the columns of their variances.
double mean_variance(const float* vectors, size_t n_rows, size_t dim) {
  std::vector<double> sums(dim), squares(dim);
  for (size_t i = 0; i < n_rows; ++i) {
    for (size_t j = 0; j < dim; ++j) {
      const double value = vectors[i * dim + j];
      sums[j] += value;
      squares[j] += value * value;
    }
  }
  double total = 0;
  for (size_t j = 0; j < dim; ++j) {
    const double mean = sums[j] / static_cast<double>(n_rows);
    total += squares[j] / static_cast<double>(n_rows) - mean * mean;
  }
  return std::max(0.0, total / static_cast<double>(dim));
}

}  // namespace

Status kmeans_fit(const float* vectors, size_t n_rows, size_t dim, const KMeansParams& params, KMeansFit& out) {
  if (const Status status = check_finite(vectors, n_rows, dim); !status.ok()) return status;
  try {
    std::vector<float> squares(n_rows);
    for (size_t i = 0; i < n_rows; ++i) squares[i] = simd().dot_f32(vectors + i * dim, vectors + i * dim, dim);
    const KMeansRows rows{vectors, squares.data(), n_rows, dim};
    ThreadTeam team(thread_count(params.threads, (n_rows * dim * params.k >> 16) + 1));
    Lloyd lloyd(rows, params.k, team);
    const double least_shift = params.tolerance * mean_variance(vectors, n_rows, dim);
    out.total_iterations = 0;
    for (uint32_t restart = 0; restart < params.restarts; ++restart) {
      Xoshiro128 random(params.seed, restart);
      const uint32_t iterations = lloyd.run(random, params.max_iterations, least_shift);
      out.total_iterations += iterations;
      const double inertia = lloyd.inertia();
      if (restart > 0 && inertia >= out.inertia) continue;
      out.inertia = inertia;
      out.iterations = iterations;
      std::memcpy(out.centres, lloyd.centres().data(), params.k * dim * sizeof(float));
      std::memcpy(out.assignment, lloyd.assignment().data(), n_rows * sizeof(uint32_t));
    }
  } catch (const std::bad_alloc&) {
    return {Code::out_of_memory, 0};
  } catch (...) {
    return {Code::internal, 0};
  }
  return {};
}

}  // namespace pgenrm
