#include "engine/plan_run.h"

#include <algorithm>

namespace pgenrm {
namespace {

// Text before a round, counted from 0, with its number where it has one.
std::string numbered_text(const PlanPart& loop, const std::string& text, int32_t round) {
  return loop.numbered ? text + std::to_string(round + 1) + loop.after_number : text;
}

void list_loops(const std::vector<PlanPart>& parts, std::vector<int32_t>& around, std::vector<std::vector<int32_t>>& loops) {
  for (const PlanPart& part : parts) {
    loops[static_cast<size_t>(part.number)] = around;
    if (part.body.empty()) continue;
    around.push_back(part.number);
    list_loops(part.body, around, loops);
    around.pop_back();
  }
}

}  // namespace

PlanRun::PlanRun(std::shared_ptr<const Plan> plan, TokenJoins& joins, float temperature, uint32_t seed, int32_t prompt_token)
    : plan_(std::move(plan)),
      joins_(joins),
      temperature_(temperature),
      seed_(seed),
      prompt_token_(prompt_token),
      n_rounds_(static_cast<size_t>(plan_->n_parts), 0),
      loops_(static_cast<size_t>(plan_->n_parts)) {
  std::vector<int32_t> around;
  list_loops(plan_->parts, around, loops_);
  frames_.push_back({&plan_->parts});
  advance();
}

int32_t PlanRun::take_n_kept() {
  const size_t n = n_kept_;
  n_kept_ = tokens_.size();
  return static_cast<int32_t>(n);
}

void PlanRun::accept(int32_t token) {
  n_draws_ += 1;
  outcome_.n_free += 1;
  const bool ends = joins_.ends(token);
  if (!ends) tokens_.push_back(token);
  const FreeFinish reason = free_->accept(token, ends);
  if (reason == FreeFinish::kNone) return;
  finish_free(reason);
  frames_.back().at += 1;
  advance();
}

void PlanRun::read(int32_t node, const float* logits, int32_t n_vocab) {
  if (!trie_->read(node, logits, n_vocab)) return fail(*choosing_, "the logits are not finite");
  if (!trie_->complete()) return;
  std::vector<double> probabilities = trie_->probabilities();
  if (probabilities.empty()) return fail(*choosing_, "the model rules every text out");
  const auto chosen = static_cast<size_t>(choose(probabilities, choosing_->greedy, uniform_at(seed_, 2 * n_draws_)));
  n_draws_ += 1;
  const std::vector<int32_t>& tokens = trie_->texts()[chosen];
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  outcome_.n_chosen += static_cast<int32_t>(tokens.size());
  take_choice(chosen, std::move(probabilities));
  trie_.reset();
  advance();
}

void PlanRun::cancel() {
  if (state_ == State::kDraws) finish_free(FreeFinish::kCancelled);
  state_ = State::kDone;
}

std::vector<std::pair<int32_t, std::string>> PlanRun::take_text() {
  std::vector<std::pair<int32_t, std::string>> taken = std::move(not_handed_out_);
  not_handed_out_.clear();
  if (state_ == State::kDraws) {
    std::string settled = free_->take_settled(false);
    if (!settled.empty()) taken.emplace_back(static_cast<int32_t>(outcome_.parts.size()) - 1, std::move(settled));
  }
  return taken;
}

// Follows the plan to the next place where logits are needed, or to its end.
void PlanRun::advance() {
  for (;;) {
    Frame& frame = frames_.back();
    if (frame.deciding) {
      if (!decide()) return;
      continue;
    }
    if (frame.at == frame.parts->size()) {
      if (!frame.loop) {
        if (write_pending(frame.parts->back())) state_ = State::kDone;
        return;
      }
      frame.at = 0;
      frame.round += 1;
      frame.deciding = frame.loop->kind == PlanPart::Kind::kRepeat;
      if (frame.deciding) continue;
      if (frame.round == frame.n_rounds) {
        leave_loop();
        continue;
      }
      const std::string between = numbered_text(*frame.loop, frame.loop->text, frame.round);
      if (!between.empty()) give(*frame.loop, PlanPart::Kind::kGiven, between);
      continue;
    }
    const PlanPart& part = (*frame.parts)[frame.at];
    switch (part.kind) {
      case PlanPart::Kind::kGiven:
        give(part, part.kind, part.text);
        frame.at += 1;
        break;
      case PlanPart::Kind::kCopy:
        if (!copy(part)) return;
        frame.at += 1;
        break;
      case PlanPart::Kind::kRepeat:
        frames_.push_back({&part.body, 0, &part, 0, 0, true});
        break;
      case PlanPart::Kind::kForEach:
        frames_.push_back({&part.body, 0, &part, 0, n_rounds_[static_cast<size_t>(part.of)], false});
        if (frames_.back().n_rounds == 0) leave_loop();
        break;
      case PlanPart::Kind::kFree:
        if (!write_pending(part)) return;
        record(part, part.kind, "");
        free_ = std::make_unique<FreeText>(part, joins_);
        free_from_ = tokens_.size();
        state_ = State::kDraws;
        return;
      case PlanPart::Kind::kChoice: {
        std::vector<std::string> texts = part.texts;
        for (std::string& text : texts) text += part.terminator;
        if (!begin_choice(part, std::move(texts), part.temperature < 0.0f ? temperature_ : part.temperature)) return;
        break;
      }
    }
  }
}

// Whether another round of a repeat comes; false where it must be read first.
bool PlanRun::decide() {
  Frame& frame = frames_.back();
  const PlanPart& repeat = *frame.loop;
  const std::string another = numbered_text(repeat, repeat.texts[0], frame.round);
  if (frame.round < repeat.least) {
    give(repeat, repeat.kind, another);
    frame.deciding = false;
    return true;
  }
  if (frame.round == repeat.most) {
    give(repeat, repeat.kind, repeat.texts[1]);
    leave_loop();
    return true;
  }
  return begin_choice(repeat, {another, repeat.texts[1]}, temperature_);
}

void PlanRun::leave_loop() {
  n_rounds_[static_cast<size_t>(frames_.back().loop->number)] = frames_.back().round;
  frames_.pop_back();
  frames_.back().at += 1;
}

void PlanRun::give(const PlanPart& part, PlanPart::Kind kind, const std::string& text) {
  record(part, kind, text);
  pending_ += text;
}

// Gives the pending text its tokens; false where that cannot be.
bool PlanRun::write_pending(const PlanPart& part) {
  if (pending_.empty()) return true;
  const std::optional<TokenJoin> join = joins_.join(tokens_, pending_);
  if (!join) {
    fail(part, "the vocabulary cannot write the text before it");
    return false;
  }
  if (!join->joined || (tokens_.empty() && joins_.would_join(prompt_token_, pending_))) outcome_.n_unjoined += 1;
  const size_t n_before = tokens_.size();
  replace_from(static_cast<size_t>(join->n_kept), join->tokens);
  outcome_.n_given += static_cast<int32_t>(tokens_.size()) - static_cast<int32_t>(n_before);
  pending_.clear();
  return true;
}

void PlanRun::replace_from(size_t n_kept, std::span<const int32_t> more) {
  n_kept_ = std::min(n_kept_, n_kept);
  tokens_.resize(n_kept);
  tokens_.insert(tokens_.end(), more.begin(), more.end());
}

bool PlanRun::copy(const PlanPart& part) {
  const size_t source = source_of(part);
  if (source == outcome_.parts.size()) {
    record(part, part.kind, "");
    return true;
  }
  const std::string text = outcome_.parts[source].text;
  if (joins_.spell(text)) {
    give(part, part.kind, text);
    return true;
  }
  // Bytes that no tokenizer reads, such as half a character, are copied token by token.
  if (!write_pending(part)) return false;
  const std::vector<int32_t> tokens = free_tokens_[source];
  record(part, part.kind, text);
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  outcome_.n_given += static_cast<int32_t>(tokens.size());
  outcome_.n_unjoined += 1;
  // What a stop text cut off the last token has no token there.
  size_t n_bytes = 0;
  for (const int32_t token : tokens) n_bytes += joins_.piece(token).size();
  pending_ = text.substr(n_bytes);
  return true;
}

// Index of the written part that a copy copies; their number where there is none.
size_t PlanRun::source_of(const PlanPart& copy) const {
  const std::vector<int32_t>& loops = loops_[static_cast<size_t>(copy.of)];
  const auto round_of = [&](int32_t loop) {
    for (const Frame& frame : frames_) {
      if (!frame.loop) continue;
      const bool follows = frame.loop->kind == PlanPart::Kind::kForEach && frame.loop->of == loop;
      if (follows || frame.loop->number == loop) return frame.round;
    }
    return -1;
  };
  for (size_t i = outcome_.parts.size(); i-- > 0;) {
    const WrittenPart& written = outcome_.parts[i];
    if (written.number != copy.of) continue;
    bool matches = true;
    for (size_t j = 0; j < loops.size(); ++j) {
      const int32_t round = round_of(loops[j]);
      matches = matches && (round < 0 || written.rounds[j] == round);
    }
    if (matches) return i;
  }
  return outcome_.parts.size();
}

void PlanRun::finish_free(FreeFinish reason) {
  WrittenPart& part = outcome_.parts.back();
  std::string text(free_->text());
  // Tokens that lie within the text stay; the head of one that a stop text cut through is written anew.
  size_t n_kept = free_from_;
  size_t n_bytes = 0;
  for (; n_kept < tokens_.size(); ++n_kept) {
    const size_t n = joins_.piece(tokens_[n_kept]).size();
    if (n_bytes + n > text.size()) break;
    n_bytes += n;
  }
  std::string head = text.substr(n_bytes);
  if (!head.empty() && !joins_.spell(head)) {
    text.resize(n_bytes);
    head.clear();
  }
  replace_from(n_kept, {});
  free_tokens_.resize(outcome_.parts.size());
  free_tokens_.back().assign(tokens_.begin() + static_cast<ptrdiff_t>(free_from_), tokens_.end());
  pending_ = std::move(head);
  std::string settled = free_->take_settled(true);
  if (const size_t cut = free_->text().size() - text.size(); cut > 0) settled.resize(settled.size() - std::min(cut, settled.size()));
  if (!settled.empty()) not_handed_out_.emplace_back(static_cast<int32_t>(outcome_.parts.size()) - 1, std::move(settled));
  part.finish = reason;
  part.n_drawn = free_->n_drawn();
  part.text = text;
  text_ += text;
  free_.reset();
}

// Sets up the reading of a choice; true where nothing is to be read and the choice is made.
bool PlanRun::begin_choice(const PlanPart& part, std::vector<std::string> texts, float temperature) {
  choosing_ = &part;
  choices_ = std::move(texts);
  if (choices_.size() == 1) {
    pending_ += choices_[0];
    take_choice(0, {1.0});
    return true;
  }
  if (!write_pending(part)) return false;
  std::vector<TokenJoin> joins;
  size_t n_kept = tokens_.size();
  for (const std::string& text : choices_) {
    std::optional<TokenJoin> join = joins_.join(tokens_, text);
    if (!join) {
      fail(part, "the vocabulary cannot write the text '" + text + "'");
      return false;
    }
    n_kept = std::min(n_kept, static_cast<size_t>(join->n_kept));
    joins.push_back(std::move(*join));
  }
  if (!joins[0].joined || (tokens_.empty() && joins_.would_join(prompt_token_, choices_[0]))) outcome_.n_unjoined += 1;
  std::vector<std::vector<int32_t>> all;
  for (TokenJoin& join : joins) {
    all.emplace_back(tokens_.begin() + static_cast<ptrdiff_t>(n_kept), tokens_.begin() + join.n_kept);
    all.back().insert(all.back().end(), join.tokens.begin(), join.tokens.end());
  }
  // What all texts begin with is given.
  size_t n_common = all[0].size();
  for (const auto& tokens : all) {
    n_common = std::min(n_common, static_cast<size_t>(std::ranges::mismatch(all[0], tokens).in1 - all[0].begin()));
  }
  const size_t n_before = tokens_.size();
  const std::vector<int32_t> common(all[0].begin(), all[0].begin() + static_cast<ptrdiff_t>(n_common));
  replace_from(n_kept, common);
  outcome_.n_given += static_cast<int32_t>(tokens_.size()) - static_cast<int32_t>(n_before);
  for (auto& tokens : all) tokens.erase(tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(n_common));
  trie_ = std::make_unique<ChoiceTrie>(std::move(all), part.weighing, temperature);
  state_ = State::kReads;
  return false;
}

// Notes what was chosen and moves on behind it; its tokens are in tokens_ or its text is pending.
void PlanRun::take_choice(size_t chosen, std::vector<double> probabilities) {
  const PlanPart& part = *choosing_;
  WrittenPart& written = record(part, part.kind, choices_[chosen]);
  written.chosen = static_cast<int32_t>(chosen);
  written.probabilities = std::move(probabilities);
  Frame& frame = frames_.back();
  if (part.kind == PlanPart::Kind::kChoice) {
    written.text = part.texts[chosen];
    frame.at += 1;
  } else if (chosen == 0) {
    frame.deciding = false;
  } else {
    leave_loop();
  }
}

WrittenPart& PlanRun::record(const PlanPart& part, PlanPart::Kind kind, const std::string& written) {
  WrittenPart& one = outcome_.parts.emplace_back();
  one.kind = kind;
  one.number = part.number;
  for (const Frame& frame : frames_) {
    if (frame.loop) one.rounds.push_back(frame.round);
  }
  one.text = written;
  text_ += written;
  if (!written.empty()) not_handed_out_.emplace_back(static_cast<int32_t>(outcome_.parts.size()) - 1, written);
  return one;
}

void PlanRun::fail(const std::string& why) { fail((*frames_.back().parts)[frames_.back().at], why); }

void PlanRun::fail(const PlanPart& part, const std::string& why) {
  failure_ = {part.number, why};
  state_ = State::kFailed;
}

}  // namespace pgenrm
