// Loops over vectors in registers of floats, stamped out once for each instruction set.
// Included by the simd_*.cpp files with PGENRM_TARGET set to the attribute of theirs. `Lanes` is theirs too:
//   Vec, WIDTH (floats in a Vec), COLUMNS (columns of a block: as many as leave registers for four rows),
//   zero(), add(a, b), sub(a, b), fma(a, b, c) = a * b + c, sum(a),
//   load(p) and load_part(p, n) of float and of 16-bit floats, n < WIDTH, the rest 0,
//   sums(v, out): out[k] = sum(v[k]) for COLUMNS registers.

#include "core/simd_nearest.h"

namespace pgenrm {
namespace {

template <class Lanes, class Number>
PGENRM_TARGET float lanes_dot(const Number* a, const Number* b, size_t n) {
  constexpr size_t W = Lanes::WIDTH;
  typename Lanes::Vec s0 = Lanes::zero(), s1 = s0, s2 = s0, s3 = s0;
  size_t i = 0;
  for (; i + 4 * W <= n; i += 4 * W) {
    s0 = Lanes::fma(Lanes::load(a + i), Lanes::load(b + i), s0);
    s1 = Lanes::fma(Lanes::load(a + i + W), Lanes::load(b + i + W), s1);
    s2 = Lanes::fma(Lanes::load(a + i + 2 * W), Lanes::load(b + i + 2 * W), s2);
    s3 = Lanes::fma(Lanes::load(a + i + 3 * W), Lanes::load(b + i + 3 * W), s3);
  }
  for (; i + W <= n; i += W) s0 = Lanes::fma(Lanes::load(a + i), Lanes::load(b + i), s0);
  if (i < n) s1 = Lanes::fma(Lanes::load_part(a + i, n - i), Lanes::load_part(b + i, n - i), s1);
  return Lanes::sum(Lanes::add(Lanes::add(s0, s1), Lanes::add(s2, s3)));
}

template <class Lanes, class Number>
PGENRM_TARGET float lanes_l2(const Number* a, const Number* b, size_t n) {
  constexpr size_t W = Lanes::WIDTH;
  typename Lanes::Vec s0 = Lanes::zero(), s1 = s0;
  size_t i = 0;
  for (; i + 2 * W <= n; i += 2 * W) {
    const auto g0 = Lanes::sub(Lanes::load(a + i), Lanes::load(b + i));
    const auto g1 = Lanes::sub(Lanes::load(a + i + W), Lanes::load(b + i + W));
    s0 = Lanes::fma(g0, g0, s0);
    s1 = Lanes::fma(g1, g1, s1);
  }
  for (; i < n; i += W) {
    const bool whole = i + W <= n;
    const auto left = whole ? Lanes::load(a + i) : Lanes::load_part(a + i, n - i);
    const auto right = whole ? Lanes::load(b + i) : Lanes::load_part(b + i, n - i);
    const auto gap = Lanes::sub(left, right);
    s0 = Lanes::fma(gap, gap, s0);
  }
  return Lanes::sum(Lanes::add(s0, s1));
}

// N_ROWS rows against COLUMNS columns at a time: each load serves several products.
template <class Lanes, size_t N_ROWS>
PGENRM_TARGET void lanes_rows(const float* rows, const float* columns, size_t n_columns, size_t dim, float* out,
                              size_t out_stride) {
  constexpr size_t W = Lanes::WIDTH, N = Lanes::COLUMNS;
  const size_t whole = dim / W * W;
  size_t c = 0;
  for (; c + N <= n_columns; c += N) {
    typename Lanes::Vec sums[N_ROWS][N];
    for (auto& row : sums) {
      for (auto& sum : row) sum = Lanes::zero();
    }
    const float* column = columns + c * dim;
    typename Lanes::Vec right[N];
    for (size_t i = 0; i < whole; i += W) {
      for (size_t k = 0; k < N; ++k) right[k] = Lanes::load(column + k * dim + i);
      for (size_t r = 0; r < N_ROWS; ++r) {
        const auto left = Lanes::load(rows + r * dim + i);
        for (size_t k = 0; k < N; ++k) sums[r][k] = Lanes::fma(left, right[k], sums[r][k]);
      }
    }
    if (whole < dim) {
      for (size_t k = 0; k < N; ++k) right[k] = Lanes::load_part(column + k * dim + whole, dim - whole);
      for (size_t r = 0; r < N_ROWS; ++r) {
        const auto left = Lanes::load_part(rows + r * dim + whole, dim - whole);
        for (size_t k = 0; k < N; ++k) sums[r][k] = Lanes::fma(left, right[k], sums[r][k]);
      }
    }
    for (size_t r = 0; r < N_ROWS; ++r) Lanes::sums(sums[r], out + r * out_stride + c);
  }
  for (; c < n_columns; ++c) {
    for (size_t r = 0; r < N_ROWS; ++r) {
      out[r * out_stride + c] = lanes_dot<Lanes>(rows + r * dim, columns + c * dim, dim);
    }
  }
}

template <class Lanes>
PGENRM_TARGET void lanes_block(const float* rows, size_t n_rows, const float* columns, size_t n_columns, size_t dim,
                               float* out, size_t out_stride) {
  switch (n_rows) {
    case 4: return lanes_rows<Lanes, 4>(rows, columns, n_columns, dim, out, out_stride);
    case 3: return lanes_rows<Lanes, 3>(rows, columns, n_columns, dim, out, out_stride);
    case 2: return lanes_rows<Lanes, 2>(rows, columns, n_columns, dim, out, out_stride);
    default: return lanes_rows<Lanes, 1>(rows, columns, n_columns, dim, out, out_stride);
  }
}

// The table of one instruction set; its product of 8-bit codes is its own.
template <class Lanes>
constexpr SimdKernels lanes_kernels(const char* name, decltype(SimdKernels::dot_int8) dot_int8, Attend attend) {
  return {name,
          lanes_dot<Lanes, float>,
          lanes_l2<Lanes, float>,
          lanes_dot<Lanes, uint16_t>,
          lanes_l2<Lanes, uint16_t>,
          dot_int8,
          lanes_block<Lanes>,
          {Lanes::ROWS, Lanes::WIDTH, lanes_nearest<Lanes>},
          loop_sum_rows,
          loop_add_row,
          loop_axpy,
          loop_adamw,
          attend};
}

}  // namespace
}  // namespace pgenrm
