// Two lanes against the mock: lone samples in streams and others on shared cells, whatever arrives and is cancelled. Every
// request ends once, with the text that it has in one lane, and rows in streams follow on each other.
#include <random>

#include "engine/lanes.h"
#include "engine/sequence_pool.h"
#include "test/mock_decoder.h"

namespace {

using namespace pgenrm;
using namespace pgenrm::test;

struct Recorder final : SchedulerListener {
  std::map<std::pair<uint64_t, int32_t>, std::string> texts;
  std::map<uint64_t, RequestStatus> ends;
  void on_text(std::vector<TextPiece>&&) override {}
  void on_sample(SampleResult&& sample) override {
    EXPECT(texts.emplace(std::pair(sample.request_id, sample.index), sample.text).second);
  }
  void on_end(RequestResult&& result) override { EXPECT(ends.emplace(result.request_id, result.status).second); }
};

// A decoder whose running samples must have sequences that follow on each other from 0 while `full` of them run.
struct StreamDecoder final : MockDecoder {
  int32_t n_samples;
  int n_full = 0;
  explicit StreamDecoder(const DecoderLimits& limits, int32_t n_samples) : MockDecoder(limits), n_samples(n_samples) {}
  DecodeStatus decode(std::span<const DecodeRow> rows) override {
    std::set<int32_t> samples;
    for (const DecodeRow& row : rows) {
      if (row.sequence < n_samples) samples.insert(row.sequence);
    }
    EXPECT(static_cast<int32_t>(samples.size()) <= n_samples);
    if (static_cast<int32_t>(samples.size()) == n_samples) n_full += 1;
    return MockDecoder::decode(rows);
  }
  void sequence_copy(int32_t source, int32_t target, int32_t to) override {
    EXPECT(source >= n_samples);
    MockDecoder::sequence_copy(source, target, to);
  }
};

Request random_request(std::mt19937& random, uint64_t id) {
  const auto pick = [&](uint32_t low, uint32_t high) { return low + random() % (high - low + 1); };
  Request request;
  request.id = id;
  request.prompt.assign(pick(1, 12), static_cast<int32_t>(pick(0, 2)));
  request.prompt.push_back(static_cast<int32_t>(pick(0, 20)));
  for (uint32_t i = pick(0, 1) == 0 ? 1 : pick(1, 4); i > 0; --i) request.seeds.push_back(random());
  request.sampling.temperature = 1;
  request.max_tokens = static_cast<int32_t>(pick(1, 16));
  return request;
}

void run_once(uint32_t seed) {
  std::mt19937 random(seed);
  WorkerPool pool(1);
  MockDecoder shared({400, 12, 32, kVocabulary});
  StreamDecoder lone({8 * 40, 8, 32, kVocabulary, 40}, 4);
  MockDecoder only({400, 12, 32, kVocabulary});
  SchedulerOptions options;
  options.max_running = 6;
  SchedulerOptions streams;
  streams.max_running = 4;
  streams.max_unfinished = 8;
  streams.streams = true;
  Recorder recorder;
  Recorder reference;
  Lanes lanes({&shared, options}, {&lone, streams}, recorder, pool);
  Lanes one({&only, options}, {nullptr, {}}, reference, pool);
  std::set<uint64_t> cancelled;
  int64_t n_steps = 0;
  for (uint64_t id = 1; id <= 20 || !lanes.idle(); ++id) {
    if (id <= 20) {
      Request request = random_request(random, id);
      one.submit(Request(request));
      lanes.submit(std::move(request));
      if (random() % 6 == 0) {
        const uint64_t which = 1 + random() % id;
        cancelled.insert(which);
        if (random() % 2 == 0) {
          lanes.cancel(which);
        } else {
          lanes.cancel_sample(which, 0);
        }
      }
    }
    if (lanes.step()) n_steps += 1;
    EXPECT(lanes.statistics().n_running <= 6 + 4);
    EXPECT(lanes.statistics().n_steps_total == n_steps);
  }
  while (one.step()) continue;
  EXPECT(recorder.ends.size() == 20);
  for (const auto& [key, text] : reference.texts) {
    if (cancelled.count(key.first) == 0) EXPECT(recorder.texts.at(key) == text);
  }
  const StepStatistics& s = lanes.statistics();
  EXPECT(s.n_calls_total == shared.n_calls + lone.n_calls);
  EXPECT(s.n_cells_read_total == shared.n_read + lone.n_read);
  EXPECT(s.n_prefill_rows_total + s.n_decode_rows_total == shared.n_rows + lone.n_rows);
  lanes.forget_idle();
  EXPECT(shared.n_cells_used() == 0 && lone.n_cells_used() == 0);
}

void rows_of_streams_pass_over_their_own_cells() {
  WorkerPool pool(1);
  MockDecoder shared({400, 12, 32, kVocabulary});
  StreamDecoder lone({8 * 100, 8, 32, kVocabulary, 100}, 4);
  SchedulerOptions streams;
  streams.max_running = 4;
  streams.streams = true;
  Recorder recorder;
  Lanes lanes({&shared, {}}, {&lone, streams}, recorder, pool);
  for (uint64_t id = 1; id <= 12; ++id) {
    Request request;
    request.id = id;
    request.prompt = {static_cast<int32_t>(id), 1, 2};
    request.seeds = {1};
    request.max_tokens = request.min_tokens = 9;
    lanes.submit(std::move(request));
  }
  while (lanes.step()) continue;
  EXPECT(recorder.ends.size() == 12);
  EXPECT(lone.n_full > 12);
  EXPECT(shared.n_calls == 0);
  const StepStatistics& s = lanes.statistics();
  EXPECT(s.n_row_cells_total == s.n_prefill_attended_total + s.n_decode_attended_total);
  lanes.end_all(RequestStatus::kClosed, "");
}

void a_pool_gives_the_lowest_of_its_part() {
  SequencePool parts(5, 2);
  EXPECT(parts.take_for_prompt() == 2 && parts.take_for_sample() == 0 && parts.take_for_sample() == 1);
  EXPECT(parts.take_for_sample() == -1 && parts.has_for_prompt() && parts.n_free() == 2);
  parts.give_back(1);
  parts.give_back(0);
  EXPECT(parts.take_for_sample() == 0);
  EXPECT(parts.take_for_prompt() == 3 && parts.take_for_prompt() == 4 && !parts.has_for_prompt());
  SequencePool one(2, 0);
  EXPECT(one.has_for_prompt() && one.take_for_prompt() == 0 && !one.has_for_prompt());
  EXPECT(one.take_for_sample() == 1 && one.take_for_prompt() == -1);
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 300;
  a_pool_gives_the_lowest_of_its_part();
  rows_of_streams_pass_over_their_own_cells();
  for (int i = 0; i < runs; ++i) run_once(static_cast<uint32_t>(i) + 1);
  std::printf("%d runs of two lanes passed\n", runs);
}
