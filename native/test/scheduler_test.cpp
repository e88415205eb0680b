// Properties of the scheduler against the mock: whatever arrives, is cancelled or does not fit, every request ends
// once, every sample has the text that it would have had alone, and no cell or sequence is lost.
#include <algorithm>
#include <random>

#include "test/mock_decoder.h"
#include "test/scheduler_harness.h"

namespace {

using namespace pgenrm;
using namespace pgenrm::test;

// The text that a sample has when it runs alone.
std::string alone(const Request& request, size_t index, FinishReason* finish) {
  Sampler sampler;
  std::vector<int32_t> tokens = request.prompt;
  std::string text;
  for (int32_t n = 0;; ++n) {
    const std::vector<float> logits = mock_logits(tokens);
    const uint64_t at = 2 * static_cast<uint64_t>(n);
    int32_t token = sampler.sample(logits.data(), kVocabulary, request.sampling, uniform_at(request.seeds[index], at));
    if (token == kEndToken && n < request.min_tokens) {
      std::vector<float> others = logits;
      others[kEndToken] = -std::numeric_limits<float>::infinity();
      token = sampler.sample(others.data(), kVocabulary, request.sampling, uniform_at(request.seeds[index], at + 1));
    }
    tokens.push_back(token);
    if (token == kEndToken) {
      *finish = FinishReason::kEndOfGeneration;
      return text;
    }
    text += mock_piece(token);
    size_t cut = std::string::npos;
    for (const std::string& stop : request.stop) cut = std::min(cut, text.find(stop));
    if (cut != std::string::npos) {
      *finish = FinishReason::kStop;
      return text.substr(0, cut);
    }
    if (n + 1 == request.max_tokens) {
      *finish = FinishReason::kLength;
      return text;
    }
  }
}

Request random_request(std::mt19937& random, uint64_t id, int32_t n_cells) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  Request request;
  request.id = id;
  // Few users, few queries: prompts that share prefixes of every length, equal ones among them.
  const int user = pick(0, 3);
  const int n_history = 3 + 5 * user;
  for (int i = 0; i < n_history; ++i) request.prompt.push_back((user + i) % 7);
  const int n_query = pick(1, 12);
  for (int i = 0; i < n_query; ++i) request.prompt.push_back(pick(0, 2));
  const int n_seeds = pick(1, 6);
  for (int i = 0; i < n_seeds; ++i) request.seeds.push_back(static_cast<uint32_t>(pick(0, 1 << 30)));
  request.max_tokens = pick(1, std::max(1, std::min(30, n_cells - static_cast<int>(request.prompt.size()) - 1)));
  if (pick(0, 2) == 0) request.min_tokens = pick(1, request.max_tokens);
  request.streams = pick(0, 1) == 0;
  request.sampling.temperature = pick(0, 3) == 0 ? 0.0f : 1.0f;
  if (pick(0, 2) == 0) request.sampling.top_p = 0.8f;
  if (pick(0, 2) == 0) request.sampling.min_p = 0.1f;
  if (pick(0, 2) == 0) request.stop = {"ab", "c", std::string(1, static_cast<char>('a' + pick(0, 20)))};
  return request;
}

void run_once(uint32_t seed) {
  std::mt19937 random(seed);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  DecoderLimits limits{pick(40, 400), pick(2, 24), pick(1, 64), kVocabulary};
  if (limits.n_cells < 48) limits.n_cells = 48;
  MockDecoder decoder(limits);
  Recorder recorder;
  WorkerPool pool(1);
  const int32_t max_idle_cells = pick(0, 2) == 0 ? pick(0, 60) : limits.n_cells;
  const int32_t max_unfinished = pick(0, 1) == 0 ? pick(1, 20) : 1 << 20;
  Scheduler scheduler(decoder, recorder, {pick(1, 16), pick(1, 32), max_idle_cells, max_unfinished}, pool);

  const Asked asked = drive(scheduler, decoder, recorder, random, pick(1, 25),
                            [&](uint64_t id) { return random_request(random, id, limits.n_cells); });
  for (const auto& [id, request] : asked.requests) {
    const RequestResult& end = recorder.ends.at(id);
    EXPECT(end.status == (asked.cancelled.count(id) ? RequestStatus::kCancelled : RequestStatus::kDone));
    const auto& samples = recorder.samples[id];
    if (end.status == RequestStatus::kDone) EXPECT(samples.size() == request.seeds.size());
    int64_t n_tokens = 0;
    for (const auto& [index, sample] : samples) {
      FinishReason finish;
      const std::string whole = alone(request, static_cast<size_t>(index), &finish);
      if (asked.cut(id, index)) {
        finish = FinishReason::kCancelled;
        EXPECT(static_cast<int32_t>(sample.text.size()) == sample.n_tokens);  // a token of the mock is a letter
        EXPECT(sample.n_tokens < request.max_tokens);
        // What a stop string would have cut off may still stand at the end.
        const size_t n_safe = sample.text.size() - std::min<size_t>(sample.text.size(), 1);
        EXPECT(whole.compare(0, n_safe, sample.text, 0, n_safe) == 0);
      } else {
        EXPECT(sample.text == whole);
      }
      EXPECT(sample.finish == finish);
      EXPECT(recorder.streamed[id][index] == (request.streams ? sample.text : ""));
      if (finish == FinishReason::kEndOfGeneration) EXPECT(sample.n_tokens > request.min_tokens);
      n_tokens += sample.n_tokens;
    }
    if (end.status == RequestStatus::kDone) {
      EXPECT(end.n_generated == n_tokens);
      EXPECT(end.n_prompt == static_cast<int32_t>(request.prompt.size()));
    }
  }
  expect_nothing_lost(scheduler, decoder);
  EXPECT(scheduler.n_idle_cells() <= max_idle_cells);
}

// Waiting, its prompt half decoded, running: each way a sample ends at once, and the cells of its own with it.
void one_sample_is_cancelled_in_any_state() {
  MockDecoder decoder({200, 6, 16, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {3, 8}, pool);
  const auto ask = [&](uint64_t id, std::vector<uint32_t> seeds) {
    Request request;
    request.id = id;
    request.prompt.assign(30, static_cast<int32_t>(id));
    request.seeds = std::move(seeds);
    request.max_tokens = request.min_tokens = 20;
    scheduler.submit(std::move(request));
  };
  ask(1, {1, 2, 3, 4});
  scheduler.cancel_sample(1, 1);  // its request waits
  EXPECT(recorder.samples[1].at(1).finish == FinishReason::kCancelled && recorder.samples[1].at(1).text.empty());
  scheduler.step();               // 16 of 30 prompt tokens
  scheduler.cancel_sample(1, 2);
  EXPECT(recorder.samples[1].at(2).n_tokens == 0);
  ask(2, {5, 6});
  ask(3, {7});
  scheduler.cancel_sample(3, 0);  // all that its request had
  EXPECT(recorder.ends.at(3).status == RequestStatus::kDone && recorder.ends.at(3).n_generated == 0);
  while (scheduler.statistics().n_running < 2) scheduler.step();
  for (int i = 0; i < 4; ++i) scheduler.step();
  const int32_t n_cells = scheduler.n_sample_cells();
  EXPECT(recorder.samples[1].size() == 2);
  scheduler.cancel_sample(1, 0);  // it runs
  const SampleResult& cut = recorder.samples[1].at(0);
  EXPECT(cut.n_tokens > 3 && cut.n_tokens < 20 && cut.text.size() == static_cast<size_t>(cut.n_tokens));
  EXPECT(scheduler.n_sample_cells() == n_cells - (cut.n_tokens - 1));  // the newest token is not decoded
  EXPECT(recorder.ends.count(1) == 0);
  while (scheduler.step()) {
  }
  EXPECT(recorder.samples[1].at(3).n_tokens == 20 && recorder.ends.at(1).status == RequestStatus::kDone);
  EXPECT(recorder.ends.at(1).n_generated == cut.n_tokens + 20);
  EXPECT(recorder.samples[2].size() == 2);
  EXPECT(scheduler.n_free_sequences() + static_cast<int32_t>(scheduler.cache().n_slots()) == 6);
}

void equal_prompts_are_decoded_once() {
  MockDecoder decoder({1000, 32, 64, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {16, 32}, pool);
  for (uint64_t id = 1; id <= 4; ++id) {
    Request request;
    request.id = id;
    for (int i = 0; i < 50; ++i) request.prompt.push_back(i % 5);
    request.prompt.push_back(static_cast<int32_t>(id % 2));  // two different ends
    request.seeds = {1, 2};
    request.max_tokens = 1;
    scheduler.submit(std::move(request));
  }
  while (scheduler.step()) {
  }
  // 51 tokens, and the one that differs; the first tokens drawn need no row.
  EXPECT(decoder.n_rows == 52);
}

void too_long_requests_end_at_once() {
  MockDecoder decoder({64, 4, 16, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {2, 8}, pool);
  Request request;
  request.id = 9;
  request.prompt.assign(60, 1);
  request.seeds = {1};
  request.max_tokens = 10;
  scheduler.submit(std::move(request));
  EXPECT(recorder.ends.at(9).status == RequestStatus::kTooLong);
  EXPECT(recorder.ends.at(9).detail.find("71") != std::string::npos);
  EXPECT(scheduler.idle());
}

void decode_failures_end_requests_and_leave_nothing() {
  for (const DecodeStatus status : {DecodeStatus::kInvalid, DecodeStatus::kFatal, DecodeStatus::kNoSlot}) {
    MockDecoder decoder({200, 8, 16, kVocabulary});
    Recorder recorder;
    WorkerPool pool(1);
    Scheduler scheduler(decoder, recorder, {4, 8}, pool);
    const auto ask = [&](uint64_t id) {
      Request request;
      request.id = id;
      request.prompt.assign(20, static_cast<int32_t>(id));
      request.seeds = {1, 2, 3};
      request.max_tokens = 8;
      scheduler.submit(std::move(request));
    };
    ask(1);
    ask(2);
    for (int i = 0; i < 3; ++i) scheduler.step();
    decoder.fail_next = status;
    while (scheduler.step()) {
    }
    EXPECT(recorder.ends.size() == 2);
    ask(3);
    while (scheduler.step()) {
    }
    EXPECT(recorder.ends.at(3).status == RequestStatus::kDone);
    EXPECT(scheduler.n_free_sequences() + static_cast<int32_t>(scheduler.cache().n_slots()) == 8);
  }
}

// Allows the letters of a set only.
struct OnlyLetters final : TokenConstraint {
  bool allows(int32_t token, std::string_view) override { return token == 2 || token == 5; }
  void filter(float* logits, int32_t n_vocab, std::string_view) override {
    for (int32_t i = 0; i < n_vocab; ++i) {
      if (i != 2 && i != 5) logits[i] = -std::numeric_limits<float>::infinity();
    }
  }
  void accept(int32_t token, std::string_view) override { EXPECT(token == 2 || token == 5); }
};

void constraints_hold() {
  MockDecoder decoder({200, 8, 16, kVocabulary});
  Recorder recorder;
  WorkerPool pool(2);
  Scheduler scheduler(decoder, recorder, {4, 8}, pool);
  Request request;
  request.id = 1;
  request.prompt = {1, 2, 3};
  request.seeds = {1, 2, 3, 4, 5, 6};
  request.max_tokens = 12;
  request.constraint = [] { return std::make_unique<OnlyLetters>(); };
  scheduler.submit(std::move(request));
  while (scheduler.step()) {
  }
  EXPECT(recorder.samples[1].size() == 6);
  for (const auto& [index, sample] : recorder.samples[1]) {
    EXPECT(sample.text.size() == 12);
    EXPECT(sample.text.find_first_not_of("cf") == std::string::npos);
  }
}

// Allows one token so many times, then nothing but the end.
struct EndsAfter final : TokenConstraint {
  explicit EndsAfter(int32_t n) : n(static_cast<size_t>(n)) {}
  const size_t n;
  bool allows(int32_t token, std::string_view text) override { return token == (text.size() < n ? 2 : kEndToken); }
  void filter(float* logits, int32_t n_vocab, std::string_view text) override {
    for (int32_t i = 0; i < n_vocab; ++i) {
      if (!allows(i, text)) logits[i] = -std::numeric_limits<float>::infinity();
    }
  }
  void accept(int32_t, std::string_view) override {}
};

void a_fulfilled_constraint_ends_before_min_tokens() {
  MockDecoder decoder({200, 8, 16, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {4, 8}, pool);
  Request request;
  request.id = 1;
  request.prompt = {1, 2, 3};
  request.seeds = {1, 2};
  request.max_tokens = 12;
  request.min_tokens = 12;
  request.constraint = [] { return std::make_unique<EndsAfter>(1); };
  scheduler.submit(std::move(request));
  while (scheduler.step()) {
  }
  for (const auto& [index, sample] : recorder.samples[1]) {
    EXPECT(sample.text == "c");
    EXPECT(sample.finish == FinishReason::kEndOfGeneration);
  }
}

void idle_prompts_hold_no_more_than_they_may() {
  MockDecoder decoder({1000, 32, 64, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {4, 32, 70}, pool);
  for (uint64_t id = 1; id <= 6; ++id) {
    Request request;
    request.id = id;
    request.prompt.assign(30, 1);  // a head that all share
    request.prompt.resize(50, static_cast<int32_t>(id + 1));
    request.seeds = {1};
    request.max_tokens = 3;
    scheduler.submit(std::move(request));
    while (scheduler.step()) {
    }
    EXPECT(scheduler.n_idle_cells() <= 70);
    EXPECT(decoder.n_cells_used() <= 70 + 2);
    // The head is decoded for the first of them only.
    EXPECT(recorder.ends.at(id).n_prompt_decoded == (id == 1 ? 50 : 20));
  }
}

// What is forgotten is decoded again, and every row is counted with the cells in use.
void forgotten_prompts_are_decoded_again() {
  MockDecoder decoder({1000, 32, 64, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {4, 32}, pool);
  for (uint64_t id = 1; id <= 3; ++id) {
    Request request;
    request.id = id;
    request.prompt.assign(50, 1);
    request.seeds = {1};
    request.max_tokens = 1;
    if (id == 3) scheduler.forget_idle();
    scheduler.submit(std::move(request));
    while (scheduler.step()) {
    }
    // The second shares all but the token whose logits it needs.
    EXPECT(recorder.ends.at(id).n_prompt_decoded == (id == 2 ? 1 : 50));
  }
  EXPECT(scheduler.statistics().n_prefill_rows_total == 101);
  // 50 rows over 51 cells (one of them for the logits), once with one row, and again with 50.
  EXPECT(scheduler.statistics().n_row_cells_total == 101 * 51);
  // Rows of a prompt attend to 1, 2, ... 50 tokens; the one row of the second request to all 50.
  EXPECT(scheduler.statistics().n_prefill_attended_total == 2 * (50 * 51 / 2) + 50);
  EXPECT(scheduler.statistics().n_calls_total == 3);
  EXPECT(scheduler.statistics().n_cells_read_total == 101);
  EXPECT(scheduler.statistics().decode_us_total >= 0);
}

// A long prompt comes in pieces beside samples that go on at every step.
void long_prompts_stall_no_sample() {
  MockDecoder decoder({1000, 8, 64, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {4, 32, 1000, 4}, pool);
  const auto ask = [&](uint64_t id, size_t n_prompt) {
    Request request;
    request.id = id;
    request.prompt.assign(n_prompt, static_cast<int32_t>(id));
    request.seeds = {1, 2};
    request.max_tokens = request.min_tokens = 20;
    scheduler.submit(std::move(request));
  };
  ask(1, 5);
  scheduler.step();
  scheduler.step();
  ask(2, 160);
  decoder.batch_sizes.clear();
  for (int i = 0; i < 5; ++i) {
    const int64_t n_before = scheduler.statistics().n_generated_total;
    scheduler.step();
    EXPECT(scheduler.statistics().n_generated_total == n_before + 2);
    EXPECT(scheduler.statistics().n_decode_rows == 2 && scheduler.statistics().n_prefill_rows == 32);
  }
  EXPECT(scheduler.statistics().n_prefill_rows_total == 165);
  EXPECT(decoder.batch_sizes == std::vector<int32_t>(5, 34));
  while (scheduler.step()) {
  }
  EXPECT(recorder.ends.at(2).status == RequestStatus::kDone);
}

// Prompts that take all cells together are let in as their samples fit: hardly a token is decoded twice.
void a_full_memory_decodes_little_twice(double share_written) {
  constexpr int32_t kPrompt = 300;
  constexpr int32_t kLongest = 100;
  constexpr int32_t kRequests = 12;
  constexpr int32_t kSamples = 4;
  MockDecoder decoder({1100, 40, 64, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {32, 32}, pool);
  const auto n_written = static_cast<int32_t>(share_written * kLongest);
  for (uint64_t id = 1; id <= kRequests; ++id) {
    Request request;
    request.id = id;
    request.prompt.assign(kPrompt, static_cast<int32_t>(id));
    for (uint32_t seed = 1; seed <= kSamples; ++seed) request.seeds.push_back(seed);
    request.max_tokens = kLongest;
    request.constraint = [n_written] { return std::make_unique<EndsAfter>(n_written - 1); };
    scheduler.submit(std::move(request));
  }
  while (scheduler.step()) {
  }
  // The token that ends a sample is drawn and not decoded.
  const int64_t least = kRequests * (kPrompt + kSamples * (n_written - 1));
  EXPECT(recorder.ends.size() == kRequests && decoder.n_rows >= least);
  EXPECT(static_cast<double>(decoder.n_rows) <= 1.05 * static_cast<double>(least));
}

// Pieces of text put together are the text, none was handed out that a stop string took back, and characters stay whole.
void text_is_handed_out_whole(uint32_t seed) {
  std::mt19937 random(seed);
  const std::string bytes = "ab\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82";
  const std::vector<std::string> stops = {"aba", "b\xc3\xa9", "\xe2\x82\xac\xe2\x82\xac"};
  GrowingText growing;
  std::string joined;
  bool stopped = false;
  size_t at = 0;
  for (int i = 0; i < 40 && !stopped; ++i) {
    // Mostly the bytes of whole characters in order, cut anywhere.
    std::string piece;
    for (size_t n = random() % 4; n > 0; --n) piece += bytes[at++ % bytes.size()];
    if (random() % 6 == 0) piece += bytes[random() % bytes.size()];
    stopped = growing.append(piece, stops);
    const std::string settled = growing.take_settled(stops, false);
    joined += settled;
    EXPECT(growing.text().compare(0, joined.size(), joined) == 0);
  }
  joined += growing.take_settled(stops, true);
  EXPECT(joined == growing.text());
  for (const std::string& stop : stops) EXPECT(joined.find(stop) == std::string::npos);
}

void characters_are_handed_out_whole() {
  GrowingText growing;
  EXPECT(!growing.append("a\xe2\x82", {}));
  EXPECT(growing.take_settled({}, false) == "a");
  EXPECT(!growing.append("\xac", {}));
  EXPECT(growing.take_settled({}, false) == "\xe2\x82\xac");
  EXPECT(!growing.append("\xf0\x9f", {}));
  EXPECT(growing.take_settled({}, false).empty());
  EXPECT(growing.take_settled({}, true) == "\xf0\x9f");
}

// Thoughts begin at the start or not at all, and end with the first closing mark, wherever the text is cut into pieces.
void thoughts_are_followed(uint32_t seed) {
  std::mt19937 random(seed);
  const bool opened = random() % 2 == 0;
  const ThoughtMarks marks{opened, {"<a>", "<ab>"}, {"</a>", "</b>>"}, {}};
  const std::string signs = "<</ab>> ";
  std::string text = random() % 2 == 0 ? " <ab>" : "";
  for (size_t n = random() % 60; n > 0; --n) text += signs[random() % signs.size()];
  Thoughts thoughts(marks);
  for (size_t at = 0; at < text.size();) {
    at = std::min(text.size(), at + random() % 4);
    thoughts.follow(std::string_view(text).substr(0, at), marks);
  }
  const size_t start = text.find_first_not_of(' ');
  size_t inside = opened ? 0 : std::string::npos;
  for (const std::string& mark : marks.open) {
    if (!opened && start != std::string::npos && text.compare(start, mark.size(), mark) == 0) inside = start + mark.size();
  }
  const size_t a = inside == std::string::npos ? inside : text.find("</a>", inside);
  const size_t b = inside == std::string::npos ? inside : text.find("</b>>", inside);
  const size_t end = a == std::string::npos && b == std::string::npos ? 0 : a < b ? a + 4 : b + 5;
  EXPECT(thoughts.answer_from() == end);
  EXPECT(thoughts.inside() == (inside != std::string::npos && end == 0));
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t n_runs = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 2000;
  one_sample_is_cancelled_in_any_state();
  equal_prompts_are_decoded_once();
  too_long_requests_end_at_once();
  decode_failures_end_requests_and_leave_nothing();
  constraints_hold();
  a_fulfilled_constraint_ends_before_min_tokens();
  idle_prompts_hold_no_more_than_they_may();
  forgotten_prompts_are_decoded_again();
  characters_are_handed_out_whole();
  long_prompts_stall_no_sample();
  for (const double share : {0.2, 0.5, 1.0}) a_full_memory_decodes_little_twice(share);
  for (uint32_t seed = 1; seed <= n_runs; ++seed) text_is_handed_out_whole(seed);
  for (uint32_t seed = 1; seed <= n_runs; ++seed) thoughts_are_followed(seed);
  for (uint32_t seed = 1; seed <= n_runs; ++seed) run_once(seed);
  std::printf("scheduler: %u random runs\n", n_runs);
  return 0;
}
