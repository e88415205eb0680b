#include "engine/llama_decoder.h"

#include <algorithm>

namespace pgenrm {

std::unique_ptr<LlamaDecoder> LlamaDecoder::make(std::shared_ptr<const LlamaModel> model,
                                                 const LlamaDecoderOptions& options, Failure* failure) {
  if (const std::string why = model->why_not_a_decoder(); !why.empty()) {
    *failure = {FailureCode::kUnusable, why};
    return nullptr;
  }
  const Library& library = model->library();
  library.keep_log();
  Library::take_log();
  llama_context_params params = library.llama_context_default_params();
  params.n_ctx = static_cast<uint32_t>(options.n_cells);
  params.n_batch = static_cast<uint32_t>(options.n_batch);
  params.n_ubatch = static_cast<uint32_t>(options.n_batch);
  params.n_seq_max = static_cast<uint32_t>(options.n_sequences);
  params.n_threads = options.n_threads;
  params.n_threads_batch = options.n_threads;
  params.n_outputs_max = static_cast<uint32_t>(std::min(options.n_batch, options.n_sequences));  // a row a sequence
  params.kv_unified = true;  // unified: a prefix is stored once, whatever number of sequences share it
  params.flash_attn_type = options.flash;
  params.swa_full = true;    // sliding-window layers keep what later sequences may share
  params.no_perf = true;
  if (options.kv_q8_0) params.type_k = params.type_v = GGML_TYPE_Q8_0;
  if (options.abort) {
    params.abort_callback = [](void* data) { return static_cast<const std::atomic<bool>*>(data)->load(); };
    params.abort_callback_data = const_cast<std::atomic<bool>*>(options.abort);
  }
  const auto [context, attention] = make_context(library, model->handle(), params, options.attention_kernel);
  if (!context) {
    *failure = {FailureCode::kNoMemory,
                "a context of " + std::to_string(options.n_cells) + " KV cells was not given: " + Library::take_log()};
    return nullptr;
  }
  if (!library.llama_get_memory(context)) {
    library.llama_free(context);
    *failure = {FailureCode::kUnusable, "it has no KV memory: it is an encoder, which embeds text and does not write it"};
    return nullptr;
  }
  return std::unique_ptr<LlamaDecoder>(new LlamaDecoder(std::move(model), context, attention, options));
}

LlamaDecoder::LlamaDecoder(std::shared_ptr<const LlamaModel> model, llama_context* context, ggml_backend_t attention,
                           const LlamaDecoderOptions& options)
    : model_(std::move(model)),
      library_(model_->library()),
      context_(context),
      memory_(library_.llama_get_memory(context)),
      attention_(attention),
      threads_(library_, context, attention),
      n_threads_(options.n_threads),
      n_wanted_(options.n_threads),
      limits_{static_cast<int32_t>(library_.llama_n_ctx(context)),
              static_cast<int32_t>(library_.llama_n_seq_max(context)), options.n_batch, model_->n_vocab()} {
  const auto n = static_cast<size_t>(options.n_batch);
  tokens_.resize(n);
  positions_.resize(n);
  sequences_.resize(n);
  sequence_pointers_.resize(n);
  n_sequence_ids_.assign(n, 1);
  outputs_.resize(n);
  for (size_t i = 0; i < n; ++i) sequence_pointers_[i] = &sequences_[i];
}

LlamaDecoder::~LlamaDecoder() { library_.llama_free(context_); }

DecodeStatus LlamaDecoder::decode(std::span<const DecodeRow> rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const DecodeRow& row = rows[i];
    tokens_[i] = row.token;
    positions_[i] = row.position;
    sequences_[i] = row.sequence;
    outputs_[i] = row.wants_logits ? 1 : 0;
  }
  const llama_batch batch{static_cast<int32_t>(rows.size()), tokens_.data(),          nullptr,
                          positions_.data(),                 n_sequence_ids_.data(), sequence_pointers_.data(),
                          outputs_.data()};
  library_.keep_log();
  threads_.use(claim_.take(n_wanted_));
  const auto began = std::chrono::steady_clock::now();
  const auto on_core = thread_time();
  const int32_t status = library_.llama_decode(context_, batch);
  if (status == 0) library_.llama_synchronize(context_);
  claim_.done();
  if (status == 0) {
    // Where a GPU computes, the caller's thread waits for it without a core.
    if (attention_) claim_.note(std::chrono::steady_clock::now() - began, thread_time() - on_core);
    return DecodeStatus::kOk;
  }
  if (status == 1) return DecodeStatus::kNoSlot;
  if (status == 2) return DecodeStatus::kAborted;
  return status == -1 ? DecodeStatus::kInvalid : DecodeStatus::kFatal;
}

const float* LlamaDecoder::logits(int32_t row) { return library_.llama_get_logits_ith(context_, row); }

void LlamaDecoder::sequence_remove(int32_t sequence, int32_t from) {
  library_.llama_memory_seq_rm(memory_, sequence, from, -1);
}

void LlamaDecoder::sequence_copy(int32_t source, int32_t target, int32_t to) {
  library_.llama_memory_seq_cp(memory_, source, target, 0, to);
}

}  // namespace pgenrm
