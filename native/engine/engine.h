// Lanes of schedulers and an embedder on a thread of their own: requests come in from any thread, results go out through
// callbacks. Owns the thread and the contexts; knows no JavaScript.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/decoder.h"
#include "engine/lanes.h"
#include "engine/text_embedder.h"

namespace pgenrm {

// What the engine runs: decoders, and a way to make an embedder once one is asked for.
struct EngineModel {
  std::unique_ptr<Decoder> decoder;       // null where the engine only embeds
  std::unique_ptr<Decoder> lone_decoder;  // of requests with one sample; null where the other decoder has them too
  std::function<std::unique_ptr<TextEmbedder>(std::string* error)> make_embedder;
};

// Called on the engine's thread; must not call back into the engine other than submit, cancel and close.
struct EngineCallbacks {
  std::function<void(std::vector<TextPiece>&&)> on_text;  // may be empty where no request streams
  std::function<void(SampleResult&&)> on_sample;
  std::function<void(RequestResult&&)> on_end;
  std::function<void(EmbeddingResult&&)> on_embedding;
  std::function<void(const StepStatistics&)> on_step;  // may be empty; not after every step, see EngineOptions
  std::function<void(std::string error)> on_ready;  // '' when the model is there
  std::function<void()> on_closed;                  // the last call; the model is gone
};

struct EngineOptions {
  SchedulerOptions scheduler;
  SchedulerOptions lone_scheduler;  // for the lone decoder
  int n_sampling_threads = 1;
  std::chrono::milliseconds step_interval{100};  // least time between two calls of on_step
};

class EmbeddingQueue;

class Engine {
 public:
  // Loads the model on the engine's thread. On failure says why in *error.
  using ModelFactory = std::function<EngineModel(std::string* error)>;

  Engine(ModelFactory factory, const EngineOptions& options, EngineCallbacks callbacks);

  // Closes and waits for the thread.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // False once closed. Otherwise the request ends exactly once through on_end.
  bool submit(Request&& request);
  bool embed(EmbeddingRequest&& request);

  // Ends a request of either kind as cancelled, if it has not ended; with an index that one sample alone.
  void cancel(uint64_t id, std::optional<int32_t> index = std::nullopt);

  // Drops prompts that no request needs, before the requests submitted later.
  void forget_idle();

  // Asks the thread to end everything as kClosed, free the decoder and stop. Returns at once; calling twice is safe.
  void close();

  bool closing() const;
  StepStatistics statistics() const;

 private:
  struct Cancellation {
    uint64_t id;
    std::optional<int32_t> index;  // of a sample; none for the whole request
  };

  void serve(ModelFactory factory);
  void report(const StepStatistics& statistics);
  bool take_orders(Lanes* lanes, EmbeddingQueue& embeddings);
  void end_submitted();

  EngineOptions options_;
  EngineCallbacks callbacks_;
  std::chrono::steady_clock::time_point last_report_{};  // the engine's thread only
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Request> submitted_;
  std::vector<EmbeddingRequest> to_embed_;
  std::vector<Cancellation> cancelled_;
  StepStatistics statistics_;
  bool forgets_ = false;
  bool closing_ = false;
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace pgenrm
