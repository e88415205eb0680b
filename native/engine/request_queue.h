// Requests that nobody has taken up yet, and which of them a taker is given: the one whose prompt begins most like what
// that taker was given before, because it has that prefix decoded.
//
// Takers are schedulers with KV memories of their own. A prefix that another taker holds is decoded a second time by whoever
// takes it away, which pays where many requests wait and not where few do. No request is passed over for ever.
// Single-threaded; knows no scheduler.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/request.h"

namespace pgenrm {

class RequestQueue {
 public:
  explicit RequestQueue(int n_takers) : takers_(static_cast<size_t>(n_takers)) {}

  void add(Request&& request);

  // Whether take() would give it something.
  bool has_for(int taker) const { return choose(static_cast<size_t>(taker)).has_value(); }

  // What `taker` is to run next; none where nothing waits, or where the few that wait are better left to others.
  std::optional<Request> take(int taker);

  // Takes out the request with this id, if it is here.
  std::optional<Request> remove(uint64_t id);

  std::vector<Request> clear();

  // Prompts that takers were given are held no longer: what comes shares nothing with them.
  void forget_given();

  size_t size() const { return waiting_.size(); }

 private:
  using Prompt = std::vector<int32_t>;
  struct Waiting {
    Request request;
    int32_t n_passed = 0;  // later requests that were taken before it
  };
  // The prompts that it was given last, newest first.
  using Taker = std::deque<Prompt>;

  int32_t longest_shared(const Taker& taker, std::span<const int32_t> prompt) const;
  std::optional<size_t> choose(size_t taker) const;

  std::deque<Waiting> waiting_;  // in order of arrival
  std::vector<Taker> takers_;
};

}  // namespace pgenrm
