// What the engine is asked and what it answers: plain data, no JavaScript, no llama.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/failure.h"
#include "engine/plan.h"
#include "engine/sampler.h"
#include "engine/thoughts.h"
#include "engine/token_constraint.h"

namespace pgenrm {

// m samples that continue one prompt.
struct Request {
  uint64_t id = 0;
  std::chrono::steady_clock::time_point submitted = std::chrono::steady_clock::now();
  std::vector<int32_t> prompt;  // [n_prompt], at least one token
  std::vector<uint32_t> seeds;  // [m], one a sample, at least one
  SamplingParameters sampling;
  int32_t max_tokens = 1;          // most new tokens a sample, those of a plan's given texts among them
  int32_t min_tokens = 0;          // a sample draws no token that ends it before it has so many
  bool streams = false;            // its text is reported as it is written
  std::vector<std::string> stop;   // a sample ends before the first of these
  ThoughtMarks thoughts;           // in which neither `stop` nor `constraint` counts
  TokenConstraintFactory constraint;  // may be empty
  std::shared_ptr<const Plan> plan;   // may be null; with it there is no min_tokens, stop, constraint or thoughts
};

// kCancelled: the sample itself was cancelled, and its text is what it had written by then. kComplete: its plan was followed
// to the end.
enum class FinishReason { kStop, kEndOfGeneration, kLength, kCancelled, kComplete };

// One sample that ended.
struct SampleResult {
  uint64_t request_id;
  int32_t index;
  std::string text;  // bytes; may end inside a UTF-8 character where the model stopped there
  int32_t n_tokens;  // new tokens, the ending one included
  FinishReason finish;
  int64_t elapsed_us;  // since submission
  std::optional<PlanOutcome> plan = std::nullopt;  // of requests with a plan
};

// Text of one sample that is newly settled: a stop string can no longer begin in it. The pieces of a sample, in order,
// make up its text.
struct TextPiece {
  uint64_t request_id;
  int32_t index;
  int32_t n_tokens;  // that the sample has drawn so far
  std::string text;  // whole UTF-8 characters, as far as the model writes such
  int32_t part = -1;  // of a plan: index of the written part that it belongs to
};

enum class RequestStatus {
  kDone,
  kCancelled,
  kTooLong,         // prompt + max_tokens exceed the KV cells
  kDecodeFailed,    // llama_decode refused or failed; `detail` holds its status
  kPlanFailed,      // the plan cannot be followed; `part` says where, `detail` why
  kNoToken,         // every token was ruled out, by the constraint or by non-finite logits
  kClosed,          // the engine closed first
};

// One request that ended; every request ends exactly once.
struct RequestResult {
  uint64_t request_id;
  RequestStatus status;
  std::string detail;
  int32_t n_prompt;
  int32_t n_prompt_decoded;  // decoded for this request; the rest was shared
  int64_t n_generated;
  int64_t prefill_us;  // since submission, waiting included
  int64_t total_us;
  int32_t part = -1;  // of kPlanFailed: number of the part
};

// The end of a request that no scheduler has.
inline RequestResult not_taken_up(const Request& request, RequestStatus status, std::string detail) {
  const auto waited = std::chrono::steady_clock::now() - request.submitted;
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(waited).count();
  return {request.id, status, std::move(detail), static_cast<int32_t>(request.prompt.size()), 0, 0, us, us};
}

// Why a request can never fit into so many KV cells; '' where it can.
inline std::string why_too_long(const Request& request, int32_t n_cells) {
  const int64_t need = static_cast<int64_t>(request.prompt.size()) + request.max_tokens + 1;
  if (need <= n_cells) return "";
  return "needs " + std::to_string(need) + " KV cells, there are " + std::to_string(n_cells);
}

// Texts to embed, already tokenized; each with at least one token.
struct EmbeddingRequest {
  uint64_t id = 0;
  std::vector<std::vector<int32_t>> texts;
};

// One embedding request that ended; every one ends exactly once.
struct EmbeddingResult {
  uint64_t request_id;
  Failure failure;             // none where it is done
  std::vector<float> vectors;  // unit vectors, [n_texts x dimension]
  int32_t dimension = 0;
};

}  // namespace pgenrm
