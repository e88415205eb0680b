#include "engine/engine.h"

#include <optional>

#include "engine/embedding_queue.h"
#include "engine/worker_pool.h"

namespace pgenrm {
namespace {

struct ForwardingListener final : SchedulerListener {
  explicit ForwardingListener(const EngineCallbacks& callbacks) : callbacks(callbacks) {}
  void on_text(std::vector<TextPiece>&& pieces) override { callbacks.on_text(std::move(pieces)); }
  void on_sample(SampleResult&& sample) override { callbacks.on_sample(std::move(sample)); }
  void on_end(RequestResult&& result) override { callbacks.on_end(std::move(result)); }
  const EngineCallbacks& callbacks;
};

}  // namespace

Engine::Engine(ModelFactory factory, const EngineOptions& options, EngineCallbacks callbacks)
    : options_(options),
      callbacks_(std::move(callbacks)),
      thread_([this, factory = std::move(factory)] { serve(factory); }) {}

Engine::~Engine() {
  close();
  thread_.join();
}

bool Engine::submit(Request&& request) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closing_) return false;
    submitted_.push_back(std::move(request));
  }
  wake_.notify_one();
  return true;
}

bool Engine::embed(EmbeddingRequest&& request) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closing_) return false;
    to_embed_.push_back(std::move(request));
  }
  wake_.notify_one();
  return true;
}

void Engine::cancel(uint64_t id, std::optional<int32_t> index) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    cancelled_.push_back({id, index});
  }
  wake_.notify_one();
}

void Engine::forget_idle() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    forgets_ = true;
  }
  wake_.notify_one();
}

void Engine::close() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
}

bool Engine::closing() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return closing_;
}

StepStatistics Engine::statistics() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return statistics_;
}

void Engine::serve(ModelFactory factory) {
  std::string error;
  EngineModel model = factory(&error);
  callbacks_.on_ready(error);
  ForwardingListener listener(callbacks_);
  EmbeddingQueue embeddings(model.make_embedder, callbacks_.on_embedding);
  if (error.empty()) {
    WorkerPool pool(options_.n_sampling_threads);
    std::optional<Lanes> lanes;
    if (model.decoder) {
      lanes.emplace(LaneModel{model.decoder.get(), options_.scheduler},
                    LaneModel{model.lone_decoder.get(), options_.lone_scheduler}, listener, pool);
    }
    while (take_orders(lanes ? &*lanes : nullptr, embeddings)) {
      embeddings.step();
      if (!lanes) continue;
      if (lanes->step()) report(lanes->statistics());
    }
    if (lanes) lanes->end_all(RequestStatus::kClosed, "");
  }
  embeddings.end_all("closed");
  end_submitted();
  embeddings.free_embedder();
  model.lone_decoder.reset();
  model.decoder.reset();
  callbacks_.on_closed();
}

void Engine::report(const StepStatistics& statistics) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    statistics_ = statistics;
  }
  if (!callbacks_.on_step) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - last_report_ < options_.step_interval) return;
  last_report_ = now;
  callbacks_.on_step(statistics);
}

// What was submitted and never taken up ends here, while the model that it may refer to lives.
void Engine::end_submitted() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closing_ = true;
  for (const Request& request : submitted_) {
    callbacks_.on_end({request.id, RequestStatus::kClosed, "", static_cast<int32_t>(request.prompt.size()), 0, 0, 0, 0});
  }
  for (const EmbeddingRequest& request : to_embed_) callbacks_.on_embedding({request.id, "closed", {}, 0});
  submitted_.clear();
  to_embed_.clear();
}

// Waits until there is something to do and hands it on; false once closing.
bool Engine::take_orders(Lanes* lanes, EmbeddingQueue& embeddings) {
  std::vector<Request> submitted;
  std::vector<EmbeddingRequest> to_embed;
  std::vector<Cancellation> cancelled;
  bool forgets = false;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [&] {
      return closing_ || forgets_ || !submitted_.empty() || !to_embed_.empty() || !cancelled_.empty() ||
             (lanes && !lanes->idle()) || !embeddings.idle();
    });
    if (closing_) return false;
    submitted.swap(submitted_);
    to_embed.swap(to_embed_);
    cancelled.swap(cancelled_);
    std::swap(forgets, forgets_);
  }
  if (forgets && lanes) lanes->forget_idle();
  for (Request& request : submitted) {
    if (lanes) {
      lanes->submit(std::move(request));
    } else {
      callbacks_.on_end({request.id, RequestStatus::kDecodeFailed, "the model was loaded for embedding only", 0, 0, 0, 0, 0});
    }
  }
  for (EmbeddingRequest& request : to_embed) embeddings.submit(std::move(request));
  for (const auto& [id, index] : cancelled) {
    if (index) {
      if (lanes) lanes->cancel_sample(id, *index);
      continue;
    }
    if (lanes) lanes->cancel(id);
    embeddings.cancel(id);
  }
  return true;
}

}  // namespace pgenrm
