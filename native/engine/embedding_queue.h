// Embedding requests in order of arrival, a batch of texts a step, so that generation goes on between batches.
// Single-threaded; makes its embedder when the first request comes.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "engine/failure.h"
#include "engine/request.h"
#include "engine/text_embedder.h"

namespace pgenrm {

class EmbeddingQueue {
 public:
  using EmbedderFactory = std::function<std::unique_ptr<TextEmbedder>(Failure* failure)>;
  using OnEnd = std::function<void(EmbeddingResult&&)>;

  EmbeddingQueue(EmbedderFactory factory, OnEnd on_end) : factory_(std::move(factory)), on_end_(std::move(on_end)) {}

  void submit(EmbeddingRequest&& request) { open_.push_back({std::move(request), 0, {}}); }

  void cancel(uint64_t id) {
    const auto found = std::ranges::find_if(open_, [id](const Open& open) { return open.request.id == id; });
    if (found == open_.end()) return;
    open_.erase(found);
    on_end_({id, {FailureCode::kCancelled, ""}, {}, 0});
  }

  void end_all(const Failure& failure) {
    for (const Open& open : open_) on_end_({open.request.id, failure, {}, 0});
    open_.clear();
  }

  bool idle() const { return open_.empty(); }

  // Embeds one batch of the oldest request.
  void step() {
    if (open_.empty()) return;
    Open& open = open_.front();
    Failure failure{FailureCode::kUnusable, "this engine does not embed"};
    if (!embedder_ && factory_) embedder_ = factory_(&failure);
    if (!embedder_) return fail(failure);
    const std::vector<std::vector<int32_t>>& texts = open.request.texts;
    int32_t n_tokens = 0;
    size_t end = open.n_done;
    while (end < texts.size() && end - open.n_done < static_cast<size_t>(embedder_->max_sequences())) {
      const auto n = static_cast<int32_t>(texts[end].size());
      if (n > embedder_->max_tokens()) {
        return fail({FailureCode::kTooLong, "a text of " + std::to_string(n) + " tokens exceeds the embedder's " +
                    std::to_string(embedder_->max_tokens())});
      }
      if (n_tokens + n > embedder_->max_batch_tokens()) break;
      n_tokens += n;
      end += 1;
    }
    const auto dimension = static_cast<size_t>(embedder_->dimension());
    open.vectors.resize(texts.size() * dimension);
    if (!embedder_->embed({texts.data() + open.n_done, end - open.n_done}, open.vectors.data() + open.n_done * dimension,
                          &failure)) {
      return fail(failure);
    }
    open.n_done = end;
    if (end < texts.size()) return;
    EmbeddingResult result{open.request.id, {}, std::move(open.vectors), embedder_->dimension()};
    open_.pop_front();
    on_end_(std::move(result));
  }

  void free_embedder() { embedder_.reset(); }

 private:
  struct Open {
    EmbeddingRequest request;
    size_t n_done;  // texts that are embedded
    std::vector<float> vectors;
  };

  void fail(const Failure& failure) {
    const uint64_t id = open_.front().request.id;
    open_.pop_front();
    on_end_({id, failure, {}, 0});
  }

  EmbedderFactory factory_;
  OnEnd on_end_;
  std::unique_ptr<TextEmbedder> embedder_;
  std::deque<Open> open_;
};

}  // namespace pgenrm
