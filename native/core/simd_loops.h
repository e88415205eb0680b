// Element-wise loops that a compiler vectorises by itself, stamped out once for each instruction set.
// Included by the simd_*.cpp files with PGENRM_TARGET set to the attribute of theirs.

namespace {

PGENRM_TARGET void loop_axpy(float alpha, const float* __restrict x, float* __restrict y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] += alpha * x[i];
}

PGENRM_TARGET void loop_adamw(float* __restrict numbers, const float* __restrict gradient, float* __restrict first,
                              float* __restrict second, size_t n, float keep, float rate, float correction) {
  for (size_t i = 0; i < n; ++i) {
    const float g = gradient[i];
    const float m = 0.9f * first[i] + 0.1f * g;
    const float v = 0.999f * second[i] + 0.001f * g * g;
    first[i] = m;
    second[i] = v;
    numbers[i] = numbers[i] * keep - rate * m / (std::sqrt(v) * correction + 1e-8f);
  }
}

// Four rows at a time: each sum is fetched and put back once for all four.
PGENRM_TARGET void loop_sum_rows(const float* rows, const uint32_t* order, size_t n_rows, size_t dim,
                                 double* __restrict sums) {
  for (size_t j = 0; j < dim; ++j) sums[j] = 0;
  size_t m = 0;
  for (; m + 4 <= n_rows; m += 4) {
    const float* __restrict a = rows + order[m] * dim;
    const float* __restrict b = rows + order[m + 1] * dim;
    const float* __restrict c = rows + order[m + 2] * dim;
    const float* __restrict d = rows + order[m + 3] * dim;
    for (size_t j = 0; j < dim; ++j) {
      double sum = sums[j] + static_cast<double>(a[j]);
      sum += static_cast<double>(b[j]);
      sum += static_cast<double>(c[j]);
      sums[j] = sum + static_cast<double>(d[j]);
    }
  }
  for (; m < n_rows; ++m) {
    const float* __restrict a = rows + order[m] * dim;
    for (size_t j = 0; j < dim; ++j) sums[j] += static_cast<double>(a[j]);
  }
}

PGENRM_TARGET void loop_add_row(const float* __restrict row, size_t dim, double* __restrict sums) {
  for (size_t j = 0; j < dim; ++j) sums[j] += static_cast<double>(row[j]);
}

}  // namespace
