// The nearest of many columns for each row of a tile, with columns side by side in a register and a number of a row
// in all of another: no sum across a register, and each product of a row counts in the order of its numbers.
// Included by the simd_*.cpp files after core/simd_lanes.h; see there what `Lanes` is, and
//   ROWS (rows of a tile: as many as leave registers for two panels), Ints (a register of integers),
//   splat(x), count_from(n) = n, n + 1, ..., keep_less(v, i, least, best): takes over v and i where v < least,
//   load, store(p, v) for Ints.

namespace pgenrm {
namespace {

// The N panels at `panels`, whose first column has the number `first`.
template <class Lanes, size_t N>
PGENRM_TARGET inline __attribute__((always_inline)) void lanes_panels(const float* tile, size_t stride,
                                                                      const float* panels, const float* offsets,
                                                                      size_t dim, uint32_t first, float* least,
                                                                      uint32_t* best) {
  constexpr size_t W = Lanes::WIDTH, R = Lanes::ROWS;
  typename Lanes::Vec sums[R][N];
#pragma GCC unroll 16
  for (size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (size_t k = 0; k < N; ++k) sums[r][k] = Lanes::zero();
  }
  for (size_t i = 0; i < dim; ++i) {
    typename Lanes::Vec right[N];
#pragma GCC unroll 4
    for (size_t k = 0; k < N; ++k) right[k] = Lanes::load(panels + (k * dim + i) * W);
#pragma GCC unroll 16
    for (size_t r = 0; r < R; ++r) {
      const auto left = Lanes::splat(tile[r * stride + i]);
#pragma GCC unroll 4
      for (size_t k = 0; k < N; ++k) sums[r][k] = Lanes::fma(left, right[k], sums[r][k]);
    }
  }
#pragma GCC unroll 4
  for (size_t k = 0; k < N; ++k) {
    const auto offset = Lanes::load(offsets + k * W);
    const auto number = Lanes::count_from(first + static_cast<uint32_t>(k * W));
#pragma GCC unroll 16
    for (size_t r = 0; r < R; ++r) {
      auto l = Lanes::load(least + r * W);
      auto b = Lanes::load(best + r * W);
      Lanes::keep_less(Lanes::sub(offset, Lanes::add(sums[r][k], sums[r][k])), number, l, b);
      Lanes::store(least + r * W, l);
      Lanes::store(best + r * W, b);
    }
  }
}

template <class Lanes>
PGENRM_TARGET void lanes_nearest(const float* tile, size_t stride, const float* panels, const float* offsets,
                                 size_t n_panels, size_t dim, uint32_t* best, float* least) {
  constexpr size_t W = Lanes::WIDTH, R = Lanes::ROWS;
  alignas(64) float least_of[R * W];
  alignas(64) uint32_t best_of[R * W];
  for (size_t i = 0; i < R * W; ++i) {
    least_of[i] = std::numeric_limits<float>::infinity();
    best_of[i] = 0;
  }
  size_t p = 0;
  for (; p + 2 <= n_panels; p += 2) {
    lanes_panels<Lanes, 2>(tile, stride, panels + p * dim * W, offsets + p * W, dim, static_cast<uint32_t>(p * W),
                           least_of, best_of);
  }
  if (p < n_panels) {
    lanes_panels<Lanes, 1>(tile, stride, panels + p * dim * W, offsets + p * W, dim, static_cast<uint32_t>(p * W),
                           least_of, best_of);
  }
  for (size_t r = 0; r < R; ++r) {
    least[r] = least_of[r * W];
    best[r] = best_of[r * W];
    for (size_t i = r * W + 1; i < (r + 1) * W; ++i) {
      if (least_of[i] < least[r] || (least_of[i] == least[r] && best_of[i] < best[r])) {
        least[r] = least_of[i];
        best[r] = best_of[i];
      }
    }
  }
}

}  // namespace
}  // namespace pgenrm
