// The engine's threads, with one worker and with several: requests, cancels and closings from several threads at once; every
// request ends once.
#include <array>
#include <atomic>
#include <random>

#include "engine/engine.h"
#include "test/mock_decoder.h"

namespace {

using namespace pgenrm;
using namespace pgenrm::test;

struct MockEmbedder final : TextEmbedder {
  static constexpr int32_t kDimension = 3;
  int32_t dimension() const override { return kDimension; }
  int32_t max_tokens() const override { return 30; }
  int32_t max_batch_tokens() const override { return 40; }
  int32_t max_sequences() const override { return 4; }
  bool embed(std::span<const std::vector<int32_t>> texts, float* out, Failure*) override {
    size_t n_tokens = 0;
    for (const auto& text : texts) n_tokens += text.size();
    EXPECT(!texts.empty() && texts.size() <= 4 && n_tokens <= 40);
    std::fill(out, out + texts.size() * kDimension, 1.0f);
    return true;
  }
};

void run_once(uint32_t seed) {
  const int n_workers = 1 + static_cast<int>(seed % 3);
  std::mutex mutex;
  std::map<uint64_t, int> ends;
  std::map<uint64_t, size_t> text_counts;
  std::atomic<bool> closed{false};
  EngineCallbacks callbacks;
  callbacks.on_ready = [](const Failure& failure) { EXPECT(!failure.failed()); };
  callbacks.on_sample = [](SampleResult&&) {};
  callbacks.on_end = [&](RequestResult&& result) {
    const std::lock_guard<std::mutex> lock(mutex);
    ends[result.request_id] += 1;
  };
  callbacks.on_embedding = [&](EmbeddingResult&& result) {
    const std::lock_guard<std::mutex> lock(mutex);
    ends[result.request_id] += 1;
    if (result.failure.failed()) {
      EXPECT(result.failure.code == FailureCode::kClosed);
      return;
    }
    EXPECT(result.vectors.size() == text_counts.at(result.request_id) * MockEmbedder::kDimension);
    for (const float x : result.vectors) EXPECT(x == 1.0f);
  };
  callbacks.on_closed = [&] { closed = true; };
  std::atomic<uint64_t> n_accepted{0};
  {
    const auto factory = [n_workers](Failure*) {
      EngineModel model;
      for (int i = 0; i < n_workers; ++i) {
        model.decoders.push_back(std::make_unique<MockDecoder>(DecoderLimits{300, 12, 32, kVocabulary}));
      }
      model.make_embedder = [](Failure*) { return std::make_unique<MockEmbedder>(); };
      return model;
    };
    std::atomic<int64_t> n_reports{0};
    callbacks.on_step = [&](const StepStatistics& s) {
      EXPECT(s.n_running >= 0 && s.n_cells_planned <= n_workers * 300);
      n_reports += 1;
    };
    Engine engine(factory, {{6, 16}, n_workers, 2, std::chrono::milliseconds(0)}, callbacks);
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(seed * 3 + t);
        for (uint64_t i = 0; i < 40; ++i) {
          Request request;
          request.id = t * 1000 + i + 1;
          request.prompt.assign(1 + random() % 40, static_cast<int32_t>(random() % 3));
          request.seeds.assign(1 + random() % 2, 1);
          request.max_tokens = 1 + static_cast<int32_t>(random() % 20);
          if (engine.submit(std::move(request))) n_accepted += 1;
          EmbeddingRequest texts;
          texts.id = 100000 + t * 1000 + i;
          texts.texts.assign(1 + random() % 9, std::vector<int32_t>(1 + random() % 20, static_cast<int32_t>(i)));
          const size_t n_texts = texts.texts.size();
          {
            const std::lock_guard<std::mutex> lock(mutex);
            text_counts[texts.id] = n_texts;
          }
          if (engine.embed(std::move(texts))) n_accepted += 1;
          if (random() % 4 == 0) engine.cancel(t * 1000 + 1 + random() % (i + 1));
          if (random() % 4 == 0) engine.cancel(t * 1000 + 1 + random() % (i + 1), static_cast<int32_t>(random() % 2));
          if (random() % 97 == 0) engine.close();
          (void)engine.statistics();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  EXPECT(closed);
  EXPECT(ends.size() == n_accepted);
  for (const auto& [id, n] : ends) EXPECT(n == 1);
}

// What a decoder of a worker was asked for, while the engine runs.
struct Seen {
  std::atomic<int64_t> n_calls{0};
  std::atomic<int32_t> n_threads{0};   // at the last call
  std::atomic<int32_t> most_threads{0};
};

// A mock whose calls take a while, so that another worker can take part.
struct SlowDecoder final : MockDecoder {
  Seen& seen;
  explicit SlowDecoder(Seen& seen) : MockDecoder({300, 12, 32, kVocabulary}), seen(seen) {}
  DecodeStatus decode(std::span<const DecodeRow> rows) override {
    seen.n_calls += 1;
    seen.most_threads = std::max(seen.most_threads.load(), seen.n_threads.load());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return MockDecoder::decode(rows);
  }
  void use_threads(int32_t n) override { seen.n_threads = n; }
};

// Runs requests whose prompts begin as the users say on two workers with four threads.
void run_two_workers(std::array<Seen, 2>& seen, const std::vector<int32_t>& users, int32_t max_unfinished = 100) {
  std::atomic<size_t> n_ended{0};
  std::atomic<int> n_too_long{0};
  EngineCallbacks callbacks;
  callbacks.on_ready = [](const Failure& failure) { EXPECT(!failure.failed()); };
  callbacks.on_sample = [](SampleResult&&) {};
  callbacks.on_end = [&](RequestResult&& result) {
    if (result.status == RequestStatus::kTooLong) {
      EXPECT(result.detail == "needs 401 KV cells, there are 300");
      n_too_long += 1;
    } else {
      EXPECT(result.status == RequestStatus::kDone && result.total_us >= result.prefill_us);
      n_ended += 1;
    }
  };
  callbacks.on_embedding = [](EmbeddingResult&&) {};
  callbacks.on_closed = [] {};
  const auto factory = [&seen](Failure*) {
    EngineModel model;
    for (Seen& one : seen) model.decoders.push_back(std::make_unique<SlowDecoder>(one));
    return model;
  };
  SchedulerOptions options{6, 16};
  options.max_unfinished = max_unfinished;
  Engine engine(factory, {options, 2, 4, std::chrono::milliseconds(0)}, callbacks);
  for (size_t i = 0; i <= users.size(); ++i) {
    Request request;
    request.id = i + 1;
    request.prompt.assign(20, i < users.size() ? users[i] : 0);
    request.prompt.push_back(static_cast<int32_t>(i % 20));
    request.seeds = {1, 2};
    request.max_tokens = request.min_tokens = 20;
    // The last one fits nowhere, and is told so however much waits before it.
    if (i == users.size()) request.max_tokens = 400 - 21;
    EXPECT(engine.submit(std::move(request)));
  }
  while (n_ended < users.size()) {
    if (n_ended == users.size() - 1) EXPECT(n_too_long == 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT(n_too_long == 1);
  const StepStatistics s = engine.statistics();
  EXPECT(s.n_calls_total == seen[0].n_calls + seen[1].n_calls);
  EXPECT(s.n_generated_total == static_cast<int64_t>(users.size()) * 2 * 20);
}

void workers_part_what_waits_and_one_alone_has_all_threads() {
  std::array<Seen, 2> alone;
  run_two_workers(alone, {1, 1});
  EXPECT((alone[0].n_calls == 0) != (alone[1].n_calls == 0));
  EXPECT(std::max(alone[0].most_threads, alone[1].most_threads) == 4);
  std::array<Seen, 2> both;
  std::vector<int32_t> users;
  for (int32_t i = 0; i < 40; ++i) users.push_back(i % 2);
  run_two_workers(both, users);
  EXPECT(both[0].n_calls > 20 && both[1].n_calls > 20);
  // All that a worker has may end in one step, and others wait still.
  std::array<Seen, 2> few;
  run_two_workers(few, users, 1);
}

void a_decoder_that_fails_is_reported() {
  Failure reported;
  bool closed = false;
  EngineCallbacks callbacks;
  callbacks.on_ready = [&](Failure failure) { reported = std::move(failure); };
  callbacks.on_sample = [](SampleResult&&) {};
  callbacks.on_end = [](RequestResult&&) {};
  callbacks.on_embedding = [](EmbeddingResult&&) {};
  callbacks.on_closed = [&] { closed = true; };
  {
    Engine engine(
        [](Failure* failure) {
          *failure = {FailureCode::kUnusable, "no weights"};
          return EngineModel{};
        },
        {{1, 1}, 1, 1, std::chrono::milliseconds(0)}, callbacks);
  }
  EXPECT(reported.code == FailureCode::kUnusable && reported.detail == "no weights");
  EXPECT(closed);
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t n_runs = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 100;
  a_decoder_that_fails_is_reported();
  workers_part_what_waits_and_one_alone_has_all_threads();
  for (uint32_t seed = 1; seed <= n_runs; ++seed) run_once(seed);
  std::printf("engine: %u random runs\n", n_runs);
  return 0;
}
