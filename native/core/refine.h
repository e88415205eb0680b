// History-aware attentive refinement of prototypes, trained by AdamW with gradients of its own.
// Equations: offline step 3 of the paper; names of the paper stand beside the fields.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/status.h"

namespace pgenrm {

struct RefinementData {
  size_t dim;
  size_t n_prototypes;
  size_t n_rows;
  const uint32_t* assignment;     // [n_rows]
  const float* query;             // q, [n_rows x dim]
  const float* chosen;            // r+, [n_rows x dim]
  const float* rejected;          // r-, [n_rows x dim]
  const uint32_t* history_start;  // [n_rows + 1]
  const float* history_query;     // h, [n_events x dim]
  const float* history_chosen;    // c+, [n_events x dim]
  const float* history_rejected;  // c-, [n_events x dim]
};

struct RefinementParams {
  uint32_t epochs;
  uint32_t batch_size;
  float learning_rate;
  float weight_decay;
  float query_pull;      // rho
  float query_weight;    // lambda_q
  float summary_weight;  // lambda_s
  uint32_t threads;
};

// Offsets of the weights in one flat array: W_hist [dim x 2 dim], b, W_q [dim x dim], b_q, W_s [dim x dim], b_s.
struct WeightLayout {
  explicit WeightLayout(size_t dim)
      : history(0),
        history_bias(2 * dim * dim),
        query(history_bias + dim),
        query_bias(query + dim * dim),
        summary(query_bias + dim),
        summary_bias(summary + dim * dim),
        total(summary_bias + dim) {}
  size_t history, history_bias, query, query_bias, summary, summary_bias, total;
};

// Trains in place: prototypes A [n_prototypes x dim] end as unit rows, weights [WeightLayout::total];
// losses: the mean loss of each step.
Status refine_prototypes(const RefinementData& data, const RefinementParams& params, float* prototypes, float* weights,
                         double* losses);

}  // namespace pgenrm
