#include "engine/orders.h"

#include <algorithm>
#include <string>

namespace pgenrm {

Orders::Orders(int n_workers) : queue_(n_workers), workers_(static_cast<size_t>(n_workers)) {}

bool Orders::submit(Request&& request) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closing_) return false;
    submitted_.push_back(std::move(request));
  }
  wake_.notify_all();
  return true;
}

bool Orders::embed(EmbeddingRequest&& request) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (closing_) return false;
    to_embed_.push_back(std::move(request));
  }
  wake_.notify_all();
  return true;
}

void Orders::cancel(uint64_t id, std::optional<int32_t> index) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Worker& worker : workers_) worker.cancelled.push_back({id, index});
  }
  wake_.notify_all();
}

void Orders::forget_idle() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Worker& worker : workers_) worker.forgets = true;
    queue_.forget_given();
  }
  wake_.notify_all();
}

void Orders::close() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
}

bool Orders::closing() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return closing_;
}

void Orders::open(int32_t n_cells) {
  const std::lock_guard<std::mutex> lock(mutex_);
  n_cells_ = n_cells;
}

Turn Orders::next_turn(int index, bool has_work) {
  Turn turn;
  std::unique_lock<std::mutex> lock(mutex_);
  Worker& worker = workers_[static_cast<size_t>(index)];
  const bool embeds = index == 0;
  wake_.wait(lock, [&] {
    return closing_ || has_work || worker.forgets || !worker.cancelled.empty() || !submitted_.empty() ||
           (embeds && !to_embed_.empty()) || queue_.has_for(index);
  });
  turn.closes = closing_;
  if (closing_) return turn;
  std::swap(turn.forgets, worker.forgets);
  if (embeds) turn.to_embed.swap(to_embed_);
  turn.cancelled.swap(worker.cancelled);
  queue_submitted(turn.ended);
  for (const Cancellation& cancellation : turn.cancelled) cancel_queued(cancellation, turn);
  return turn;
}

void Orders::queue_submitted(std::vector<RequestResult>& refused) {
  for (Request& request : submitted_) {
    if (n_cells_ == 0) {
      refused.push_back(not_taken_up(request, RequestStatus::kDecodeFailed, "the model was loaded for embedding only"));
      continue;
    }
    std::string why = why_too_long(request, n_cells_);
    if (why.empty()) {
      queue_.add(std::move(request));
    } else {
      refused.push_back(not_taken_up(request, RequestStatus::kTooLong, std::move(why)));
    }
  }
  submitted_.clear();
}

// The first worker that hears of it finds the request in its queue, if it is still there.
void Orders::cancel_queued(const Cancellation& cancellation, Turn& turn) {
  std::optional<Request> found = queue_.remove(cancellation.id);
  if (!found) return;
  if (cancellation.index) {
    turn.handed.push_back(std::move(*found));
  } else {
    turn.ended.push_back(not_taken_up(*found, RequestStatus::kCancelled, ""));
  }
}

std::optional<Request> Orders::take(int worker) {
  const std::lock_guard<std::mutex> lock(mutex_);
  return queue_.take(worker);
}

int Orders::set_busy(int worker, bool busy) {
  const std::lock_guard<std::mutex> lock(mutex_);
  workers_[static_cast<size_t>(worker)].busy = busy;
  return static_cast<int>(std::ranges::count_if(workers_, [](const Worker& w) { return w.busy; }));
}

bool Orders::busy(int worker) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return workers_[static_cast<size_t>(worker)].busy;
}

int32_t Orders::n_waiting() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<int32_t>(submitted_.size() + queue_.size());
}

std::vector<RequestResult> Orders::end_waiting() {
  const std::lock_guard<std::mutex> lock(mutex_);
  closing_ = true;
  std::vector<RequestResult> ended;
  const auto end = [&](const std::vector<Request>& requests) {
    for (const Request& request : requests) ended.push_back(not_taken_up(request, RequestStatus::kClosed, ""));
  };
  end(submitted_);
  submitted_.clear();
  end(queue_.clear());
  return ended;
}

std::vector<uint64_t> Orders::end_embeddings() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<uint64_t> ids;
  for (const EmbeddingRequest& request : to_embed_) ids.push_back(request.id);
  to_embed_.clear();
  return ids;
}

}  // namespace pgenrm
