// A TextEmbedder on llama.cpp: a context of its own for pooled embeddings of a model that others may share.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>

#include "engine/cpu_threads.h"
#include "engine/llama_model.h"
#include "engine/text_embedder.h"
#include "engine/thread_budget.h"

namespace pgenrm {

struct LlamaEmbedderOptions {
  int32_t max_tokens = 2048;
  int32_t n_threads = 1;
  bool attention_kernel = false;  // attention by core/attention.h, on a CPU
  // As the GGUF says, or mean where it says nothing (a judge); the others force it.
  enum llama_pooling_type pooling = LLAMA_POOLING_TYPE_UNSPECIFIED;
  const std::atomic<bool>* abort = nullptr;
};

class LlamaEmbedder final : public TextEmbedder {
 public:
  // On failure gives null and says why in *failure, as LlamaDecoder::make.
  static std::unique_ptr<LlamaEmbedder> make(std::shared_ptr<const LlamaModel> model, const LlamaEmbedderOptions& options,
                                             Failure* failure);
  ~LlamaEmbedder() override;

  int32_t dimension() const override { return dimension_; }
  int32_t max_tokens() const override { return max_tokens_; }
  int32_t max_batch_tokens() const override { return batch_tokens(max_tokens_); }
  int32_t max_sequences() const override { return kMaxSequences; }
  bool embed(std::span<const std::vector<int32_t>> texts, float* out, Failure* failure) override;

 private:
  static constexpr int32_t kMaxSequences = 64;
  // llama.cpp wants room for an output of every sequence.
  static int32_t batch_tokens(int32_t max_tokens) { return std::max(max_tokens, 512); }

  LlamaEmbedder(std::shared_ptr<const LlamaModel> model, llama_context* context, ggml_backend_t attention,
                const LlamaEmbedderOptions& options);

  std::shared_ptr<const LlamaModel> model_;
  const Library& library_;
  llama_context* context_;
  ThreadClaim claim_;
  int32_t n_threads_;
  CpuThreads threads_;  // freed after the context
  int32_t dimension_;
  int32_t max_tokens_;
};

}  // namespace pgenrm
