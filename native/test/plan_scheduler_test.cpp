// Properties of plans in the scheduler: whatever else runs, is cancelled or does not fit, every sample is the one that its plan
// gives alone, and no cell or sequence is lost.
#include "test/plan_mock.h"
#include "test/scheduler_harness.h"

namespace {

using namespace pgenrm;
using namespace pgenrm::test;

Request random_request(std::mt19937& random, uint64_t id) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  Request request;
  request.id = id;
  const int user = pick(0, 2);
  for (int i = 0; i < 4 + 3 * user; ++i) request.prompt.push_back((user + i) % 7);
  request.prompt.push_back(pick(0, 2));
  for (int n = pick(1, 5); n > 0; --n) request.seeds.push_back(static_cast<uint32_t>(pick(0, 1 << 30)));
  request.streams = pick(0, 1) == 0;
  request.sampling.temperature = pick(0, 3) == 0 ? 0.0f : 1.0f;
  if (pick(0, 4) == 0) {
    request.max_tokens = pick(1, 20);
    return request;
  }
  request.plan = random_plan(random);
  request.max_tokens = most_tokens(request.plan->parts, request.plan->parts);
  return request;
}

int64_t n_probed_of_all_runs = 0;
int64_t n_preempted_of_all_runs = 0;

void run_once(uint32_t seed) {
  std::mt19937 random(seed);
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  // Room for the longest plan alone, or for many.
  const DecoderLimits limits{pick(0, 1) ? 340 : pick(340, 900), pick(2, 24), pick(1, 64), kVocabulary};
  WordDecoder decoder(limits);
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {pick(1, 16), pick(1, 32), pick(0, 60), 1 << 20}, pool);

  const auto disturb = [&] {
    // The memory is full for a moment, while several run.
    if (pick(0, 60) == 0 && scheduler.statistics().n_running > 1) decoder.fail_next = DecodeStatus::kNoSlot;
  };
  const Asked asked = drive(scheduler, decoder, recorder, random, pick(1, 12),
                            [&](uint64_t id) { return random_request(random, id); }, disturb);
  TokenJoins joins(decoder);
  for (const auto& [id, request] : asked.requests) {
    const RequestResult& end = recorder.ends.at(id);
    if (end.status == RequestStatus::kDecodeFailed) continue;  // one sample alone, and no slot for it
    if (end.status != (asked.cancelled.count(id) ? RequestStatus::kCancelled : RequestStatus::kDone)) {
      std::fprintf(stderr, "seed %u: request %d ended as %d: %s\n", seed, static_cast<int>(id), static_cast<int>(end.status), end.detail.c_str());
      std::abort();
    }
    for (const auto& [index, sample] : recorder.samples[id]) {
      EXPECT(recorder.streamed[id][index] == (request.streams ? sample.text : ""));
      EXPECT(sample.plan.has_value() == (request.plan != nullptr));
      if (!request.plan) continue;
      auto alone = follow_alone(request.plan, joins, request.prompt, request.sampling, request.seeds[static_cast<size_t>(index)]);
      if (asked.cut(id, index)) {
        EXPECT(sample.finish == FinishReason::kCancelled);
        EXPECT(alone->text().compare(0, sample.text.size(), sample.text) == 0 || sample.plan->parts.back().finish == FreeFinish::kCancelled);
        continue;
      }
      EXPECT(sample.finish == FinishReason::kComplete);
      EXPECT(sample.text == alone->text());
      EXPECT(sample.n_tokens == static_cast<int32_t>(alone->tokens().size()) && sample.n_tokens <= request.max_tokens);
      const PlanOutcome expected = alone->take_outcome();
      EXPECT(sample.plan->parts.size() == expected.parts.size());
      for (size_t i = 0; i < expected.parts.size(); ++i) {
        const WrittenPart& got = sample.plan->parts[i];
        EXPECT(got.text == expected.parts[i].text && got.chosen == expected.parts[i].chosen);
        EXPECT(got.probabilities == expected.parts[i].probabilities);
        EXPECT(got.finish == expected.parts[i].finish && got.n_drawn == expected.parts[i].n_drawn);
      }
      EXPECT(sample.plan->n_given == expected.n_given && sample.plan->n_chosen == expected.n_chosen);
      n_probed_of_all_runs += sample.plan->n_probed;
    }
  }
  n_preempted_of_all_runs += scheduler.statistics().n_preempted_total;
  expect_nothing_lost(scheduler, decoder);
}

// Of a plan with one score, rows: those of its text at once, the paths of the score at once, the chosen tokens.
void given_text_is_decoded_together_and_paths_too() {
  WordDecoder decoder({400, 16, 64, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {4, 32}, pool);
  Request request;
  request.id = 1;
  request.prompt = {21, 5};
  request.seeds = {1};
  request.plan = make_plan({given("abc:abc:abc:"), choice(numbers(), "\n"), given("abc.")});
  request.max_tokens = 40;
  scheduler.submit(std::move(request));
  while (scheduler.step()) {
  }
  const SampleResult& sample = recorder.samples[1].at(0);
  EXPECT(sample.finish == FinishReason::kComplete);
  // The prompt; six given tokens; a row for each number, all of them one token; what comes last needs no row.
  EXPECT(decoder.batch_sizes == (std::vector<int32_t>{2, 6, 4}));
  EXPECT(sample.plan->n_probed == 4 && sample.plan->n_chosen == 2 && sample.plan->n_given == 6 + 2);
}

void scores_of_one_token_are_read_from_one_row() {
  WordDecoder decoder({400, 16, 64, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {4, 32}, pool);
  Request request;
  request.id = 1;
  request.prompt = {21, 5};
  request.seeds = {1};
  request.plan = make_plan({given("a:"), choice({"1", "2", "3"}, ""), given("-"), choice({"1", "2", "3"}, "")});
  request.max_tokens = 40;
  scheduler.submit(std::move(request));
  while (scheduler.step()) {
  }
  EXPECT(decoder.batch_sizes == (std::vector<int32_t>{2, 2, 2}));
  EXPECT(recorder.samples[1].at(0).plan->n_probed == 0);
}

void a_plan_that_fails_ends_its_request_alone() {
  WordDecoder decoder({400, 16, 64, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {4, 32}, pool);
  const auto ask = [&](uint64_t id, std::shared_ptr<const Plan> plan) {
    Request request;
    request.id = id;
    request.prompt = {21, 5};
    request.seeds = {1, 2};
    request.max_tokens = 40;
    request.plan = std::move(plan);
    scheduler.submit(std::move(request));
  };
  ask(1, make_plan({given("a"), free_part(5, {}), given("z"), free_part(5, {})}));
  ask(2, make_plan({given("a"), free_part(5, {})}));
  while (scheduler.step()) {
  }
  EXPECT(recorder.ends.at(1).status == RequestStatus::kPlanFailed);
  EXPECT(recorder.ends.at(1).part == 3 && recorder.ends.at(1).detail == "the vocabulary cannot write the text before it");
  EXPECT(recorder.ends.at(2).status == RequestStatus::kDone);
  EXPECT(scheduler.n_sample_cells() == 0);
}

// A text that may hold nothing ends at once, whatever its least is.
void a_free_text_that_nothing_may_follow_ends() {
  WordDecoder decoder({400, 16, 64, kVocabulary});
  Recorder recorder;
  WorkerPool pool(1);
  Scheduler scheduler(decoder, recorder, {4, 32}, pool);
  std::vector<std::string> all = word_pieces();
  std::erase(all, "");
  PlanPart barred = free_part(5, {}, all);
  barred.min_tokens = 5;
  Request request;
  request.id = 1;
  request.prompt = {21, 5};
  request.seeds = {1};
  request.max_tokens = 40;
  request.plan = make_plan({barred, given("abc")});
  scheduler.submit(std::move(request));
  while (scheduler.step()) {
  }
  const SampleResult& sample = recorder.samples[1].at(0);
  EXPECT(sample.text == "abc" && sample.plan->parts[0].finish == FreeFinish::kEnd && sample.plan->parts[0].n_drawn == 1);
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t n_runs = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 500;
  for (uint32_t seed = 1; seed <= n_runs; ++seed) run_once(seed);
  EXPECT(n_runs < 50 || (n_probed_of_all_runs > 0 && n_preempted_of_all_runs > 0));
  given_text_is_decoded_together_and_paths_too();
  scores_of_one_token_are_read_from_one_row();
  a_plan_that_fails_ends_its_request_alone();
  a_free_text_that_nothing_may_follow_ends();
  std::printf("plan_scheduler_test: %u runs, %lld rows read for choices, %lld preempted\n", n_runs,
              static_cast<long long>(n_probed_of_all_runs), static_cast<long long>(n_preempted_of_all_runs));
}
