// Rows of numbers: checks, unit length, distances and the exact search over all of them.
// Labels here are row numbers; the index has its own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/status.h"

namespace pgenrm {

enum class Metric : int32_t { cosine = 0, l2 = 1 };

constexpr uint32_t NO_LABEL = 0xffffffffu;

// Code::not_finite with the first row at fault, or ok.
Status check_finite(const float* rows, size_t n_rows, size_t dim);

// Scales rows to length 1 in place. Code::zero_vector or Code::not_finite with the first row at fault.
Status normalise_rows(float* rows, size_t n_rows, size_t dim);

// A row scaled to length 1 in place; the row holds finite numbers. False where its length is zero.
bool normalise_row(float* row, size_t dim);

// out: [n_queries x n_rows]. Under cosine both sides hold unit rows.
void distances(Metric metric, const float* queries, size_t n_queries, const float* rows, size_t n_rows, size_t dim,
               float* out);

// Nearest first, equal distances by row; labels and out_distances: [n_queries x k], k <= n_rows.
void exact_search(Metric metric, const float* queries, size_t n_queries, const float* rows, size_t n_rows, size_t dim,
                  size_t k, uint32_t threads, uint32_t* labels, float* out_distances);

}  // namespace pgenrm
