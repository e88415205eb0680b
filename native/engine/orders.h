// What callers on any thread ask of the engine, and what each of its workers is to do of it. The one place where threads
// meet; knows no model and no scheduler.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/request.h"
#include "engine/request_queue.h"

namespace pgenrm {

struct Cancellation {
  uint64_t id;
  std::optional<int32_t> index;  // of a sample; none for the whole request
};

// What a worker is to do before its next step, in this order.
struct Turn {
  bool closes = false;                       // nothing else is to be done then
  bool forgets = false;                      // drop prompts that no request needs
  std::vector<RequestResult> ended;          // requests that end without having been taken up
  std::vector<Request> handed;               // requests that it must take: one of their samples is cancelled
  std::vector<EmbeddingRequest> to_embed;    // of the first worker alone
  std::vector<Cancellation> cancelled;       // whatever it has of these ends
};

class Orders {
 public:
  explicit Orders(int n_workers);

  // By callers. submit() and embed() are false once closed.
  bool submit(Request&& request);
  bool embed(EmbeddingRequest&& request);
  void cancel(uint64_t id, std::optional<int32_t> index);
  void forget_idle();
  void close();
  bool closing() const;

  // Before the first turn, where something generates: the KV cells of a worker, which bound a request.
  void open(int32_t n_cells);

  // Waits until there is something to do for this worker, or at once where it `has_work`.
  Turn next_turn(int worker, bool has_work);

  // A request for this worker; none where there is none for it.
  std::optional<Request> take(int worker);

  // Says whether the worker has work; gives how many have.
  int set_busy(int worker, bool busy);
  bool busy(int worker) const;

  // Requests that nobody has taken up.
  int32_t n_waiting() const;

  // What is left once closed: ends as kClosed, and embeddings by id.
  std::vector<RequestResult> end_waiting();
  std::vector<uint64_t> end_embeddings();

 private:
  struct Worker {
    std::vector<Cancellation> cancelled;
    bool forgets = false;
    bool busy = false;
  };

  void queue_submitted(std::vector<RequestResult>& refused);
  void cancel_queued(const Cancellation& cancellation, Turn& turn);

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  int32_t n_cells_ = 0;                // 0 where nothing generates
  std::vector<Request> submitted_;
  RequestQueue queue_;
  std::vector<EmbeddingRequest> to_embed_;
  std::vector<Worker> workers_;
  bool closing_ = false;
};

}  // namespace pgenrm
