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

// A worker's lanes and the threads that draw for them.
struct WorkerLanes {
  WorkerPool pool;
  Lanes lanes;
  WorkerLanes(const WorkerModel& model, const EngineOptions& options, SchedulerListener& listener)
      : pool(options.n_threads),
        lanes({model.decoder.get(), options.scheduler}, {model.lone_decoder.get(), options.lone_scheduler}, listener, pool) {}
};

std::vector<int32_t> positions_of(const WorkerModel& model) {
  std::vector<int32_t> positions;
  for (const auto* decoder : {model.decoder.get(), model.lone_decoder.get()}) {
    if (decoder) positions.push_back(decoder->limits().n_positions);
  }
  return positions;
}

}  // namespace

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
  std::string error;
  EngineModel model = factory(&error);
  ForwardingListener listener(callbacks_);
  EmbeddingQueue embeddings(model.make_embedder, callbacks_.on_embedding);
  if (error.empty()) {
    std::vector<std::unique_ptr<WorkerLanes>> workers;
    for (const WorkerModel& worker : model.workers) {
      workers.push_back(std::make_unique<WorkerLanes>(worker, options_, listener));
    }
    if (!workers.empty()) orders_.open(positions_of(model.workers.front()));
    callbacks_.on_ready(error);
    std::vector<std::thread> threads;
    for (size_t i = 1; i < workers.size(); ++i) {
      threads.emplace_back([this, i, lanes = &workers[i]->lanes] { work(static_cast<int>(i), lanes, nullptr); });
    }
    work(0, workers.empty() ? nullptr : &workers.front()->lanes, &embeddings);
    for (std::thread& thread : threads) thread.join();
  } else {
    callbacks_.on_ready(error);
  }
  embeddings.end_all("closed");
  // What was submitted and never taken up ends here, while the model that it may refer to lives.
  for (RequestResult& result : orders_.end_waiting()) callbacks_.on_end(std::move(result));
  for (const uint64_t id : orders_.end_embeddings()) callbacks_.on_embedding({id, "closed", {}, 0});
  embeddings.free_embedder();
  model.workers.clear();
  callbacks_.on_closed();
}

void Engine::work(int worker, Lanes* lanes, EmbeddingQueue* embeddings) {
  while (do_turn(worker, lanes, embeddings)) {
    if (embeddings) embeddings->step();
    if (lanes && lanes->step()) report(worker, lanes->statistics());
  }
  if (lanes) lanes->end_all(RequestStatus::kClosed, "");
}

// Waits until there is something to do and takes it up; false once closing.
bool Engine::do_turn(int worker, Lanes* lanes, EmbeddingQueue* embeddings) {
  Turn turn = orders_.next_turn(worker, (lanes && !lanes->idle()) || (embeddings && !embeddings->idle()));
  if (turn.closes) return false;
  for (RequestResult& result : turn.ended) callbacks_.on_end(std::move(result));
  if (embeddings) {
    for (EmbeddingRequest& request : turn.to_embed) embeddings->submit(std::move(request));
    for (const auto& [id, index] : turn.cancelled) {
      if (!index) embeddings->cancel(id);
    }
  }
  if (!lanes) return true;
  if (turn.forgets) lanes->forget_idle();
  for (Request& request : turn.handed) lanes->submit(std::move(request));
  for (const auto& [id, index] : turn.cancelled) {
    if (index) {
      lanes->cancel_sample(id, *index);
    } else {
      lanes->cancel(id);
    }
  }
  feed(worker, *lanes);
  return true;
}

// Takes as many requests as the worker's lanes have room for, and its share of the threads.
void Engine::feed(int worker, Lanes& lanes) {
  for (int lane = 0; lane < lanes.n_lanes(); ++lane) {
    while (lanes.wants_request(lane)) {
      std::optional<Request> request = orders_.take(worker, lane);
      if (!request) break;
      lanes.submit(std::move(*request));
    }
  }
  const bool busy = !lanes.idle();
  const int n_busy = orders_.set_busy(worker, busy);
  if (busy) lanes.use_threads(n_busy == 1 ? options_.n_threads : std::max(1, options_.n_threads / options_.n_workers));
}

void Engine::report(int worker, const StepStatistics& step) {
  {
    const std::lock_guard<std::mutex> lock(statistics_mutex_);
    newest_ = static_cast<size_t>(worker);
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
