// What the engine is asked and what it answers: plain data, no JavaScript, no llama.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/sampler.h"
#include "engine/token_constraint.h"

namespace pgenrm {

// m samples that continue one prompt.
struct Request {
  uint64_t id = 0;
  std::vector<int32_t> prompt;  // [n_prompt], at least one token
  std::vector<uint32_t> seeds;  // [m], one a sample, at least one
  SamplingParameters sampling;
  int32_t max_tokens = 1;          // most new tokens a sample
  std::vector<std::string> stop;   // a sample ends before the first of these
  TokenConstraintFactory constraint;  // may be empty
};

enum class FinishReason { kStop, kEndOfGeneration, kLength };

// One sample that ended.
struct SampleResult {
  uint64_t request_id;
  int32_t index;
  std::string text;  // bytes; may end inside a UTF-8 character where the model stopped there
  int32_t n_tokens;  // new tokens, the ending one included
  FinishReason finish;
  int64_t elapsed_us;  // since submission
};

enum class RequestStatus {
  kDone,
  kCancelled,
  kTooLong,         // prompt + max_tokens exceed the KV cells
  kDecodeFailed,    // llama_decode refused or failed; `detail` holds its status
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
};

// Texts to embed, already tokenized; each with at least one token.
struct EmbeddingRequest {
  uint64_t id = 0;
  std::vector<std::vector<int32_t>> texts;
};

// One embedding request that ended; every one ends exactly once.
struct EmbeddingResult {
  uint64_t request_id;
  std::string error;           // '' where it is done; `closed`, `cancelled`, or why it failed
  std::vector<float> vectors;  // unit vectors, [n_texts x dimension]
  int32_t dimension = 0;
};

}  // namespace pgenrm
