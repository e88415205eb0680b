#include "engine/llama_decoder.h"

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

std::string why_unusable(const Library& library, const llama_model* model) {
  if (!library.llama_model_has_decoder(model)) return "it has no decoder: it cannot write text";
  if (library.llama_model_is_diffusion(model)) return "it is a diffusion model: it does not write text token by token";
  if (library.llama_model_is_recurrent(model) || library.llama_model_is_hybrid(model)) {
    return "it keeps a recurrent state, from which a prompt's prefix cannot be shared; use the portable generator";
  }
  return "";
}

}  // namespace

std::unique_ptr<LlamaDecoder> LlamaDecoder::load(std::shared_ptr<const Library> library,
                                                 const LlamaDecoderOptions& options, std::string* error) {
  Library::take_log();
  llama_model_params model_params = library->llama_model_default_params();
  model_params.n_gpu_layers = options.n_gpu_layers;
  bool stopped = false;
  struct Progress {
    const std::function<bool(float)>& on_progress;
    bool& stopped;
  } progress{options.on_progress, stopped};
  if (options.on_progress) {
    model_params.progress_callback = [](float share, void* data) {
      auto* p = static_cast<Progress*>(data);
      p->stopped = !p->on_progress(share);
      return !p->stopped;
    };
    model_params.progress_callback_user_data = &progress;
  }
  llama_model* model = library->llama_model_load_from_file(options.model_path.c_str(), model_params);
  if (!model) {
    *error = stopped ? "cancelled" : "unusable: llama.cpp could not load it: " + Library::take_log();
    return nullptr;
  }
  if (const std::string why = why_unusable(*library, model); !why.empty()) {
    library->llama_model_free(model);
    *error = "unusable: " + why;
    return nullptr;
  }
  llama_context_params params = library->llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(options.n_cells);
  params.n_batch = static_cast<uint32_t>(options.n_batch);
  params.n_ubatch = static_cast<uint32_t>(options.n_batch);
  params.n_seq_max = static_cast<uint32_t>(options.n_sequences);
  params.n_threads = options.n_threads;
  params.n_threads_batch = options.n_threads;
  params.kv_unified = true;  // a prefix is stored once, whatever number of sequences share it
  params.swa_full = true;    // sliding-window layers keep what later sequences may share
  params.no_perf = true;
  if (options.kv_q8_0) params.type_k = params.type_v = GGML_TYPE_Q8_0;
  if (options.abort) {
    params.abort_callback = [](void* data) { return static_cast<const std::atomic<bool>*>(data)->load(); };
    params.abort_callback_data = const_cast<std::atomic<bool>*>(options.abort);
  }
  llama_context* context = library->llama_init_from_model(model, params);
  if (!context) {
    library->llama_model_free(model);
    *error = "memory: a context of " + std::to_string(options.n_cells) + " KV cells was not given: " + Library::take_log();
    return nullptr;
  }
  if (!library->llama_get_memory(context)) {
    library->llama_free(context);
    library->llama_model_free(model);
    *error = "unusable: it has no KV memory: it is an encoder, which embeds text and does not write it";
    return nullptr;
  }
  return std::unique_ptr<LlamaDecoder>(new LlamaDecoder(std::move(library), model, context, options.n_batch));
}

LlamaDecoder::LlamaDecoder(std::shared_ptr<const Library> library, llama_model* model, llama_context* context,
                           int32_t n_batch)
    : library_(std::move(library)),
      model_(model),
      context_(context),
      memory_(library_->llama_get_memory(context)),
      vocab_(library_->llama_model_get_vocab(model)),
      limits_{static_cast<int32_t>(library_->llama_n_ctx(context)),
              static_cast<int32_t>(library_->llama_n_seq_max(context)), n_batch,
              library_->llama_vocab_n_tokens(vocab_)} {
  const auto n = static_cast<size_t>(n_batch);
  tokens_.resize(n);
  positions_.resize(n);
  sequences_.resize(n);
  sequence_pointers_.resize(n);
  n_sequence_ids_.assign(n, 1);
  outputs_.resize(n);
  for (size_t i = 0; i < n; ++i) sequence_pointers_[i] = &sequences_[i];
}

LlamaDecoder::~LlamaDecoder() {
  library_->llama_free(context_);
  library_->llama_model_free(model_);
}

DecodeStatus LlamaDecoder::decode(std::span<const DecodeRow> rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    tokens_[i] = rows[i].token;
    positions_[i] = rows[i].position;
    sequences_[i] = rows[i].sequence;
    outputs_[i] = rows[i].wants_logits ? 1 : 0;
  }
  const llama_batch batch{static_cast<int32_t>(rows.size()), tokens_.data(),          nullptr,
                          positions_.data(),                 n_sequence_ids_.data(), sequence_pointers_.data(),
                          outputs_.data()};
  const int32_t status = library_->llama_decode(context_, batch);
  if (status == 0) {
    library_->llama_synchronize(context_);
    return DecodeStatus::kOk;
  }
  if (status == 1) return DecodeStatus::kNoSlot;
  if (status == 2) return DecodeStatus::kAborted;
  return status == -1 ? DecodeStatus::kInvalid : DecodeStatus::kFatal;
}

const float* LlamaDecoder::logits(int32_t row) { return library_->llama_get_logits_ith(context_, row); }

void LlamaDecoder::sequence_remove(int32_t sequence, int32_t from) {
  library_->llama_memory_seq_rm(memory_, sequence, from, -1);
}

void LlamaDecoder::sequence_copy(int32_t source, int32_t target, int32_t to) {
  library_->llama_memory_seq_cp(memory_, source, target, 0, to);
}

std::string LlamaDecoder::piece(int32_t token) const {
  char small[128];
  int32_t n = library_->llama_token_to_piece(vocab_, token, small, sizeof small, 0, false);
  if (n >= 0) return std::string(small, static_cast<size_t>(n));
  std::string text(static_cast<size_t>(-n), '\0');
  n = library_->llama_token_to_piece(vocab_, token, text.data(), -n, 0, false);
  text.resize(static_cast<size_t>(std::max(n, 0)));
  return text;
}

bool LlamaDecoder::is_end_of_generation(int32_t token) const { return library_->llama_vocab_is_eog(vocab_, token); }

std::vector<int32_t> LlamaDecoder::tokenize(const std::string& text) const {
  std::vector<int32_t> tokens(text.size() + 8);
  const auto n_text = static_cast<int32_t>(text.size());
  int32_t n = library_->llama_tokenize(vocab_, text.data(), n_text, tokens.data(), static_cast<int32_t>(tokens.size()),
                                       false, false);
  if (n < 0) {
    tokens.resize(static_cast<size_t>(-static_cast<int64_t>(n)));
    n = library_->llama_tokenize(vocab_, text.data(), n_text, tokens.data(), static_cast<int32_t>(tokens.size()), false,
                                 false);
  }
  tokens.resize(static_cast<size_t>(std::max(n, 0)));
  return tokens;
}

LlamaModelInfo LlamaDecoder::info() const {
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
  for (llama_token token = 0; token < limits_.n_vocab; ++token) {
    if (l.llama_vocab_is_control(vocab_, token)) info.control_tokens.emplace_back(token_text(token), token);
  }
  return info;
}

}  // namespace pgenrm
