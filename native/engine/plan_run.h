// One sample on its way through a plan: which tokens come next, what must be drawn or read, and what was written.
// Knows tokens, texts and logits; nothing of sequences, cells or other samples.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/choice_trie.h"
#include "engine/free_text.h"
#include "engine/plan.h"
#include "engine/sampler.h"
#include "engine/token_joins.h"

namespace pgenrm {

class PlanRun {
 public:
  // What it needs once all of tokens() is decoded: a token drawn from the logits after them, the logits of a choice read,
  // or nothing more.
  enum class State { kDraws, kReads, kDone, kFailed };

  // `prompt_token` is the prompt's last. `joins` outlives it.
  PlanRun(std::shared_ptr<const Plan> plan, TokenJoins& joins, float temperature, uint32_t seed, int32_t prompt_token);

  State state() const { return state_; }

  // Whether the logits after tokens() are needed: for a draw, or for the root of a choice that was not read yet.
  bool wants_logits() const { return state_ == State::kDraws || (state_ == State::kReads && trie_->wants(0)); }

  // Why it failed, and at which part.
  const PlanFailure& failure() const { return failure_; }

  // All tokens written so far, those of given text ahead of their decoding.
  const std::vector<int32_t>& tokens() const { return tokens_; }

  // How many leading tokens are as they were at the last call; those behind were written anew or are new.
  int32_t take_n_kept();

  // kDraws: what the next token is drawn with, and the token that was drawn.
  FreeText& free_text() { return *free_; }
  uint64_t n_draws() const { return n_draws_; }  // before the next: the index of its random number
  void accept(int32_t token);

  // kReads: the texts' tree, and the logits [n_vocab] after one of its nodes, the root's first. The choice is made with the last.
  const ChoiceTrie& trie() const { return *trie_; }
  void read(int32_t node, const float* logits, int32_t n_vocab);
  // Rows that were decoded for it.
  void count_probed(int32_t n_rows) { outcome_.n_probed += n_rows; }

  // Number of the part that was written last.
  int32_t last_number() const { return outcome_.parts.empty() ? 0 : outcome_.parts.back().number; }

  // Drawn and chosen tokens so far.
  int32_t n_decided() const { return outcome_.n_free + outcome_.n_chosen; }

  // kDraws: the free text cannot go on.
  void fail(const std::string& why);

  // Ends it with what it has.
  void cancel();

  // Text that is settled and was not handed out yet, each with the index of its part; with all of them the text is whole.
  std::vector<std::pair<int32_t, std::string>> take_text();

  // Once done: everything that was written. The text is whole then.
  const std::string& text() const { return text_; }
  PlanOutcome take_outcome() { return std::move(outcome_); }

 private:
  // A list of parts that is being followed; of a loop, its body.
  struct Frame {
    const std::vector<PlanPart>* parts;
    size_t at = 0;
    const PlanPart* loop = nullptr;
    int32_t round = 0;
    int32_t n_rounds = 0;    // forEach
    bool deciding = false;   // repeat: whether another round comes
  };

  void advance();
  bool decide();
  void leave_loop();
  void give(const PlanPart& part, PlanPart::Kind kind, const std::string& text);
  bool write_pending(const PlanPart& part);
  void replace_from(size_t n_kept, std::span<const int32_t> more);
  bool copy(const PlanPart& part);
  size_t source_of(const PlanPart& copy) const;
  void finish_free(FreeFinish reason);
  bool begin_choice(const PlanPart& part, std::vector<std::string> texts, float temperature);
  void take_choice(size_t chosen, std::vector<double> probabilities);
  WrittenPart& record(const PlanPart& part, PlanPart::Kind kind, const std::string& written);
  void fail(const PlanPart& part, const std::string& why);

  std::shared_ptr<const Plan> plan_;
  TokenJoins& joins_;
  float temperature_;
  uint32_t seed_;
  int32_t prompt_token_;
  State state_ = State::kDone;
  PlanFailure failure_;
  std::vector<int32_t> tokens_;
  size_t n_kept_ = 0;
  std::string pending_;  // text behind tokens_ whose tokens depend on what follows
  std::vector<Frame> frames_;
  std::vector<int32_t> n_rounds_;                  // of each repeat that ended, by number
  std::vector<std::vector<int32_t>> loops_;        // numbers of the loops around each part, by number
  std::vector<std::vector<int32_t>> free_tokens_;  // of each written part that is free, else empty
  uint64_t n_draws_ = 0;

  std::unique_ptr<FreeText> free_;
  size_t free_from_ = 0;  // its first token

  std::unique_ptr<ChoiceTrie> trie_;
  const PlanPart* choosing_ = nullptr;
  std::vector<std::string> choices_;  // texts with their terminators

  std::string text_;
  std::vector<std::pair<int32_t, std::string>> not_handed_out_;
  PlanOutcome outcome_;
};

}  // namespace pgenrm
