// Unit rows, distances and exact search.
#include "core/vectors.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "core/simd.h"
#include "core/top_k.h"

namespace pgenrm {
namespace {

// Rows of one tile of exact search: small enough that four queries find it in the cache.
constexpr size_t TILE_ROWS = 256;

}  // namespace

Status check_finite(const float* rows, size_t n_rows, size_t dim) {
  for (size_t r = 0; r < n_rows; ++r) {
    const float* row = rows + r * dim;
    // A sum of zeroes stays zero; NaN and infinity times zero do not.
    float sum = 0;
    for (size_t i = 0; i < dim; ++i) sum += row[i] * 0.0f;
    if (sum != 0.0f) return {Code::not_finite, r};
  }
  return {};
}

bool normalise_row(float* row, size_t dim) {
  double squares = 0;
  for (size_t i = 0; i < dim; ++i) squares += static_cast<double>(row[i]) * row[i];
  if (!(squares > 0)) return false;
  const double length = std::sqrt(squares);
  for (size_t i = 0; i < dim; ++i) row[i] = static_cast<float>(row[i] / length);
  return true;
}

Status normalise_rows(float* rows, size_t n_rows, size_t dim) {
  if (const Status status = check_finite(rows, n_rows, dim); !status.ok()) return status;
  for (size_t r = 0; r < n_rows; ++r) {
    if (!normalise_row(rows + r * dim, dim)) return {Code::zero_vector, r};
  }
  return {};
}

void distances(Metric metric, const float* queries, size_t n_queries, const float* rows, size_t n_rows, size_t dim,
               float* out) {
  const SimdKernels& kernels = simd();
  if (metric == Metric::l2) {
    for (size_t q = 0; q < n_queries; ++q) {
      for (size_t r = 0; r < n_rows; ++r) {
        out[q * n_rows + r] = kernels.l2_f32(queries + q * dim, rows + r * dim, dim);
      }
    }
    return;
  }
  for (size_t q = 0; q < n_queries; q += 4) {
    const size_t n = std::min<size_t>(4, n_queries - q);
    for (size_t r = 0; r < n_rows; r += TILE_ROWS) {
      const size_t n_tile = std::min(TILE_ROWS, n_rows - r);
      kernels.dots_block(queries + q * dim, n, rows + r * dim, n_tile, dim, out + q * n_rows + r, n_rows);
    }
  }
  for (size_t i = 0; i < n_queries * n_rows; ++i) out[i] = 1.0f - out[i];
}

void exact_search(Metric metric, const float* queries, size_t n_queries, const float* rows, size_t n_rows, size_t dim,
                  size_t k, uint32_t threads, uint32_t* labels, float* out_distances) {
  ThreadTeam team(thread_count(threads, (n_queries + 3) / 4));
  team.chunks(n_queries, 4, [&](size_t begin, size_t end, size_t) {
    std::vector<float> tile(4 * TILE_ROWS);
    std::vector<TopK> best(end - begin, TopK(k));
    for (size_t r = 0; r < n_rows; r += TILE_ROWS) {
      const size_t n_tile = std::min(TILE_ROWS, n_rows - r);
      distances(metric, queries + begin * dim, end - begin, rows + r * dim, n_tile, dim, tile.data());
      for (size_t q = begin; q < end; ++q) {
        const float* found = tile.data() + (q - begin) * n_tile;
        for (size_t i = 0; i < n_tile; ++i) best[q - begin].offer(found[i], static_cast<uint32_t>(r + i));
      }
    }
    for (size_t q = begin; q < end; ++q) best[q - begin].write(labels + q * k, out_distances + q * k);
  });
}

}  // namespace pgenrm
