#include "engine/engine.h"

#include <algorithm>

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

// A worker's decoder, the threads that draw for it, and the scheduler over both.
struct EngineWorker {
  Decoder& decoder;
  WorkerPool pool;
  Scheduler scheduler;
  EngineWorker(Decoder& decoder, const EngineOptions& options, SchedulerListener& listener)
      : decoder(decoder), pool(options.n_threads), scheduler(decoder, listener, options.scheduler, pool) {}

  // Decodes and draws on so many threads from now on.
  void use_threads(int n) {
    pool.use(n);
    decoder.use_threads(n);
  }
};

Engine::Engine(ModelFactory factory, const EngineOptions& options, EngineCallbacks callbacks)
    : options_(options),
      callbacks_(std::move(callbacks)),
      orders_(options.n_workers),
      statistics_(static_cast<size_t>(options.n_workers)),
      thread_([this, factory = std::move(factory)] { serve(factory); }) {}

Engine::~Engine() {
  close();
  thread_.join();
}

// A worker without work has no step that is of this moment, but for the newest of all.
StepStatistics Engine::statistics() const {
  const std::lock_guard<std::mutex> lock(statistics_mutex_);
  StepStatistics all;
  for (size_t i = 0; i < statistics_.size(); ++i) {
    add_totals(all, statistics_[i]);
    all.n_steps_total += statistics_[i].n_steps_total;
    if (i == newest_ || orders_.busy(static_cast<int>(i))) add_moment(all, statistics_[i]);
  }
  all.n_waiting_requests += orders_.n_waiting();
  return all;
}

void Engine::serve(ModelFactory factory) {
  Failure failure;
  EngineModel model = factory(&failure);
  ForwardingListener listener(callbacks_);
  EmbeddingQueue embeddings(model.make_embedder, callbacks_.on_embedding);
  if (!failure.failed()) {
    std::vector<std::unique_ptr<EngineWorker>> workers;
    for (const auto& decoder : model.decoders) {
      workers.push_back(std::make_unique<EngineWorker>(*decoder, options_, listener));
    }
    if (!workers.empty()) orders_.open(model.decoders.front()->limits().n_cells);
    callbacks_.on_ready(failure);
    std::vector<std::thread> threads;
    for (size_t i = 1; i < workers.size(); ++i) {
      threads.emplace_back([this, i, worker = workers[i].get()] { work(static_cast<int>(i), worker, nullptr); });
    }
    work(0, workers.empty() ? nullptr : workers.front().get(), &embeddings);
    for (std::thread& thread : threads) thread.join();
  } else {
    callbacks_.on_ready(failure);
  }
  embeddings.end_all({FailureCode::kClosed, ""});
  // What was submitted and never taken up ends here, while the model that it may refer to lives.
  for (RequestResult& result : orders_.end_waiting()) callbacks_.on_end(std::move(result));
  for (const uint64_t id : orders_.end_embeddings()) callbacks_.on_embedding({id, {FailureCode::kClosed, ""}, {}, 0});
  embeddings.free_embedder();
  model.decoders.clear();
  callbacks_.on_closed();
}

void Engine::work(int index, EngineWorker* worker, EmbeddingQueue* embeddings) {
  while (do_turn(index, worker, embeddings)) {
    if (embeddings) embeddings->step();
    if (worker && worker->scheduler.step()) report(index, worker->scheduler.statistics());
  }
  if (worker) worker->scheduler.end_all(RequestStatus::kClosed, "");
}

// Waits until there is something to do and takes it up; false once closing.
bool Engine::do_turn(int index, EngineWorker* worker, EmbeddingQueue* embeddings) {
  const bool has_work = (worker && !worker->scheduler.idle()) || (embeddings && !embeddings->idle());
  Turn turn = orders_.next_turn(index, has_work);
  if (turn.closes) return false;
  for (RequestResult& result : turn.ended) callbacks_.on_end(std::move(result));
  if (embeddings) {
    for (EmbeddingRequest& request : turn.to_embed) embeddings->submit(std::move(request));
    for (const auto& [id, sample] : turn.cancelled) {
      if (!sample) embeddings->cancel(id);
    }
  }
  if (!worker) return true;
  Scheduler& scheduler = worker->scheduler;
  if (turn.forgets) scheduler.forget_idle();
  for (Request& request : turn.handed) scheduler.submit(std::move(request));
  for (const auto& [id, sample] : turn.cancelled) {
    if (sample) {
      scheduler.cancel_sample(id, *sample);
    } else {
      scheduler.cancel(id);
    }
  }
  feed(index, *worker);
  return true;
}

// Takes as many requests as the worker has room for, and its share of the threads.
void Engine::feed(int index, EngineWorker& worker) {
  while (worker.scheduler.wants_request()) {
    std::optional<Request> request = orders_.take(index);
    if (!request) break;
    worker.scheduler.submit(std::move(*request));
  }
  const bool busy = !worker.scheduler.idle();
  const int n_busy = orders_.set_busy(index, busy);
  if (busy) worker.use_threads(n_busy == 1 ? options_.n_threads : std::max(1, options_.n_threads / options_.n_workers));
}

void Engine::report(int index, const StepStatistics& step) {
  {
    const std::lock_guard<std::mutex> lock(statistics_mutex_);
    newest_ = static_cast<size_t>(index);
    statistics_[newest_] = step;
  }
  if (!callbacks_.on_step) return;
  const std::lock_guard<std::mutex> lock(report_mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (now - last_report_ < options_.step_interval) return;
  last_report_ = now;
  callbacks_.on_step(statistics());
}

}  // namespace pgenrm
