// Attention over cells of a KV cache, a block of them at a time: products with the keys, their softmax so far, the sum of
// values. Included by the simd_*.cpp files after core/simd_lanes.h; see there what `Lanes` is, and
//   splat(x), mul(a, b), max(a, b), largest(a), store(p, v), nearest_whole(a), times_power(a, n) = a * 2^n for whole n,
//   all_sums(v) = sum(v[0]), sum(v[1]), ... of WIDTH registers,
//   VALUES_OF_FOUR (registers of a value that four queries are weighed with at a time).

#include <bit>

#include "core/attention.h"

namespace pgenrm {
namespace {

// Keys or values of a block: where number i of them begins.
struct ConvertedCells {
  const float* first;
  size_t stride;
  const float* at(size_t i) const { return first + i * stride; }
};
struct ListedCells {
  const uint16_t* first;
  size_t stride;
  const uint32_t* cells;
  const uint16_t* at(size_t i) const { return first + cells[i] * stride; }
};

// One query of a group, all heads and rows alike.
struct AttentionQuery {
  const float* query;  // scaled
  float* sum;          // of values, by their weights
  float greatest = -std::numeric_limits<float>::infinity();  // product so far
  float weight = 0;                                          // sum of the weights so far
};

// e^x for x <= 0, to 2 units in the last place; of less than -87 as of that, which is next to nothing.
template <class Lanes>
PGENRM_TARGET inline typename Lanes::Vec lanes_exp(typename Lanes::Vec x) {
  const auto least = Lanes::splat(-87.0f);
  x = Lanes::max(x, least);
  const auto n = Lanes::nearest_whole(Lanes::mul(x, Lanes::splat(1.44269504f)));
  auto r = Lanes::fma(n, Lanes::splat(-0.693359375f), x);
  r = Lanes::fma(n, Lanes::splat(2.12194440e-4f), r);
  auto p = Lanes::splat(1.0f / 720);
  p = Lanes::fma(p, r, Lanes::splat(1.0f / 120));
  p = Lanes::fma(p, r, Lanes::splat(1.0f / 24));
  p = Lanes::fma(p, r, Lanes::splat(1.0f / 6));
  p = Lanes::fma(p, r, Lanes::splat(0.5f));
  p = Lanes::fma(p, r, Lanes::splat(1.0f));
  p = Lanes::fma(p, r, Lanes::splat(1.0f));
  return Lanes::times_power(p, n);
}

// products[q][i] = query q . key i, for N queries and n keys; up to WIDTH - 1 numbers beyond n are written too.
template <class Lanes, size_t N, class Cells>
PGENRM_TARGET inline __attribute__((always_inline)) void lanes_products(const AttentionQuery* queries, const Cells& keys,
                                                                        size_t n, size_t dim,
                                                                        float (*products)[ATTENTION_BLOCK]) {
  constexpr size_t W = Lanes::WIDTH, C = W / N;
  for (size_t i = 0; i < n; i += C) {
    typename Lanes::Vec sums[W];
    decltype(keys.at(0)) key[C];
#pragma GCC unroll 16
    for (size_t c = 0; c < C; ++c) key[c] = keys.at(i + c < n ? i + c : n - 1);
#pragma GCC unroll 16
    for (size_t k = 0; k < W; ++k) sums[k] = Lanes::zero();
    for (size_t d = 0; d < dim; d += W) {
      typename Lanes::Vec left[N];
#pragma GCC unroll 4
      for (size_t q = 0; q < N; ++q) left[q] = Lanes::load(queries[q].query + d);
#pragma GCC unroll 16
      for (size_t c = 0; c < C; ++c) {
        const auto right = Lanes::load(key[c] + d);
#pragma GCC unroll 4
        for (size_t q = 0; q < N; ++q) sums[q * C + c] = Lanes::fma(left[q], right, sums[q * C + c]);
      }
    }
    const auto all = Lanes::all_sums(sums);
    if constexpr (N == 1) {
      Lanes::store(products[0] + i, all);
    } else {
      alignas(64) float each[W];
      Lanes::store(each, all);
#pragma GCC unroll 4
      for (size_t q = 0; q < N; ++q) std::memcpy(products[q] + i, each + q * C, C * sizeof(float));
    }
  }
}

// Products become weights beside the greatest product so far; what was summed before shrinks to the same measure.
template <class Lanes>
PGENRM_TARGET inline void lanes_weights(AttentionQuery& query, size_t n, size_t value_dim, float* products) {
  constexpr size_t W = Lanes::WIDTH;
  const size_t padded = (n + W - 1) / W * W;
  for (size_t i = n; i < padded; ++i) products[i] = -std::numeric_limits<float>::infinity();
  auto greatest = Lanes::load(products);
  for (size_t i = W; i < padded; i += W) greatest = Lanes::max(greatest, Lanes::load(products + i));
  const float before = query.greatest;
  const float now = Lanes::largest(greatest);
  if (now > before) {
    query.greatest = now;
    const float shrinks = query.weight > 0 ? std::exp(before - now) : 0.0f;
    query.weight *= shrinks;
    for (size_t d = 0; d < value_dim; d += W) {
      Lanes::store(query.sum + d, Lanes::mul(Lanes::load(query.sum + d), Lanes::splat(shrinks)));
    }
  }
  const auto base = Lanes::splat(query.greatest);
  auto weight = Lanes::zero();
  for (size_t i = 0; i < padded; i += W) {
    const auto w = lanes_exp<Lanes>(Lanes::sub(Lanes::load(products + i), base));
    Lanes::store(products + i, w);
    weight = Lanes::add(weight, w);
  }
  query.weight += Lanes::sum(weight);
}

// sums += weights x values, for N queries and V registers of each value from number d on.
template <class Lanes, size_t N, size_t V, class Cells>
PGENRM_TARGET inline __attribute__((always_inline)) void lanes_value_part(const AttentionQuery* queries, const Cells& values,
                                                                          size_t n, size_t d,
                                                                          const float (*weights)[ATTENTION_BLOCK]) {
  constexpr size_t W = Lanes::WIDTH;
  // A lone query sums even and odd cells apart, so that additions do not wait for each other.
  constexpr size_t CHAINS = N == 1 ? 2 : 1;
  typename Lanes::Vec sums[CHAINS][N][V];
  for (size_t q = 0; q < N; ++q) {
    for (size_t v = 0; v < V; ++v) {
      sums[0][q][v] = Lanes::load(queries[q].sum + d + v * W);
      if constexpr (CHAINS == 2) sums[1][q][v] = Lanes::zero();
    }
  }
  size_t i = 0;
  for (; i + CHAINS <= n; i += CHAINS) {
    for (size_t chain = 0; chain < CHAINS; ++chain) {
      const auto* value = values.at(i + chain) + d;
      typename Lanes::Vec right[V];
      for (size_t v = 0; v < V; ++v) right[v] = Lanes::load(value + v * W);
      for (size_t q = 0; q < N; ++q) {
        const auto left = Lanes::splat(weights[q][i + chain]);
        for (size_t v = 0; v < V; ++v) sums[chain][q][v] = Lanes::fma(left, right[v], sums[chain][q][v]);
      }
    }
  }
  for (; i < n; ++i) {
    const auto* value = values.at(i) + d;
    for (size_t q = 0; q < N; ++q) {
      const auto left = Lanes::splat(weights[q][i]);
      for (size_t v = 0; v < V; ++v) sums[0][q][v] = Lanes::fma(left, Lanes::load(value + v * W), sums[0][q][v]);
    }
  }
  for (size_t q = 0; q < N; ++q) {
    for (size_t v = 0; v < V; ++v) {
      if constexpr (CHAINS == 2) sums[0][q][v] = Lanes::add(sums[0][q][v], sums[1][q][v]);
      Lanes::store(queries[q].sum + d + v * W, sums[0][q][v]);
    }
  }
}

// A block of cells for N queries.
template <class Lanes, size_t N, class Keys, class Values>
PGENRM_TARGET inline void lanes_attend_block(AttentionQuery* queries, const Keys& keys, const Values& values, size_t n,
                                             size_t dim, size_t value_dim, float (*products)[ATTENTION_BLOCK]) {
  constexpr size_t W = Lanes::WIDTH;
  lanes_products<Lanes, N>(queries, keys, n, dim, products);
  for (size_t q = 0; q < N; ++q) lanes_weights<Lanes>(queries[q], n, value_dim, products[q]);
  constexpr size_t V = N == 4 ? Lanes::VALUES_OF_FOUR : 4;
  size_t d = 0;
  for (; d + V * W <= value_dim; d += V * W) lanes_value_part<Lanes, N, V>(queries, values, n, d, products);
  for (; d < value_dim; d += W) lanes_value_part<Lanes, N, 1>(queries, values, n, d, products);
}

template <class Lanes, class Keys, class Values>
PGENRM_TARGET inline void lanes_attend_all(AttentionQuery* queries, size_t n_queries, const Keys& keys,
                                           const Values& values, size_t n, size_t dim, size_t value_dim,
                                           float (*products)[ATTENTION_BLOCK]) {
  size_t q = 0;
  for (; q + 4 <= n_queries; q += 4) {
    lanes_attend_block<Lanes, 4>(queries + q, keys, values, n, dim, value_dim, products);
  }
  for (; q + 2 <= n_queries; q += 2) {
    lanes_attend_block<Lanes, 2>(queries + q, keys, values, n, dim, value_dim, products);
  }
  if (q < n_queries) lanes_attend_block<Lanes, 1>(queries + q, keys, values, n, dim, value_dim, products);
}

template <class Lanes>
PGENRM_TARGET void lanes_convert(const ListedCells& cells, size_t n, size_t dim, float* out) {
  for (size_t i = 0; i < n; ++i) {
    for (size_t d = 0; d < dim; d += Lanes::WIDTH) Lanes::store(out + i * dim + d, Lanes::load(cells.at(i) + d));
  }
}

// Has the cells on their way to the nearest cache while others are worked on.
inline void lanes_fetch(const ListedCells& cells, size_t n, size_t dim) {
  constexpr size_t LINE = 64 / sizeof(uint16_t);
  for (size_t i = 0; i < n; ++i) {
    for (size_t d = 0; d < dim; d += LINE) __builtin_prefetch(cells.at(i) + d);
  }
}

template <class Lanes>
PGENRM_TARGET void lanes_attend(const AttentionLayer& layer, const AttentionGroup& group, size_t kv_head, float* scratch) {
  constexpr size_t W = Lanes::WIDTH, B = ATTENTION_BLOCK;
  // Four queries at a time convert as they go; for more of them it is done once and kept.
  constexpr size_t CONVERTS_ABOVE = 8;
  const size_t per_row = layer.heads_per_kv;
  const size_t dim = layer.dim, value_dim = layer.value_dim;
  auto* products = reinterpret_cast<float(*)[B]>(scratch);
  float* key_block = scratch + 4 * B;
  float* value_block = key_block + B * dim;
  float* next = value_block + B * value_dim;
  AttentionQuery queries[ATTENTION_QUERIES];
  const size_t n_queries = group.n_rows * per_row;
  for (size_t q = 0; q < n_queries; ++q) {
    const float* from = layer.queries + (group.first_row + q / per_row) * layer.query_row +
                        (kv_head * per_row + q % per_row) * layer.query_head;
    for (size_t d = 0; d < dim; d += W) Lanes::store(next + d, Lanes::mul(Lanes::load(from + d), Lanes::splat(layer.scale)));
    queries[q].query = next;
    queries[q].sum = next + dim;
    for (size_t d = 0; d < value_dim; d += W) Lanes::store(next + dim + d, Lanes::zero());
    next += dim + value_dim;
  }
  const uint16_t* keys = layer.keys + kv_head * layer.key_head;
  const uint16_t* values = layer.values + kv_head * layer.value_head;
  const auto attend = [&](std::span<const uint32_t> cells, AttentionQuery* of, size_t n_of) PGENRM_TARGET {
    for (size_t i = 0; i < cells.size(); i += B) {
      const size_t n = cells.size() - i < B ? cells.size() - i : B;
      const ListedCells key_cells{keys, layer.key_cell, cells.data() + i};
      const ListedCells value_cells{values, layer.value_cell, cells.data() + i};
      if (i + B < cells.size()) {
        const size_t n_next = cells.size() - i - B < B ? cells.size() - i - B : B;
        lanes_fetch(ListedCells{keys, layer.key_cell, cells.data() + i + B}, n_next, dim);
        lanes_fetch(ListedCells{values, layer.value_cell, cells.data() + i + B}, n_next, value_dim);
      }
      if (n_of <= CONVERTS_ABOVE) {
        lanes_attend_all<Lanes>(of, n_of, key_cells, value_cells, n, dim, value_dim, products);
        continue;
      }
      lanes_convert<Lanes>(key_cells, n, dim, key_block);
      lanes_convert<Lanes>(value_cells, n, value_dim, value_block);
      lanes_attend_all<Lanes>(of, n_of, ConvertedCells{key_block, dim}, ConvertedCells{value_block, value_dim}, n, dim,
                              value_dim, products);
    }
  };
  AttentionQuery some[ATTENTION_QUERIES];
  size_t places[ATTENTION_QUERIES];  // of those among all
  for (const AttentionPart& part : group.parts) {
    size_t n = 0;
    for (uint64_t rows = part.rows; rows; rows &= rows - 1) {
      const size_t first = static_cast<size_t>(std::countr_zero(rows)) * per_row;
      for (size_t q = first; q < first + per_row; ++q) places[n++] = q;
    }
    for (size_t i = 0; i < n; ++i) some[i] = queries[places[i]];
    attend(part.cells, some, n);
    for (size_t i = 0; i < n; ++i) queries[places[i]] = some[i];
  }
  for (size_t q = 0; q < n_queries; ++q) {
    float* to = layer.out + (group.first_row + q / per_row) * layer.out_row + (kv_head * per_row + q % per_row) * layer.out_head;
    const auto share = Lanes::splat(queries[q].weight > 0 ? 1.0f / queries[q].weight : 0.0f);
    for (size_t d = 0; d < value_dim; d += W) Lanes::store(to + d, Lanes::mul(Lanes::load(queries[q].sum + d), share));
  }
}

}  // namespace
}  // namespace pgenrm
