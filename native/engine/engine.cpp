#include "engine/engine.h"

#include "engine/worker_pool.h"

namespace pgenrm {
namespace {

struct ForwardingListener final : SchedulerListener {
  explicit ForwardingListener(const EngineCallbacks& callbacks) : callbacks(callbacks) {}
  void on_sample(SampleResult&& sample) override { callbacks.on_sample(std::move(sample)); }
  void on_end(RequestResult&& result) override { callbacks.on_end(std::move(result)); }
  const EngineCallbacks& callbacks;
};

}  // namespace

Engine::Engine(DecoderFactory factory, const SchedulerOptions& options, int n_sampling_threads,
               EngineCallbacks callbacks)
    : callbacks_(std::move(callbacks)),
      thread_([this, factory = std::move(factory), options, n_sampling_threads] {
        serve(factory, options, n_sampling_threads);
      }) {}

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

void Engine::cancel(uint64_t id) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    cancelled_.push_back(id);
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

void Engine::serve(DecoderFactory factory, SchedulerOptions options, int n_sampling_threads) {
  std::string error;
  std::unique_ptr<Decoder> decoder = factory(&error);
  callbacks_.on_ready(decoder ? "" : error);
  ForwardingListener listener(callbacks_);
  if (decoder) {
    WorkerPool pool(n_sampling_threads);
    Scheduler scheduler(*decoder, listener, options, pool);
    while (take_orders(scheduler)) {
      scheduler.step();
      const std::lock_guard<std::mutex> lock(mutex_);
      statistics_ = scheduler.statistics();
    }
    scheduler.end_all(RequestStatus::kClosed, "");
  }
  {
    // What was submitted and never reached a scheduler ends here, while the decoder that it may refer to lives.
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
    for (const Request& request : submitted_) {
      callbacks_.on_end({request.id, RequestStatus::kClosed, "", static_cast<int32_t>(request.prompt.size()), 0, 0, 0, 0});
    }
    submitted_.clear();
  }
  decoder.reset();
  callbacks_.on_closed();
}

// Waits until there is something to do and hands it to the scheduler; false once closing.
bool Engine::take_orders(Scheduler& scheduler) {
  std::vector<Request> submitted;
  std::vector<uint64_t> cancelled;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait(lock, [&] { return closing_ || !submitted_.empty() || !cancelled_.empty() || !scheduler.idle(); });
    if (closing_) return false;
    submitted.swap(submitted_);
    cancelled.swap(cancelled_);
  }
  for (Request& request : submitted) scheduler.submit(std::move(request));
  for (const uint64_t id : cancelled) scheduler.cancel(id);
  return true;
}

}  // namespace pgenrm
