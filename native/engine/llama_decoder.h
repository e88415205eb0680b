// A Decoder on llama.cpp: owns the model and one context whose KV memory all sequences share.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/decoder.h"
#include "engine/library.h"

namespace pgenrm {

struct LlamaDecoderOptions {
  std::string model_path;
  int32_t n_gpu_layers = -1;  // -1: all
  int32_t n_cells = 4096;     // KV cells shared by all sequences
  int32_t n_sequences = 64;   // at most 256
  int32_t n_batch = 512;      // most rows of one decode call
  int32_t n_threads = 1;
  bool kv_q8_0 = false;       // 8-bit KV cache instead of f16
  std::function<bool(float)> on_progress;  // share of the model that is loaded; false stops the load
  const std::atomic<bool>* abort = nullptr;  // a decode call ends early once this is true
};

// Facts of a loaded model.
struct LlamaModelInfo {
  std::string description;
  std::string chat_template;  // '' where the GGUF has none
  uint64_t n_parameters = 0;
  uint64_t n_bytes = 0;
  int32_t n_context_trained = 0;
  std::string bos_token;
  std::string eos_token;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::vector<std::pair<std::string, int32_t>> control_tokens;
};

class LlamaDecoder final : public Decoder {
 public:
  // Loads the model and makes the context. On failure gives null and says why in *error:
  // `unusable: ...` for a model that cannot serve, `memory: ...` where memory was not given, `cancelled`.
  static std::unique_ptr<LlamaDecoder> load(std::shared_ptr<const Library> library, const LlamaDecoderOptions& options,
                                            std::string* error);
  ~LlamaDecoder() override;

  const DecoderLimits& limits() const override { return limits_; }
  DecodeStatus decode(std::span<const DecodeRow> rows) override;
  const float* logits(int32_t row) override;
  void sequence_remove(int32_t sequence, int32_t from) override;
  void sequence_copy(int32_t source, int32_t target, int32_t to) override;
  std::string piece(int32_t token) const override;
  bool is_end_of_generation(int32_t token) const override;

  // Plain text only: control tokens that the text spells are not recognised, nothing is added.
  // Safe on any thread while the decoder lives.
  std::vector<int32_t> tokenize(const std::string& text) const;

  LlamaModelInfo info() const;
  const Library& library() const { return *library_; }
  const llama_vocab* vocab() const { return vocab_; }

 private:
  LlamaDecoder(std::shared_ptr<const Library> library, llama_model* model, llama_context* context, int32_t n_batch);

  std::shared_ptr<const Library> library_;
  llama_model* model_;
  llama_context* context_;
  llama_memory_t memory_;
  const llama_vocab* vocab_;
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
