#include "engine/llama_embedder.h"

#include <cmath>

#include "engine/attention_backend.h"

namespace pgenrm {
namespace {

bool has_pooling(const LlamaModelInfo& info) {
  for (const auto& [key, value] : info.metadata) {
    if (key.size() > 13 && key.compare(key.size() - 13, 13, ".pooling_type") == 0) return value != "0";
  }
  return false;
}

// False where the vector has no length or is not finite.
bool normalise(const float* from, float* to, int32_t n) {
  double squares = 0.0;
  for (int32_t i = 0; i < n; ++i) squares += static_cast<double>(from[i]) * from[i];
  if (!(squares > 0.0) || !std::isfinite(squares)) return false;
  const double scale = 1.0 / std::sqrt(squares);
  for (int32_t i = 0; i < n; ++i) to[i] = static_cast<float>(from[i] * scale);
  return true;
}

}  // namespace

std::unique_ptr<LlamaEmbedder> LlamaEmbedder::make(std::shared_ptr<const LlamaModel> model,
                                                   const LlamaEmbedderOptions& options, Failure* failure) {
  const Library& library = model->library();
  library.keep_log();
  Library::take_log();
  llama_context_params params = library.llama_context_default_params();
  // Pooling is per micro-batch: a batch must be one.
  params.n_ctx = params.n_batch = params.n_ubatch = static_cast<uint32_t>(batch_tokens(options.max_tokens));
  params.n_seq_max = kMaxSequences;
  params.n_threads = params.n_threads_batch = options.n_threads;
  params.embeddings = true;
  params.kv_unified = true;
  params.no_perf = true;
  params.pooling_type = options.pooling;
  if (options.pooling == LLAMA_POOLING_TYPE_UNSPECIFIED && !has_pooling(model->info())) {
    params.pooling_type = LLAMA_POOLING_TYPE_MEAN;
  }
  if (options.abort) {
    params.abort_callback = [](void* data) { return static_cast<const std::atomic<bool>*>(data)->load(); };
    params.abort_callback_data = const_cast<std::atomic<bool>*>(options.abort);
  }
  const auto [context, attention] = make_context(library, model->handle(), params, options.attention_kernel);
  if (!context) {
    *failure = {FailureCode::kNoMemory, "a context to embed " + std::to_string(options.max_tokens) +
                                           " tokens was not given: " + Library::take_log()};
    return nullptr;
  }
  if (library.llama_pooling_type(context) == LLAMA_POOLING_TYPE_NONE ||
      library.llama_pooling_type(context) == LLAMA_POOLING_TYPE_RANK) {
    library.llama_free(context);
    *failure = {FailureCode::kUnusable, "its pooling gives no vector for a text"};
    return nullptr;
  }
  return std::unique_ptr<LlamaEmbedder>(new LlamaEmbedder(std::move(model), context, attention, options));
}

LlamaEmbedder::LlamaEmbedder(std::shared_ptr<const LlamaModel> model, llama_context* context, ggml_backend_t attention,
                             const LlamaEmbedderOptions& options)
    : model_(std::move(model)),
      library_(model_->library()),
      context_(context),
      n_threads_(options.n_threads),
      threads_(library_, context, attention),
      dimension_(library_.llama_model_n_embd_out(model_->handle())),
      max_tokens_(options.max_tokens) {}

LlamaEmbedder::~LlamaEmbedder() { library_.llama_free(context_); }

bool LlamaEmbedder::embed(std::span<const std::vector<int32_t>> texts, float* out, Failure* failure) {
  std::vector<llama_token> tokens;
  std::vector<llama_pos> positions;
  std::vector<llama_seq_id> sequences;
  for (size_t i = 0; i < texts.size(); ++i) {
    for (size_t at = 0; at < texts[i].size(); ++at) {
      tokens.push_back(texts[i][at]);
      positions.push_back(static_cast<llama_pos>(at));
      sequences.push_back(static_cast<llama_seq_id>(i));
    }
  }
  std::vector<llama_seq_id*> sequence_pointers(tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) sequence_pointers[i] = &sequences[i];
  std::vector<int32_t> n_sequence_ids(tokens.size(), 1);
  std::vector<int8_t> outputs(tokens.size(), 1);
  const llama_batch batch{static_cast<int32_t>(tokens.size()), tokens.data(),            nullptr,       positions.data(),
                          n_sequence_ids.data(),               sequence_pointers.data(), outputs.data()};
  llama_memory_t memory = library_.llama_get_memory(context_);
  if (memory) library_.llama_memory_clear(memory, false);
  library_.keep_log();
  threads_.use(claim_.take(n_threads_));
  const int32_t status = memory ? library_.llama_decode(context_, batch) : library_.llama_encode(context_, batch);
  if (status == 0) library_.llama_synchronize(context_);
  claim_.done();
  if (status != 0) {
    *failure = status == 2 ? Failure{FailureCode::kClosed, ""}
                           : Failure{FailureCode::kDecodeFailed, "llama_decode answered " + std::to_string(status)};
    return false;
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    const float* pooled = library_.llama_get_embeddings_seq(context_, static_cast<llama_seq_id>(i));
    if (!pooled || !normalise(pooled, out + i * static_cast<size_t>(dimension_), dimension_)) {
      *failure = {FailureCode::kDecodeFailed, "the model gave no finite vector for a text"};
      return false;
    }
  }
  return true;
}

}  // namespace pgenrm
