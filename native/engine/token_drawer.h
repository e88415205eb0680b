// Draws the next token of many samples at once, on several threads: sampling, constraints, barred end tokens.
// Knows logits and samples' state, nothing of sequences or requests.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "engine/sampler.h"
#include "engine/token_constraint.h"
#include "engine/worker_pool.h"

namespace pgenrm {

// One token to draw. What is pointed to outlives the call.
struct Draw {
  const float* logits;  // [n_vocab]
  const SamplingParameters* sampling;
  uint32_t seed;
  uint64_t n_drawn;             // tokens that the sample drew before
  bool bars_end;                // tokens that end a generation are not drawn yet
  TokenConstraint* constraint;  // may be null
  std::string_view text;        // of the sample so far, for the constraint
  int32_t token = -1;           // the result; -1 where every token is ruled out
};

class TokenDrawer {
 public:
  // `pool` outlives the drawer. `end_tokens` are those that end a generation.
  TokenDrawer(int32_t n_vocab, std::vector<int32_t> end_tokens, WorkerPool& pool);

  // Fills in every token.
  void draw(std::span<Draw> draws);

  bool ends(int32_t token) const;

 private:
  struct Worker {
    Sampler sampler;
    std::vector<float> filtered;  // logits less what is ruled out, [n_vocab]
  };

  void draw_one(Draw& draw, Worker& worker) const;

  int32_t n_vocab_;
  std::vector<int32_t> end_tokens_;  // ascending
  WorkerPool& pool_;
  std::vector<Worker> workers_;
};

}  // namespace pgenrm
