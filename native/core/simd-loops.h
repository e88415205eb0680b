// Element-wise loops that a compiler vectorises by itself, stamped out once for each instruction set.
// Included by the simd-*.cpp files with PGENRM_TARGET set to the attribute of theirs.

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

}  // namespace
