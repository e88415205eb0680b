// One step: forward over a batch, gradients by hand, AdamW row by row of each weight.
#include "core/refine.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <vector>

#include "core/parallel.h"
#include "core/simd.h"
#include "core/vectors.h"

namespace pgenrm {
namespace {

class Refiner {
 public:
  Refiner(const RefinementData& data, const RefinementParams& params, float* prototypes, float* weights)
      : data_(data),
        params_(params),
        layout_(data.dim),
        d_(data.dim),
        prototypes_(prototypes),
        weights_(weights),
        team_(thread_count(params.threads, data.dim / 128 + 1)),
        first_(n_numbers()),
        second_(n_numbers()) {}

  // Trains on rows of one prototype; returns their mean loss before the update.
  double step(size_t prototype, const uint32_t* rows, size_t n_rows) {
    a_ = prototypes_ + prototype * d_;
    rows_ = rows;
    n_rows_ = n_rows;
    gather();
    attend();
    const double loss = margins();
    summary_gradient();
    history_gradient();
    update(prototype);
    normalise_row(prototypes_ + prototype * d_, d_);
    return loss;
  }

 private:
  size_t n_numbers() const { return data_.n_prototypes * data_.dim + layout_.total; }

  // X: [h ; c+ - c-] of every event of the batch; gap: r+ - r-.
  void gather() {
    event_start_.assign(1, 0);
    for (size_t b = 0; b < n_rows_; ++b) {
      const uint32_t row = rows_[b];
      event_start_.push_back(event_start_.back() + data_.history_start[row + 1] - data_.history_start[row]);
    }
    n_events_ = event_start_.back();
    x_.resize(n_events_ * 2 * d_);
    q_.resize(n_rows_ * d_);
    gap_.resize(n_rows_ * d_);
    for (size_t b = 0; b < n_rows_; ++b) {
      const size_t row = rows_[b];
      std::copy_n(data_.query + row * d_, d_, &q_[b * d_]);
      for (size_t i = 0; i < d_; ++i) gap_[b * d_ + i] = data_.chosen[row * d_ + i] - data_.rejected[row * d_ + i];
      for (size_t e = event_start_[b]; e < event_start_[b + 1]; ++e) {
        const size_t from = (data_.history_start[row] + e - event_start_[b]) * d_;
        float* x = &x_[e * 2 * d_];
        std::copy_n(data_.history_query + from, d_, x);
        for (size_t i = 0; i < d_; ++i) x[d_ + i] = data_.history_chosen[from + i] - data_.history_rejected[from + i];
      }
    }
  }

  // out[c * n_out + i] = weight row i . columns[c], for every row of the weight.
  void products(const float* weight, size_t n_in, const float* columns, size_t n_columns, float* out) {
    team_.ranges((d_ + 3) / 4, [&](size_t begin, size_t end, size_t) {
      std::vector<float> dots(4 * n_columns);
      for (size_t i = begin * 4; i < std::min(end * 4, d_); i += 4) {
        const size_t count = std::min<size_t>(4, d_ - i);
        simd().dots_block(weight + i * n_in, count, columns, n_columns, n_in, dots.data(), n_columns);
        for (size_t r = 0; r < count; ++r) {
          for (size_t c = 0; c < n_columns; ++c) out[c * d_ + i + r] = dots[r * n_columns + c];
        }
      }
    });
  }

  // o = tanh(W_hist x + b); alpha = softmax(o . a / sqrt(d) + rho o . q / sqrt(d)); s = sum of alpha o.
  void attend() {
    o_.resize(n_events_ * d_);
    alpha_.resize(n_events_);
    s_.assign(n_rows_ * d_, 0.0f);
    if (n_events_ > 0) products(weights_ + layout_.history, 2 * d_, x_.data(), n_events_, o_.data());
    const float* bias = weights_ + layout_.history_bias;
    team_.ranges(n_events_, [&](size_t begin, size_t end, size_t) {
      for (size_t e = begin; e < end; ++e) {
        for (size_t i = 0; i < d_; ++i) o_[e * d_ + i] = std::tanh(o_[e * d_ + i] + bias[i]);
      }
    });
    const double root = std::sqrt(static_cast<double>(d_));
    for (size_t b = 0; b < n_rows_; ++b) {
      const size_t begin = event_start_[b], end = event_start_[b + 1];
      if (begin == end) continue;
      double most = -INFINITY, total = 0;
      for (size_t e = begin; e < end; ++e) {
        const double to_prototype = simd().dot_f32(&o_[e * d_], a_, d_);
        const double to_query = simd().dot_f32(&o_[e * d_], &q_[b * d_], d_);
        alpha_[e] = (to_prototype + params_.query_pull * to_query) / root;
        most = std::max(most, alpha_[e]);
      }
      for (size_t e = begin; e < end; ++e) total += alpha_[e] = std::exp(alpha_[e] - most);
      for (size_t e = begin; e < end; ++e) {
        alpha_[e] /= total;
        simd().axpy(static_cast<float>(alpha_[e]), &o_[e * d_], &s_[b * d_], d_);
      }
    }
  }

  // z = a + lambda_q (W_q q + b_q) + lambda_s (W_s s + b_s); loss = -log sigmoid(z . gap). Leaves dloss/dz in dz_.
  double margins() {
    from_query_.resize(n_rows_ * d_);
    from_summary_.resize(n_rows_ * d_);
    dz_.resize(n_rows_ * d_);
    products(weights_ + layout_.query, d_, q_.data(), n_rows_, from_query_.data());
    products(weights_ + layout_.summary, d_, s_.data(), n_rows_, from_summary_.data());
    const float* query_bias = weights_ + layout_.query_bias;
    const float* summary_bias = weights_ + layout_.summary_bias;
    double loss = 0;
    for (size_t b = 0; b < n_rows_; ++b) {
      const float* gap = &gap_[b * d_];
      double margin = 0;
      for (size_t i = 0; i < d_; ++i) {
        const float z = a_[i] + params_.query_weight * (from_query_[b * d_ + i] + query_bias[i]) +
                        params_.summary_weight * (from_summary_[b * d_ + i] + summary_bias[i]);
        margin += static_cast<double>(z) * gap[i];
      }
      loss += margin > 0 ? std::log1p(std::exp(-margin)) : -margin + std::log1p(std::exp(margin));
      const float slope = static_cast<float>(-1.0 / (1.0 + std::exp(margin)) / static_cast<double>(n_rows_));
      for (size_t i = 0; i < d_; ++i) dz_[b * d_ + i] = slope * gap[i];
    }
    return loss / static_cast<double>(n_rows_);
  }

  // dloss/ds = lambda_s W_s^T dloss/dz.
  void summary_gradient() {
    ds_.assign(n_rows_ * d_, 0.0f);
    const float* weight = weights_ + layout_.summary;
    team_.ranges(d_, [&](size_t begin, size_t end, size_t) {
      for (size_t i = 0; i < d_; ++i) {
        for (size_t b = 0; b < n_rows_; ++b) {
          simd().axpy(params_.summary_weight * dz_[b * d_ + i], weight + i * d_ + begin, &ds_[b * d_ + begin],
                      end - begin);
        }
      }
    });
  }

  // Through the attention and the tanh; leaves dloss/d(W_hist x + b) in dinner_ and dloss/da in da_.
  void history_gradient() {
    dinner_.resize(n_events_ * d_);
    da_.assign(d_, 0.0f);
    dalpha_.resize(n_events_);
    const double root = std::sqrt(static_cast<double>(d_));
    for (size_t b = 0; b < n_rows_; ++b) {
      for (size_t i = 0; i < d_; ++i) da_[i] += dz_[b * d_ + i];
      double mean = 0;
      for (size_t e = event_start_[b]; e < event_start_[b + 1]; ++e) {
        dalpha_[e] = simd().dot_f32(&o_[e * d_], &ds_[b * d_], d_);
        mean += alpha_[e] * dalpha_[e];
      }
      for (size_t e = event_start_[b]; e < event_start_[b + 1]; ++e) {
        const float dlogit = static_cast<float>(alpha_[e] * (dalpha_[e] - mean) / root);
        const float alpha = static_cast<float>(alpha_[e]);
        const float* o = &o_[e * d_];
        for (size_t i = 0; i < d_; ++i) {
          da_[i] += dlogit * o[i];
          const float d_o = alpha * ds_[b * d_ + i] + dlogit * (a_[i] + params_.query_pull * q_[b * d_ + i]);
          dinner_[e * d_ + i] = d_o * (1.0f - o[i] * o[i]);
        }
      }
    }
  }

  // Gradient of row i of a weight: sum over c of slopes[c * d + i] * inputs[c], times scale; then AdamW on it.
  void update_weight(size_t offset, size_t bias_offset, size_t n_in, const float* slopes, const float* inputs,
                     size_t n_columns, float scale) {
    team_.ranges(d_, [&](size_t begin, size_t end, size_t) {
      std::vector<float> gradient(n_in);
      std::vector<float> bias(end - begin);
      for (size_t i = begin; i < end; ++i) {
        std::fill(gradient.begin(), gradient.end(), 0.0f);
        for (size_t c = 0; c < n_columns; ++c) {
          const float slope = scale * slopes[c * d_ + i];
          bias[i - begin] += slope;
          simd().axpy(slope, inputs + c * n_in, gradient.data(), n_in);
        }
        adamw(weights_ + offset + i * n_in, gradient.data(), offset + i * n_in, n_in);
      }
      adamw(weights_ + bias_offset + begin, bias.data(), bias_offset + begin, end - begin);
    });
  }

  // Moments lie in the order of the weights, the prototypes' after them.
  void adamw(float* numbers, const float* gradient, size_t at, size_t n) {
    simd().adamw(numbers, gradient, &first_[at], &second_[at], n, keep_, rate_, correction_);
  }

  // Every prototype takes the step, as one parameter: those of other rows by decay and momentum alone.
  void update(size_t prototype) {
    ++n_steps_;
    const double t = static_cast<double>(n_steps_);
    keep_ = 1.0f - params_.learning_rate * params_.weight_decay;
    rate_ = static_cast<float>(params_.learning_rate / (1.0 - std::pow(0.9, t)));
    correction_ = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(0.999, t)));
    update_weight(layout_.history, layout_.history_bias, 2 * d_, dinner_.data(), x_.data(), n_events_, 1.0f);
    update_weight(layout_.query, layout_.query_bias, d_, dz_.data(), q_.data(), n_rows_, params_.query_weight);
    update_weight(layout_.summary, layout_.summary_bias, d_, dz_.data(), s_.data(), n_rows_, params_.summary_weight);
    const std::vector<float> none(d_, 0.0f);
    for (size_t p = 0; p < data_.n_prototypes; ++p) {
      adamw(prototypes_ + p * d_, p == prototype ? da_.data() : none.data(), layout_.total + p * d_, d_);
    }
  }

  const RefinementData& data_;
  const RefinementParams& params_;
  WeightLayout layout_;
  size_t d_;
  float* prototypes_;
  float* weights_;
  ThreadTeam team_;
  std::vector<float> first_, second_;
  size_t n_steps_ = 0;
  float keep_ = 1, rate_ = 0, correction_ = 1;

  const float* a_ = nullptr;
  const uint32_t* rows_ = nullptr;
  size_t n_rows_ = 0, n_events_ = 0;
  std::vector<size_t> event_start_;
  std::vector<float> x_, q_, gap_, o_, s_, from_query_, from_summary_, dz_, ds_, dinner_, da_;
  std::vector<double> alpha_, dalpha_;
};

}  // namespace

Status refine_prototypes(const RefinementData& data, const RefinementParams& params, float* prototypes, float* weights,
                         double* losses) {
  const size_t n_events = data.history_start[data.n_rows];
  const WeightLayout layout(data.dim);
  for (const float* rows : {data.query, data.chosen, data.rejected}) {
    if (const Status status = check_finite(rows, data.n_rows, data.dim); !status.ok()) return status;
  }
  for (const float* rows : {data.history_query, data.history_chosen, data.history_rejected}) {
    if (const Status status = check_finite(rows, n_events, data.dim); !status.ok()) return status;
  }
  if (const Status status = check_finite(weights, 1, layout.total); !status.ok()) return status;
  if (const Status status = normalise_rows(prototypes, data.n_prototypes, data.dim); !status.ok()) return status;
  try {
    std::vector<std::vector<uint32_t>> members(data.n_prototypes);
    for (size_t i = 0; i < data.n_rows; ++i) members[data.assignment[i]].push_back(static_cast<uint32_t>(i));
    Refiner refiner(data, params, prototypes, weights);
    for (uint32_t epoch = 0; epoch < params.epochs; ++epoch) {
      for (size_t p = 0; p < data.n_prototypes; ++p) {
        for (size_t begin = 0; begin < members[p].size(); begin += params.batch_size) {
          const size_t n = std::min<size_t>(params.batch_size, members[p].size() - begin);
          *losses++ = refiner.step(p, members[p].data() + begin, n);
        }
      }
    }
    for (size_t p = 0; p < data.n_prototypes; ++p) normalise_row(prototypes + p * data.dim, data.dim);
  } catch (const std::bad_alloc&) {
    return {Code::out_of_memory, 0};
  } catch (...) {
    return {Code::internal, 0};
  }
  return {};
}

}  // namespace pgenrm
