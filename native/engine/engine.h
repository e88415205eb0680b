// A scheduler on a thread of its own: requests come in from any thread, results go out through callbacks.
// Owns the thread and the decoder; knows no JavaScript.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/decoder.h"
#include "engine/scheduler.h"

namespace pgenrm {

// Called on the engine's thread; must not call back into the engine other than submit, cancel and close.
struct EngineCallbacks {
  std::function<void(SampleResult&&)> on_sample;
  std::function<void(RequestResult&&)> on_end;
  std::function<void(std::string error)> on_ready;  // '' when the decoder is there
  std::function<void()> on_closed;                  // the last call; the decoder is gone
};

class Engine {
 public:
  // Makes the decoder (loads the model) on the engine's thread. On failure gives null and says why.
  using DecoderFactory = std::function<std::unique_ptr<Decoder>(std::string* error)>;

  Engine(DecoderFactory factory, const SchedulerOptions& options, int n_sampling_threads, EngineCallbacks callbacks);

  // Closes and waits for the thread.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // False once closed. Otherwise the request ends exactly once through on_end.
  bool submit(Request&& request);
  void cancel(uint64_t id);

  // Asks the thread to end everything as kClosed, free the decoder and stop. Returns at once; calling twice is safe.
  void close();

  bool closing() const;
  StepStatistics statistics() const;

 private:
  void serve(DecoderFactory factory, SchedulerOptions options, int n_sampling_threads);
  bool take_orders(Scheduler& scheduler);

  EngineCallbacks callbacks_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Request> submitted_;
  std::vector<uint64_t> cancelled_;
  StepStatistics statistics_;
  bool closing_ = false;
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace pgenrm
