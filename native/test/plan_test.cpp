// Plans without a scheduler: the texts keep to the plan, tokens are the tokenizer's, probabilities are those of an enumeration.
#include <cmath>

#include "test/expect.h"
#include "test/plan_mock.h"

namespace {

using namespace pgenrm;
using namespace pgenrm::test;

constexpr DecoderLimits kLimits{1000, 4, 64, kVocabulary};

const PlanPart* numbered(const std::vector<PlanPart>& parts, int32_t number) {
  for (const PlanPart& part : parts) {
    if (part.number == number) return &part;
    if (const PlanPart* inside = numbered(part.body, number)) return inside;
  }
  return nullptr;
}

// Of a part in a round.
const std::string& text_of(const PlanOutcome& outcome, int32_t number, std::vector<int32_t> rounds) {
  const auto found = std::ranges::find_if(
      outcome.parts, [&](const WrittenPart& part) { return part.number == number && part.rounds == rounds; });
  EXPECT(found != outcome.parts.end());
  return found->text;
}

// Whatever the model draws, each part keeps to its bounds, and the parts are the text.
void samples_keep_to_their_plan(uint32_t seed) {
  std::mt19937 random(seed);
  const std::shared_ptr<const Plan> plan = random_plan(random);
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  SamplingParameters sampling;
  sampling.temperature = seed % 3 == 0 ? 0.0f : 1.0f;
  const std::vector<int32_t> prompt = {5, static_cast<int32_t>(seed % 17)};
  auto run = follow_alone(plan, joins, prompt, sampling, seed);
  EXPECT(run->state() == PlanRun::State::kDone);
  std::string from_tokens;
  for (const int32_t token : run->tokens()) from_tokens += joins.piece(token);
  EXPECT(from_tokens == run->text());
  std::string streamed;
  for (const auto& [part, text] : run->take_text()) streamed += text;
  EXPECT(streamed == run->text());
  const auto n_tokens = static_cast<int32_t>(run->tokens().size());
  const PlanOutcome outcome = run->take_outcome();
  EXPECT(n_tokens <= outcome.n_given + outcome.n_free + outcome.n_chosen);
  std::string from_parts;
  std::map<int32_t, int32_t> n_rounds;
  for (const WrittenPart& part : outcome.parts) {
    const PlanPart& planned = *numbered(plan->parts, part.number);
    from_parts += part.text + planned.terminator;
    if (part.kind == PlanPart::Kind::kFree) {
      EXPECT(part.n_drawn >= 1 && part.n_drawn <= planned.max_tokens);
      EXPECT((part.finish == FreeFinish::kLength) == (part.n_drawn == planned.max_tokens) || part.finish == FreeFinish::kStop ||
             part.finish == FreeFinish::kEnd);
      if (part.finish == FreeFinish::kEnd) EXPECT(part.n_drawn > planned.min_tokens);
      for (const std::string& stop : planned.stop) EXPECT(part.text.find(stop) == std::string::npos);
      for (const std::string& barred : planned.bars) EXPECT(part.text.find(barred) == std::string::npos);
    }
    if (part.kind == PlanPart::Kind::kCopy) {
      const bool in_round = std::ranges::none_of(plan->parts, [&](const PlanPart& top) { return top.number == planned.of; });
      EXPECT(part.text == text_of(outcome, planned.of, in_round ? part.rounds : std::vector<int32_t>{}));
    }
    if (part.kind == PlanPart::Kind::kRepeat) {
      EXPECT(part.rounds.back() == n_rounds[part.number]);
      EXPECT((part.chosen >= 0) == (part.rounds.back() >= planned.least && part.rounds.back() < planned.most));
      if (part.text == planned.texts[0]) n_rounds[part.number] += 1;
      if (part.text == planned.texts[1]) EXPECT(n_rounds[part.number] >= planned.least);
    }
    if (part.chosen < 0) continue;
    double sum = 0.0;
    for (const double p : part.probabilities) sum += p;
    EXPECT(std::abs(sum - 1.0) < 1e-9);
    EXPECT(part.probabilities[static_cast<size_t>(part.chosen)] > 0.0);
  }
  EXPECT(from_parts == run->text());
}

void static_text_has_the_tokens_of_the_tokenizer() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  std::mt19937 random(3);
  for (int n = 0; n < 2000; ++n) {
    std::vector<PlanPart> parts;
    for (int i = 0; i < 4; ++i) {
      std::string text;
      for (int k = 0; k < 2; ++k) text += word_pieces()[random() % 18];
      parts.push_back(given(text));
      parts.push_back(choice({"1", "2", "3", "10"}, i % 2 ? "\n" : "."));
    }
    auto run = follow_alone(make_plan(std::move(parts)), joins, {21}, {}, static_cast<uint32_t>(n));
    EXPECT(run->tokens() == word_tokens(run->text()));
    EXPECT(run->take_outcome().n_unjoined == 0);
  }
}

// A prompt is not written anew: where its last token would have been one with the plan's first text, that is counted.
void a_prompt_that_is_not_joined_is_counted() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  const auto plan = make_plan({given("a:")});
  EXPECT(follow_alone(plan, joins, {21}, {}, 1)->take_outcome().n_unjoined == 0);
  EXPECT(follow_alone(plan, joins, {5}, {}, 1)->take_outcome().n_unjoined == 1);
}

double log_probability(const std::vector<float>& logits, int32_t token, double temperature) {
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit / temperature);
  return logits[static_cast<size_t>(token)] / temperature - std::log(sum);
}

// Of every text all tokens behind what was written: their probabilities multiplied, then normalised.
std::vector<double> enumerated(const std::vector<int32_t>& prompt, const std::string& before, const std::vector<std::string>& texts,
                               double temperature) {
  std::vector<double> weights;
  double sum = 0.0;
  for (const std::string& text : texts) {
    std::vector<int32_t> tokens = prompt;
    double weight = 0.0;
    for (const int32_t token : word_tokens(before + text)) {
      weight += log_probability(mock_logits(tokens), token, temperature);
      tokens.push_back(token);
    }
    weights.push_back(std::exp(weight));
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

void probabilities_are_those_of_an_enumeration() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  std::mt19937 random(4);
  for (int n = 0; n < 500; ++n) {
    std::string before;
    for (int k = 0; k < 3; ++k) before += word_pieces()[random() % 18];
    const float temperature = n % 2 ? 1.0f : 0.7f;
    const std::vector<std::string> texts = n % 3 ? std::vector<std::string>{"1\n", "2\n", "3\n", "10\n"}
                                                 : std::vector<std::string>{"abc1", "ab1", "a1", "\n\n.", "\n1", "2"};
    SamplingParameters sampling;
    sampling.temperature = temperature;
    auto run = follow_alone(make_plan({given(before), choice(texts, "")}), joins, {6}, sampling, static_cast<uint32_t>(n));
    const std::vector<double> expected = enumerated({6}, before, texts, temperature);
    const PlanOutcome outcome = run->take_outcome();
    for (size_t i = 0; i < texts.size(); ++i) EXPECT(std::abs(outcome.parts[1].probabilities[i] - expected[i]) < 1e-5);
  }
}

// Texts part at "1" and "10" alone: elsewhere one token decides.
void branches_count_only_where_texts_part() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  PlanPart part = choice({"2.", "ab", "ab:", "a1"}, "\n");
  part.weighing = Weighing::kBranches;
  auto run = follow_alone(make_plan({given("c"), part}), joins, {5}, {}, 1);
  const std::vector<double> p = run->take_outcome().parts[1].probabilities;
  const auto share = [](const std::vector<float>& logits, std::vector<int32_t> tokens) {
    std::vector<double> shares;
    double sum = 0.0;
    for (const int32_t token : tokens) sum += std::exp(logits[static_cast<size_t>(token)]);
    for (const int32_t token : tokens) shares.push_back(std::exp(logits[static_cast<size_t>(token)]) / sum);
    return shares;
  };
  const std::vector<double> root = share(mock_logits({5, 2}), {9, 3, 0});
  const std::vector<double> below = share(mock_logits({5, 2, 3}), {13, 21});
  EXPECT(std::abs(p[0] - root[0]) < 1e-6 && std::abs(p[3] - root[2]) < 1e-6);
  EXPECT(std::abs(p[1] - root[1] * below[0]) < 1e-6 && std::abs(p[2] - root[1] * below[1]) < 1e-6);
}

void drawn_scores_have_the_mean_that_is_read() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  const auto plan = make_plan({given("ab:"), choice(numbers(), "\n")});
  const std::vector<double> scores = {1, 2, 3, 10};
  double read = 0.0;
  double square = 0.0;
  double drawn = 0.0;
  constexpr int n_samples = 2000;
  for (int n = 0; n < n_samples; ++n) {
    auto run = follow_alone(plan, joins, {7}, {}, static_cast<uint32_t>(n));
    const WrittenPart part = run->take_outcome().parts[1];
    drawn += scores[static_cast<size_t>(part.chosen)] / n_samples;
    read = square = 0.0;
    for (size_t i = 0; i < scores.size(); ++i) {
      read += part.probabilities[i] * scores[i];
      square += part.probabilities[i] * scores[i] * scores[i];
    }
  }
  EXPECT(std::abs(drawn - read) < 1.96 * std::sqrt((square - read * read) / n_samples));
}

void at_temperature_zero_the_most_probable_text_is_certain() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  SamplingParameters sampling;
  for (int n = 0; n < 50; ++n) {
    const auto plan = make_plan({given(word_pieces()[static_cast<size_t>(n % 18)]), choice(numbers(), "\n")});
    sampling.temperature = 1e-3f;
    const auto cold = follow_alone(plan, joins, {7}, sampling, 1)->take_outcome().parts[1].probabilities;
    sampling.temperature = 0.0f;
    const auto zero = follow_alone(plan, joins, {7}, sampling, 1)->take_outcome().parts[1].probabilities;
    for (size_t i = 0; i < cold.size(); ++i) EXPECT(std::abs(cold[i] - zero[i]) < 1e-6);
  }
}

void logits_that_are_not_finite_end_a_plan() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    // At the root only the texts' own logits count; below it those of all tokens.
    for (const int32_t node : {0, 1}) {
      PlanRun run(make_plan({given("ab:"), choice(numbers(), "\n")}), joins, 1.0f, 1, 5);
      std::vector<float> logits = mock_logits({5});
      if (node > 0) run.read(0, logits.data(), kVocabulary);
      EXPECT(run.state() == PlanRun::State::kReads);
      logits[node == 0 ? 8 : 0] = bad;
      run.read(node, logits.data(), kVocabulary);
      EXPECT(run.state() == PlanRun::State::kFailed);
      EXPECT(run.failure().part == 1 && run.failure().why == "the logits are not finite");
    }
  }
  PlanRun run(make_plan({given("ab:"), choice({"1", "2"}, "")}), joins, 1.0f, 1, 5);
  const std::vector<float> none(kVocabulary, -std::numeric_limits<float>::infinity());
  run.read(0, none.data(), kVocabulary);
  EXPECT(run.failure().part == 1 && run.failure().why == "the model rules every text out");
}

void a_text_that_the_vocabulary_cannot_write_is_an_error() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  EXPECT(PlanRun(make_plan({given("az")}), joins, 1.0f, 1, 5).state() == PlanRun::State::kFailed);
  const PlanFailure failure = PlanRun(make_plan({given("a"), choice({"b", "z"}, "")}), joins, 1.0f, 1, 5).failure();
  EXPECT(failure.part == 1 && failure.why == "the vocabulary cannot write the text 'z'");
}

void a_stop_text_that_cuts_a_token_leaves_its_head() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  PlanRun run(make_plan({free_part(9, {"\n"}), given("\n\n"), choice({"1", "2"}, "")}), joins, 1.0f, 1, 5);
  run.take_n_kept();
  run.accept(4);                      // abc
  run.accept(16);                     // .\n
  EXPECT(run.state() == PlanRun::State::kReads);
  EXPECT(run.tokens() == (std::vector<int32_t>{4, 16, 13}));  // as the tokenizer writes "abc.\n\n"
  const PlanOutcome outcome = run.take_outcome();
  EXPECT(outcome.parts[0].text == "abc." && outcome.parts[0].finish == FreeFinish::kStop && outcome.parts[0].n_drawn == 2);
}

void half_a_character_is_no_part_of_a_text_that_is_full() {
  WordDecoder decoder(kLimits);
  TokenJoins joins(decoder);
  PlanRun run(make_plan({free_part(2, {}), given("-"), copy_of(0)}), joins, 1.0f, 1, 5);
  run.accept(0);
  run.accept(18);
  EXPECT(run.state() == PlanRun::State::kDone && run.text() == "a-a");
  PlanRun whole(make_plan({free_part(2, {}), given("-"), copy_of(0)}), joins, 1.0f, 1, 5);
  whole.accept(18);
  whole.accept(19);
  PlanRun cut(make_plan({free_part(9, {"\n"}), given("-"), copy_of(0)}), joins, 1.0f, 1, 5);
  cut.accept(18);
  cut.accept(16);  // .\n behind half a character
  EXPECT(cut.state() == PlanRun::State::kDone && cut.text() == "\xC3.-\xC3.");
  EXPECT(cut.tokens() == (std::vector<int32_t>{18, 15, 22, 18, 15}));
  EXPECT(whole.text() == "\xC3\xA9-\xC3\xA9" && whole.tokens() == (std::vector<int32_t>{18, 19, 22, 18, 19}));
}

}  // namespace

int main(int argc, char** argv) {
  const uint32_t n_runs = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 500;
  for (uint32_t seed = 1; seed <= n_runs; ++seed) samples_keep_to_their_plan(seed);
  static_text_has_the_tokens_of_the_tokenizer();
  a_prompt_that_is_not_joined_is_counted();
  probabilities_are_those_of_an_enumeration();
  branches_count_only_where_texts_part();
  drawn_scores_have_the_mean_that_is_read();
  at_temperature_zero_the_most_probable_text_is_certain();
  logits_that_are_not_finite_end_a_plan();
  a_text_that_the_vocabulary_cannot_write_is_an_error();
  a_stop_text_that_cuts_a_token_leaves_its_head();
  half_a_character_is_no_part_of_a_text_that_is_full();
  std::printf("plan_test: %u runs\n", n_runs);
}
