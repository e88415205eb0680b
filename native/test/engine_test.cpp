// The engine's threads: requests, cancels and closings from several threads at once; every request ends once.
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
  bool embed(std::span<const std::vector<int32_t>> texts, float* out, std::string*) override {
    size_t n_tokens = 0;
    for (const auto& text : texts) n_tokens += text.size();
    EXPECT(!texts.empty() && texts.size() <= 4 && n_tokens <= 40);
    std::fill(out, out + texts.size() * kDimension, 1.0f);
    return true;
  }
};

void run_once(uint32_t seed) {
  std::mutex mutex;
  std::map<uint64_t, int> ends;
  std::map<uint64_t, size_t> text_counts;
  std::atomic<bool> closed{false};
  EngineCallbacks callbacks;
  callbacks.on_ready = [](const std::string& error) { EXPECT(error.empty()); };
  callbacks.on_sample = [](SampleResult&&) {};
  callbacks.on_end = [&](RequestResult&& result) {
    const std::lock_guard<std::mutex> lock(mutex);
    ends[result.request_id] += 1;
  };
  callbacks.on_embedding = [&](EmbeddingResult&& result) {
    const std::lock_guard<std::mutex> lock(mutex);
    ends[result.request_id] += 1;
    if (!result.error.empty()) {
      EXPECT(result.error == "closed");
      return;
    }
    EXPECT(result.vectors.size() == text_counts.at(result.request_id) * MockEmbedder::kDimension);
    for (const float x : result.vectors) EXPECT(x == 1.0f);
  };
  callbacks.on_closed = [&] { closed = true; };
  std::atomic<uint64_t> n_accepted{0};
  {
    const auto factory = [](std::string*) {
      return EngineModel{std::make_unique<MockDecoder>(DecoderLimits{300, 12, 32, kVocabulary}),
                         std::make_unique<MockDecoder>(DecoderLimits{6 * 70, 6, 32, kVocabulary, 70}),
                         [](std::string*) { return std::make_unique<MockEmbedder>(); }};
    };
    std::atomic<int64_t> n_reports{0};
    callbacks.on_step = [&](const StepStatistics& s) {
      EXPECT(s.n_running >= 0 && s.n_cells_planned <= 300 + 6 * 70);
      n_reports += 1;
    };
    SchedulerOptions lone;
    lone.max_running = 3;
    lone.streams = true;
    Engine engine(factory, {{6, 16}, lone, 2, std::chrono::milliseconds(0)}, callbacks);
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

void a_decoder_that_fails_is_reported() {
  std::string reported;
  bool closed = false;
  EngineCallbacks callbacks;
  callbacks.on_ready = [&](std::string error) { reported = std::move(error); };
  callbacks.on_sample = [](SampleResult&&) {};
  callbacks.on_end = [](RequestResult&&) {};
  callbacks.on_embedding = [](EmbeddingResult&&) {};
  callbacks.on_closed = [&] { closed = true; };
  {
    Engine engine(
        [](std::string* error) {
          *error = "unusable: no weights";
          return EngineModel{};
        },
        {{1, 1}, {1, 1}, 1, std::chrono::milliseconds(0)}, callbacks);
  }
  EXPECT(reported == "unusable: no weights");
  EXPECT(closed);
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t n_runs = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 100;
  a_decoder_that_fails_is_reported();
  for (uint32_t seed = 1; seed <= n_runs; ++seed) run_once(seed);
  std::printf("engine: %u random runs\n", n_runs);
  return 0;
}
