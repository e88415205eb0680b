#include "engine/llama_model.h"

#include <algorithm>

namespace pgenrm {
namespace {

// Reads a string of unknown length through a function that returns the length it needs.
template <typename Read>
std::string read_string(Read read) {
  std::string text(256, '\0');
  int32_t n = read(text.data(), text.size());
  if (n < 0) return "";
  if (static_cast<size_t>(n) >= text.size()) {
    text.resize(static_cast<size_t>(n) + 1);
    n = read(text.data(), text.size());
  }
  text.resize(static_cast<size_t>(std::max(n, 0)));
  return text;
}

}  // namespace

std::shared_ptr<const LlamaModel> LlamaModel::load(std::shared_ptr<const Library> library,
                                                   const LlamaModelOptions& options, Failure* failure) {
  library->keep_log();
  Library::take_log();
  llama_model_params params = library->llama_model_default_params();
  params.n_gpu_layers = options.n_gpu_layers;
  if (!options.maps_weights) params.load_mode = LLAMA_LOAD_MODE_NONE;
  bool stopped = false;
  struct Progress {
    const std::function<bool(float)>& on_progress;
    bool& stopped;
  } progress{options.on_progress, stopped};
  if (options.on_progress) {
    params.progress_callback = [](float share, void* data) {
      auto* p = static_cast<Progress*>(data);
      p->stopped = !p->on_progress(share);
      return !p->stopped;
    };
    params.progress_callback_user_data = &progress;
  }
  llama_model* model = library->llama_model_load_from_file(options.path.c_str(), params);
  if (!model) {
    *failure = stopped ? Failure{FailureCode::kCancelled, ""}
                       : Failure{FailureCode::kUnusable, "llama.cpp could not load it: " + Library::take_log()};
    return nullptr;
  }
  return std::shared_ptr<const LlamaModel>(new LlamaModel(std::move(library), model));
}

LlamaModel::LlamaModel(std::shared_ptr<const Library> library, llama_model* model)
    : library_(std::move(library)), model_(model), vocab_(library_->llama_model_get_vocab(model)) {}

LlamaModel::~LlamaModel() { library_->llama_model_free(model_); }

std::string LlamaModel::why_not_a_decoder() const {
  if (!library_->llama_model_has_decoder(model_)) return "it has no decoder: it cannot write text";
  if (library_->llama_model_is_diffusion(model_)) return "it is a diffusion model: it does not write text token by token";
  if (library_->llama_model_is_recurrent(model_) || library_->llama_model_is_hybrid(model_)) {
    return "it keeps a recurrent state, from which a prompt's prefix cannot be shared; use the portable generator";
  }
  return "";
}

std::string LlamaModel::piece(int32_t token) const {
  char small[128];
  int32_t n = library_->llama_token_to_piece(vocab_, token, small, sizeof small, 0, false);
  if (n >= 0) return std::string(small, static_cast<size_t>(n));
  std::string text(static_cast<size_t>(-n), '\0');
  n = library_->llama_token_to_piece(vocab_, token, text.data(), -n, 0, false);
  text.resize(static_cast<size_t>(std::max(n, 0)));
  return text;
}

std::vector<int32_t> LlamaModel::tokenize(const std::string& text, bool add_special) const {
  std::vector<int32_t> tokens(text.size() + 8);
  const auto n_text = static_cast<int32_t>(text.size());
  int32_t n = library_->llama_tokenize(vocab_, text.data(), n_text, tokens.data(), static_cast<int32_t>(tokens.size()),
                                       add_special, false);
  if (n < 0) {
    tokens.resize(static_cast<size_t>(-static_cast<int64_t>(n)));
    n = library_->llama_tokenize(vocab_, text.data(), n_text, tokens.data(), static_cast<int32_t>(tokens.size()),
                                 add_special, false);
  }
  tokens.resize(static_cast<size_t>(std::max(n, 0)));
  return tokens;
}

LlamaModelInfo LlamaModel::info() const {
  const Library& l = *library_;
  LlamaModelInfo info;
  info.description = read_string([&](char* text, size_t n) { return l.llama_model_desc(model_, text, n); });
  if (const char* chat_template = l.llama_model_chat_template(model_, nullptr)) info.chat_template = chat_template;
  info.n_parameters = l.llama_model_n_params(model_);
  info.n_bytes = l.llama_model_size(model_);
  info.n_context_trained = l.llama_model_n_ctx_train(model_);
  const auto token_text = [&](llama_token token) {
    const char* text = token < 0 ? nullptr : l.llama_vocab_get_text(vocab_, token);
    return std::string(text ? text : "");
  };
  info.bos_token = token_text(l.llama_vocab_bos(vocab_));
  info.eos_token = token_text(l.llama_vocab_eos(vocab_));
  for (int32_t i = 0; i < l.llama_model_meta_count(model_); ++i) {
    info.metadata.emplace_back(
        read_string([&](char* text, size_t n) { return l.llama_model_meta_key_by_index(model_, i, text, n); }),
        read_string([&](char* text, size_t n) { return l.llama_model_meta_val_str_by_index(model_, i, text, n); }));
  }
  for (llama_token token = 0; token < n_vocab(); ++token) {
    if (l.llama_vocab_is_control(vocab_, token)) info.control_tokens.emplace_back(token_text(token), token);
  }
  return info;
}

}  // namespace pgenrm
