#include "engine/request_queue.h"

#include <algorithm>

#include "engine/common_prefix.h"

namespace pgenrm {
namespace {

// Prompts that a taker is presumed to hold: about as many as run at once, and as are compared in little time.
constexpr size_t kRemembered = 8;
// Requests that are looked at, from the oldest on.
constexpr size_t kLookAhead = 64;
// Later requests that may be taken before the oldest.
constexpr int32_t kMostPassed = 64;
// While no more than so many wait, one whose prefix another taker holds is left to that one.
constexpr size_t kFew = 4;

}  // namespace

void RequestQueue::add(Request&& request) { waiting_.push_back({std::move(request)}); }

int32_t RequestQueue::longest_shared(const Taker& taker, std::span<const int32_t> prompt) const {
  int32_t longest = 0;
  for (const Prompt& given : taker) longest = std::max(longest, common_prefix(given, prompt));
  return longest;
}

// The one with the most tokens shared with what the taker has, less half of what it shares with what another has: of two that
// are worth the same to the taker it leaves the other's.
std::optional<size_t> RequestQueue::choose(size_t taker) const {
  if (waiting_.empty()) return std::nullopt;
  if (waiting_.front().n_passed >= kMostPassed) return 0;
  std::optional<size_t> best;
  int32_t best_worth = 0;
  for (size_t i = 0; i < std::min(waiting_.size(), kLookAhead); ++i) {
    const Prompt& prompt = waiting_[i].request.prompt;
    const int32_t mine = longest_shared(takers_[taker], prompt);
    int32_t others = 0;
    for (size_t other = 0; other < takers_.size(); ++other) {
      if (other != taker) others = std::max(others, longest_shared(takers_[other], prompt));
    }
    const int32_t worth = 2 * mine - others;
    if (worth < 0 && waiting_.size() <= kFew) continue;
    if (best && worth <= best_worth) continue;
    best = i;
    best_worth = worth;
  }
  return best;
}

std::optional<Request> RequestQueue::take(int taker) {
  const auto at = choose(static_cast<size_t>(taker));
  if (!at) return std::nullopt;
  for (size_t i = 0; i < *at; ++i) waiting_[i].n_passed += 1;
  std::optional<Request> taken = std::move(waiting_[*at].request);
  waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(*at));
  Taker& mine = takers_[static_cast<size_t>(taker)];
  mine.push_front(taken->prompt);
  if (mine.size() > kRemembered) mine.pop_back();
  return taken;
}

std::optional<Request> RequestQueue::remove(uint64_t id) {
  const auto found = std::ranges::find_if(waiting_, [id](const Waiting& waiting) { return waiting.request.id == id; });
  if (found == waiting_.end()) return std::nullopt;
  std::optional<Request> removed = std::move(found->request);
  waiting_.erase(found);
  return removed;
}

std::vector<Request> RequestQueue::clear() {
  std::vector<Request> requests;
  for (Waiting& waiting : waiting_) requests.push_back(std::move(waiting.request));
  waiting_.clear();
  return requests;
}

void RequestQueue::forget_given() {
  for (Taker& taker : takers_) taker.clear();
}

}  // namespace pgenrm
