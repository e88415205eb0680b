// A mock model with a vocabulary of words, random plans over it, and the sample that a plan gives without a scheduler.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/plan_run.h"
#include "engine/token_drawer.h"
#include "test/mock_decoder.h"

namespace pgenrm::test {

// Joins within and across words, parts of a character, one token without text.
inline const std::vector<std::string>& word_pieces() {
  static const std::vector<std::string> pieces = {"a", "b", "c", "ab", "abc", " ", " a", " ab", "1", "2", "3", "10",
                                                  "0", "\n", "\n\n", ".", ".\n", "c1", "\xC3", "\xA9", "", ":", "-", ""};
  return pieces;
}

// The longest token that fits at each place; nothing for what no token writes.
inline std::vector<int32_t> word_tokens(std::string_view text) {
  std::vector<int32_t> tokens;
  for (size_t at = 0; at < text.size();) {
    int32_t best = -1;
    for (int32_t token = 0; token < kVocabulary; ++token) {
      const std::string& piece = word_pieces()[static_cast<size_t>(token)];
      if (piece.empty() || text.compare(at, piece.size(), piece) != 0) continue;
      if (best < 0 || piece.size() > word_pieces()[static_cast<size_t>(best)].size()) best = token;
    }
    if (best < 0) {
      at += 1;
      continue;
    }
    tokens.push_back(best);
    at += word_pieces()[static_cast<size_t>(best)].size();
  }
  return tokens;
}

class WordDecoder final : public MockDecoder {
 public:
  using MockDecoder::MockDecoder;
  std::string piece(int32_t token) const override { return word_pieces()[static_cast<size_t>(token)]; }
  std::vector<int32_t> tokenize(std::string_view text) const override { return word_tokens(text); }
};

// Parts of a plan by their fields; numbers come from number_plan().
inline PlanPart given(std::string text) {
  PlanPart part;
  part.text = std::move(text);
  return part;
}
inline PlanPart free_part(int32_t max_tokens, std::vector<std::string> stop, std::vector<std::string> bars = {}) {
  PlanPart part;
  part.kind = PlanPart::Kind::kFree;
  part.max_tokens = max_tokens;
  part.stop = std::move(stop);
  part.bars = std::move(bars);
  return part;
}
inline PlanPart choice(std::vector<std::string> texts, std::string terminator) {
  PlanPart part;
  part.kind = PlanPart::Kind::kChoice;
  part.texts = std::move(texts);
  part.terminator = std::move(terminator);
  return part;
}
inline PlanPart copy_of(int32_t number) {
  PlanPart part;
  part.kind = PlanPart::Kind::kCopy;
  part.of = number;
  return part;
}
inline PlanPart repeat(std::vector<PlanPart> body, int32_t least, int32_t most, std::string another, std::string end) {
  PlanPart part;
  part.kind = PlanPart::Kind::kRepeat;
  part.body = std::move(body);
  part.least = least;
  part.most = most;
  part.texts = {std::move(another), std::move(end)};
  return part;
}
inline PlanPart for_each(int32_t repeat, std::vector<PlanPart> body) {
  PlanPart part;
  part.kind = PlanPart::Kind::kForEach;
  part.of = repeat;
  part.body = std::move(body);
  return part;
}

inline void number_parts(std::vector<PlanPart>& parts, int32_t& next) {
  for (PlanPart& part : parts) {
    part.number = next++;
    number_parts(part.body, next);
  }
}

inline std::shared_ptr<const Plan> make_plan(std::vector<PlanPart> parts) {
  auto plan = std::make_shared<Plan>();
  plan->parts = std::move(parts);
  number_parts(plan->parts, plan->n_parts);
  return plan;
}

// Most tokens that parts can become, the tree of a choice's tokens included: a token writes at least a byte.
inline int32_t most_tokens(const std::vector<PlanPart>& parts, const std::vector<PlanPart>& all) {
  const auto longest = [](const std::vector<std::string>& texts) {
    size_t most = 0;
    for (const std::string& text : texts) most = std::max(most, text.size());
    return static_cast<int32_t>(most);
  };
  int32_t n = 0;
  for (const PlanPart& part : parts) {
    const int32_t n_rounds = part.kind == PlanPart::Kind::kForEach
                                 ? std::ranges::find(all, part.of, &PlanPart::number)->most
                                 : part.most;
    n += static_cast<int32_t>(part.text.size() + part.terminator.size()) + part.max_tokens + longest(part.texts) * std::max(1, n_rounds + 1) +
         most_tokens(part.body, all) * n_rounds;
    if (part.kind == PlanPart::Kind::kCopy) n += 5 * 4;  // the longest free text, in bytes
  }
  return n;
}

inline std::vector<std::string> numbers() { return {"1", "2", "3", "10"}; }

// What a judge would ask for, with random bounds: a text, criteria with a weight, a score for each.
inline std::shared_ptr<const Plan> random_plan(std::mt19937& random) {
  const auto pick = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
  const auto text = [&] {
    std::string made;
    for (int n = pick(1, 4); n > 0; --n) made += word_pieces()[static_cast<size_t>(pick(0, 17))];
    return made;
  };
  std::vector<PlanPart> parts;
  if (pick(0, 4) > 0) parts.push_back(given(text()));
  parts.push_back(free_part(pick(1, 5), pick(0, 1) ? std::vector<std::string>{"\n"} : std::vector<std::string>{},
                            pick(0, 1) ? std::vector<std::string>{"1", "bc"} : std::vector<std::string>{}));
  const auto n_free = static_cast<int32_t>(parts.size()) - 1;
  parts.back().min_tokens = pick(0, 1);
  if (pick(0, 1)) parts.push_back(given(text()));
  parts.push_back(choice(numbers(), "\n"));
  parts.back().greedy = pick(0, 3) == 0;
  if (pick(0, 2) == 0) parts.back().weighing = Weighing::kBranches;
  if (pick(0, 3) == 0) parts.back().temperature = 0.5f;
  const auto n_repeat = static_cast<int32_t>(parts.size());
  std::vector<PlanPart> body = {free_part(pick(1, 3), {":", "."})};
  if (pick(0, 1)) body.push_back(given(text()));
  const int32_t n_in_body = n_repeat + 1;
  const int least = pick(0, 2);
  parts.push_back(repeat(std::move(body), least, least + pick(least == 0 ? 1 : 0, 2), "- ", ".\n"));
  std::vector<PlanPart> each = {copy_of(n_in_body), given(":"), choice({"ab", "abc", "a1", "2"}, ".")};
  if (pick(0, 1)) each.push_back(copy_of(n_free));
  parts.push_back(for_each(n_repeat, std::move(each)));
  if (pick(0, 1)) parts.push_back(given(text()));
  return make_plan(std::move(parts));
}

// Follows a plan with the logits of the whole sequence, one row after another.
inline std::unique_ptr<PlanRun> follow_alone(const std::shared_ptr<const Plan>& plan, TokenJoins& joins, const std::vector<int32_t>& prompt,
                                             const SamplingParameters& sampling, uint32_t seed) {
  WorkerPool pool(1);
  TokenDrawer drawer(kVocabulary, {kEndToken}, pool);
  auto run = std::make_unique<PlanRun>(plan, joins, sampling.temperature, seed, prompt.back());
  const auto logits_after = [&](const std::vector<int32_t>& more) {
    std::vector<int32_t> tokens = prompt;
    tokens.insert(tokens.end(), run->tokens().begin(), run->tokens().end());
    tokens.insert(tokens.end(), more.begin(), more.end());
    return mock_logits(tokens);
  };
  while (run->state() == PlanRun::State::kDraws || run->state() == PlanRun::State::kReads) {
    const std::vector<float> logits = logits_after({});
    if (run->state() == PlanRun::State::kDraws) {
      FreeText& text = run->free_text();
      Draw draw{logits.data(), &sampling, seed, run->n_draws(), text.bars_end(), text.constraint(), text.text()};
      drawer.draw({&draw, 1});
      EXPECT(draw.token >= 0);
      run->accept(draw.token);
      continue;
    }
    // The tree's paths by value: the last reading drops the tree.
    const std::vector<ChoiceTrie::Path> paths = run->trie().paths();
    std::vector<std::pair<int32_t, std::vector<float>>> readings = {{0, logits}};
    for (const ChoiceTrie::Path& path : paths) {
      for (size_t i = 0; i < path.nodes.size(); ++i) {
        const std::vector<int32_t> more(path.tokens.begin(), path.tokens.begin() + static_cast<ptrdiff_t>(i) + 1);
        const bool again = std::ranges::any_of(readings, [&](const auto& one) { return one.first == path.nodes[i]; });
        if (!again && run->trie().wants(path.nodes[i])) readings.emplace_back(path.nodes[i], logits_after(more));
      }
    }
    for (const auto& [node, values] : readings) run->read(node, values.data(), kVocabulary);
  }
  return run;
}

}  // namespace pgenrm::test
