// Drives a scheduler with requests that arrive and are cancelled at random, and records what it reports.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/scheduler.h"
#include "test/expect.h"

namespace pgenrm::test {

// Every report, each checked against those before it: nothing comes after the end of its sample or request.
struct Recorder final : SchedulerListener {
  std::map<uint64_t, std::map<int32_t, SampleResult>> samples;
  std::map<uint64_t, RequestResult> ends;
  std::map<uint64_t, std::map<int32_t, std::string>> streamed;
  void on_text(std::vector<TextPiece>&& pieces) override {
    std::set<std::pair<uint64_t, int32_t>> seen;
    for (const TextPiece& piece : pieces) {
      EXPECT(ends.count(piece.request_id) == 0);
      EXPECT(samples[piece.request_id].count(piece.index) == 0);
      EXPECT(!piece.text.empty());
      // Without a plan a sample has one piece; with one, a piece for each part, in their order.
      if (piece.part < 0) EXPECT(seen.emplace(piece.request_id, piece.index).second);
      int32_t& newest = newest_part_[piece.request_id].emplace(piece.index, -1).first->second;
      EXPECT(piece.part >= newest);
      newest = piece.part;
      streamed[piece.request_id][piece.index] += piece.text;
    }
  }
  void on_sample(SampleResult&& sample) override {
    EXPECT(ends.count(sample.request_id) == 0);
    const int32_t index = sample.index;
    EXPECT(samples[sample.request_id].emplace(index, std::move(sample)).second);
  }
  void on_end(RequestResult&& result) override {
    const uint64_t id = result.request_id;
    EXPECT(ends.emplace(id, std::move(result)).second);
  }

 private:
  std::map<uint64_t, std::map<int32_t, int32_t>> newest_part_;
};

// What was asked of a scheduler.
struct Asked {
  std::map<uint64_t, Request> requests;
  std::set<uint64_t> cancelled;
  std::map<uint64_t, std::set<int32_t>> cancelled_samples;

  // Whether that sample was cancelled by itself.
  bool cut(uint64_t id, int32_t index) const {
    const auto found = cancelled_samples.find(id);
    return found != cancelled_samples.end() && found->second.count(index) > 0;
  }
};

// Submits so many requests, cancels some of them and some samples, and steps until all have ended. `disturb` runs before each step.
template <typename MockedDecoder>
Asked drive(Scheduler& scheduler, MockedDecoder& decoder, Recorder& recorder, std::mt19937& random, int n_requests,
            const std::function<Request(uint64_t)>& make_request, const std::function<void()>& disturb = [] {}) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  Asked asked;
  int64_t n_steps = 0;
  uint64_t next = 1;
  const auto any_id = [&] { return static_cast<uint64_t>(pick(1, static_cast<int>(next) - 1)); };
  while (next <= static_cast<uint64_t>(n_requests) || !scheduler.idle()) {
    if (next <= static_cast<uint64_t>(n_requests) && pick(0, 3) == 0) {
      Request request = make_request(next);
      asked.requests[next] = request;
      scheduler.submit(std::move(request));
      next += 1;
    }
    if (next > 1 && pick(0, 30) == 0) {
      const uint64_t id = any_id();
      if (recorder.ends.count(id) == 0) asked.cancelled.insert(id);
      scheduler.cancel(id);
    }
    if (next > 1 && pick(0, 8) == 0) {
      // Any sample of any request so far: one that runs, waits, was preempted, has ended or does not exist.
      const uint64_t id = any_id();
      const auto n_samples = static_cast<int32_t>(asked.requests.at(id).seeds.size());
      const int32_t index = pick(-1, n_samples);
      const bool open = recorder.ends.count(id) == 0 && index >= 0 && index < n_samples &&
                        recorder.samples[id].count(index) == 0;
      const size_t n_ended = recorder.samples[id].size();
      if (open) asked.cancelled_samples[id].insert(index);
      scheduler.cancel_sample(id, index);
      EXPECT(recorder.samples[id].size() == n_ended + (open ? 1 : 0));
      // A request ends with its last sample.
      const bool all_ended = recorder.samples[id].size() == static_cast<size_t>(n_samples);
      if (open) EXPECT((recorder.ends.count(id) == 1) == all_ended);
    }
    disturb();
    scheduler.step();
    EXPECT(decoder.n_cells_used() <= decoder.limits().n_cells);
    EXPECT(scheduler.n_sample_cells() >= 0);
    EXPECT(++n_steps < 100000);  // always forward
  }
  EXPECT(recorder.ends.size() == asked.requests.size());
  return asked;
}

// What is left belongs to idle prompts: no cell and no sequence is lost.
template <typename MockedDecoder>
void expect_nothing_lost(const Scheduler& scheduler, const MockedDecoder& decoder) {
  EXPECT(scheduler.n_sample_cells() == 0);
  EXPECT(decoder.n_cells_used() <= scheduler.cache().n_cells());
  EXPECT(scheduler.n_free_sequences() + static_cast<int32_t>(scheduler.cache().n_slots()) == decoder.limits().n_sequences);
}

}  // namespace pgenrm::test
