// A Decoder on llama.cpp: one context of a model, whose KV memory all sequences share.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "engine/attention_backend.h"
#include "engine/cpu_threads.h"
#include "engine/decoder.h"
#include "engine/llama_model.h"
#include "engine/thread_budget.h"

namespace pgenrm {

struct LlamaDecoderOptions {
  int32_t n_cells = 4096;    // KV cells, shared by all sequences
  int32_t n_sequences = 64;  // at most 256
  int32_t n_batch = 512;     // most rows of one decode call
  int32_t n_threads = 1;
  bool kv_q8_0 = false;      // 8-bit KV cache instead of f16; needs flash attention
  enum llama_flash_attn_type flash = LLAMA_FLASH_ATTN_TYPE_AUTO;
  bool attention_kernel = false;  // attention by core/attention.h, on a CPU, with keys and values in f16
  const std::atomic<bool>* abort = nullptr;  // a decode call ends early once this is true
};

class LlamaDecoder final : public Decoder {
 public:
  // Makes the context. On failure gives null and says why in *failure: kUnusable or kNoMemory.
  static std::unique_ptr<LlamaDecoder> make(std::shared_ptr<const LlamaModel> model, const LlamaDecoderOptions& options,
                                            Failure* failure);
  ~LlamaDecoder() override;

  const DecoderLimits& limits() const override { return limits_; }
  DecodeStatus decode(std::span<const DecodeRow> rows) override;
  const float* logits(int32_t row) override;
  void sequence_remove(int32_t sequence, int32_t from) override;
  void sequence_copy(int32_t source, int32_t target, int32_t to) override;
  int64_t n_cells_read() const override { return attention_ ? cells_read(attention_) : 0; }
  void use_threads(int32_t n) override { n_wanted_ = std::min(n, n_threads_); }
  std::string piece(int32_t token) const override { return model_->piece(token); }
  std::vector<int32_t> tokenize(std::string_view text) const override { return model_->tokenize(text); }
  bool is_end_of_generation(int32_t token) const override { return model_->is_end_of_generation(token); }

 private:
  LlamaDecoder(std::shared_ptr<const LlamaModel> model, llama_context* context, ggml_backend_t attention,
               const LlamaDecoderOptions& options);

  std::shared_ptr<const LlamaModel> model_;
  const Library& library_;
  llama_context* context_;
  llama_memory_t memory_;
  ggml_backend_t attention_;  // the context's; null where llama.cpp computes attention
  CpuThreads threads_;  // freed after the context
  int32_t n_threads_;    // most that it computes on
  int32_t n_wanted_;     // of those, where the budget gives as many
  ThreadClaim claim_;
  DecoderLimits limits_;
  // The arrays of a llama_batch, [n_batch].
  std::vector<llama_token> tokens_;
  std::vector<llama_pos> positions_;
  std::vector<llama_seq_id> sequences_;
  std::vector<llama_seq_id*> sequence_pointers_;
  std::vector<int32_t> n_sequence_ids_;
  std::vector<int8_t> outputs_;
};

}  // namespace pgenrm
