#include "engine/token_drawer.h"

#include <algorithm>
#include <limits>

namespace pgenrm {
namespace {

// Below this many logits a hand-over to other threads costs more than it saves.
constexpr int64_t kWorthSharing = 1 << 17;

}  // namespace

TokenDrawer::TokenDrawer(int32_t n_vocab, std::vector<int32_t> end_tokens, WorkerPool& pool)
    : n_vocab_(n_vocab),
      end_tokens_(std::move(end_tokens)),
      pool_(pool),
      workers_(static_cast<size_t>(pool.n_threads())) {
  std::ranges::sort(end_tokens_);
}

bool TokenDrawer::ends(int32_t token) const { return std::ranges::binary_search(end_tokens_, token); }

void TokenDrawer::draw(std::span<Draw> draws) {
  const int n = static_cast<int>(draws.size());
  if (static_cast<int64_t>(n) * n_vocab_ < kWorthSharing) {
    for (Draw& one : draws) draw_one(one, workers_[0]);
    return;
  }
  pool_.run(n, [&](int i, int worker) {
    draw_one(draws[static_cast<size_t>(i)], workers_[static_cast<size_t>(worker)]);
  });
}

void TokenDrawer::draw_one(Draw& draw, Worker& worker) const {
  const uint64_t at = 2 * draw.n_drawn;
  draw.token = worker.sampler.sample(draw.logits, n_vocab_, *draw.sampling, uniform_at(draw.seed, at));
  if (draw.token < 0) return;
  const bool barred = draw.bars_end && ends(draw.token);
  if (!barred && (!draw.constraint || draw.constraint->allows(draw.token, draw.text))) return;
  // Drawing again, independently, from what is allowed gives the distribution over what is allowed.
  std::vector<float>& filtered = worker.filtered;
  const auto draw_again = [&](bool bars_end) {
    filtered.assign(draw.logits, draw.logits + n_vocab_);
    if (bars_end) {
      for (const int32_t token : end_tokens_) filtered[static_cast<size_t>(token)] = -std::numeric_limits<float>::infinity();
    }
    if (draw.constraint) draw.constraint->filter(filtered.data(), n_vocab_, draw.text);
    draw.token = worker.sampler.sample(filtered.data(), n_vocab_, *draw.sampling, uniform_at(draw.seed, at + 1));
  };
  draw_again(draw.bars_end);
  // A constraint that is fulfilled leaves nothing but the end.
  if (draw.token < 0 && draw.bars_end && draw.constraint) draw_again(false);
}

}  // namespace pgenrm
