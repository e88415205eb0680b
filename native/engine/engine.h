// Workers, each a scheduler on a thread of its own, and an embedder on the first one's: requests come in from any
// thread, results go out through callbacks. Owns the threads and the contexts; knows no JavaScript.
//
// One worker with all threads of a CPU spends much of the time of a small model at the barriers between its operations; several,
// with their share of the threads and a KV memory each, do not. Where only one has work, it has all threads.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/decoder.h"
#include "engine/failure.h"
#include "engine/orders.h"
#include "engine/scheduler.h"
#include "engine/text_embedder.h"

namespace pgenrm {

// What the engine runs: decoders, all of the same sizes, and a way to make an embedder once one is asked for.
struct EngineModel {
  std::vector<std::unique_ptr<Decoder>> decoders;  // one for each worker; none where the engine only embeds
  std::function<std::unique_ptr<TextEmbedder>(Failure* failure)> make_embedder;
};

// Called on the threads of the engine, several at once; on_step is not called while it runs. Must not call back into the engine
// other than submit, cancel and close.
struct EngineCallbacks {
  std::function<void(std::vector<TextPiece>&&)> on_text;  // may be empty where no request streams
  std::function<void(SampleResult&&)> on_sample;
  std::function<void(RequestResult&&)> on_end;
  std::function<void(EmbeddingResult&&)> on_embedding;
  std::function<void(const StepStatistics&)> on_step;  // may be empty; not after every step, see EngineOptions
  std::function<void(Failure)> on_ready;  // without a failure: the model is there
  std::function<void()> on_closed;        // the last call; the model is gone
};

struct EngineOptions {
  SchedulerOptions scheduler;
  int n_workers = 1;
  int n_threads = 1;                             // of a CPU, of all workers together, for decoding and for drawing
  std::chrono::milliseconds step_interval{100};  // least time between two calls of on_step
};

class EmbeddingQueue;
struct EngineWorker;

class Engine {
 public:
  // Loads the model on the first worker's thread. On failure says why in *failure.
  using ModelFactory = std::function<EngineModel(Failure* failure)>;

  Engine(ModelFactory factory, const EngineOptions& options, EngineCallbacks callbacks);

  // Closes and waits for the threads.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // False once closed. Otherwise the request ends exactly once through on_end.
  bool submit(Request&& request) { return orders_.submit(std::move(request)); }
  bool embed(EmbeddingRequest&& request) { return orders_.embed(std::move(request)); }

  // Ends a request of either kind as cancelled, if it has not ended; with an index that one sample alone.
  void cancel(uint64_t id, std::optional<int32_t> index = std::nullopt) { orders_.cancel(id, index); }

  // Drops prompts that no request needs, before the requests submitted later.
  void forget_idle() { orders_.forget_idle(); }

  // Asks the threads to end everything as kClosed, free the decoders and stop. Returns at once; calling twice is safe.
  void close() { orders_.close(); }

  bool closing() const { return orders_.closing(); }
  StepStatistics statistics() const;

 private:
  void serve(ModelFactory factory);
  void work(int index, EngineWorker* worker, EmbeddingQueue* embeddings);
  bool do_turn(int index, EngineWorker* worker, EmbeddingQueue* embeddings);
  void feed(int index, EngineWorker& worker);
  void report(int index, const StepStatistics& step);

  EngineOptions options_;
  EngineCallbacks callbacks_;
  Orders orders_;
  mutable std::mutex statistics_mutex_;
  std::vector<StepStatistics> statistics_;  // of each worker's newest step
  size_t newest_ = 0;                       // whose step is the newest
  std::mutex report_mutex_;                 // held while on_step runs
  std::chrono::steady_clock::time_point last_report_{};
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace pgenrm
