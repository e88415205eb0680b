// What the parts of k-means share: the rows with their squared lengths, and sums in fixed blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/parallel.h"
#include "core/random.h"

namespace pgenrm {

// Rows of one partial sum; the partial sums are added in order.
constexpr size_t KMEANS_BLOCK = 1024;

struct KMeansRows {
  const float* vectors;  // [n x dim]
  const float* squares;  // [n] squared lengths
  size_t n;
  size_t dim;
};

// Sum of values in blocks of KMEANS_BLOCK, block after block.
double blocked_sum(const float* values, size_t n);

// Picks k rows as first centres (k-means++ with 2 + ln k trials a centre) and copies them to centres [k x dim].
void kmeans_start(const KMeansRows& rows, size_t k, Xoshiro128& random, ThreadTeam& team, float* centres);

}  // namespace pgenrm
