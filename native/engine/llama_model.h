// A loaded GGUF model: weights, vocabulary and facts, shared by the contexts that are made of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/failure.h"
#include "engine/library.h"
#include "engine/vocabulary.h"

namespace pgenrm {

struct LlamaModelOptions {
  std::string path;
  int32_t n_gpu_layers = -1;                 // -1: all
  bool maps_weights = true;                  // false: the file is read, and none of its pages stay
  std::function<bool(float)> on_progress;    // share of the model that is loaded; false stops the load
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

class LlamaModel final : public Vocabulary {
 public:
  // Loads the model. On failure gives null and says why in *failure: kUnusable or kCancelled.
  static std::shared_ptr<const LlamaModel> load(std::shared_ptr<const Library> library, const LlamaModelOptions& options,
                                                Failure* failure);
  ~LlamaModel() override;
  LlamaModel(const LlamaModel&) = delete;
  LlamaModel& operator=(const LlamaModel&) = delete;

  // '' for a model that writes text token by token from a KV memory whose prefixes can be shared, else why not.
  std::string why_not_a_decoder() const;

  // Control tokens that the text spells are read as text. With `add_special` the tokens that the model wants
  // around every text (such as BOS or [CLS]) are added. Safe on any thread.
  std::vector<int32_t> tokenize(const std::string& text, bool add_special) const;
  std::vector<int32_t> tokenize(std::string_view text) const override { return tokenize(std::string(text), false); }

  // Text bytes of a token; empty for control tokens.
  std::string piece(int32_t token) const override;
  bool is_end_of_generation(int32_t token) const override { return library_->llama_vocab_is_eog(vocab_, token); }
  int32_t n_vocab() const override { return library_->llama_vocab_n_tokens(vocab_); }

  LlamaModelInfo info() const;
  const Library& library() const { return *library_; }
  llama_model* handle() const { return model_; }
  const llama_vocab* vocab() const { return vocab_; }

 private:
  LlamaModel(std::shared_ptr<const Library> library, llama_model* model);

  std::shared_ptr<const Library> library_;
  llama_model* model_;
  const llama_vocab* vocab_;
};

}  // namespace pgenrm
