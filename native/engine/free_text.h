// A free text of a plan while the model writes it: its bounds, what may not occur, its grammar, and how it ends.
// Knows tokens and their texts; nothing of the plan around it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/growing_text.h"
#include "engine/plan.h"
#include "engine/token_joins.h"

namespace pgenrm {

class FreeText {
 public:
  // All arguments outlive it.
  FreeText(const PlanPart& part, TokenJoins& joins);
  ~FreeText();
  FreeText(const FreeText&) = delete;
  FreeText& operator=(const FreeText&) = delete;

  // For the drawer of its next token. A token without text that does not end a text is never allowed.
  TokenConstraint* constraint();
  bool bars_end() const { return n_drawn_ < part_.min_tokens; }
  std::string_view text() const { return text_.text(); }

  // Takes a token that was drawn, which `ends` a generation or not; gives why the text ended, kNone where it goes on.
  FreeFinish accept(int32_t token, bool ends);

  // What is settled of the text and was not taken yet; with `last` all of it.
  std::string take_settled(bool last) { return text_.take_settled(part_.stop, last); }

  int32_t n_drawn() const { return n_drawn_; }

 private:
  class Constraint;

  const PlanPart& part_;
  TokenJoins& joins_;
  std::unique_ptr<Constraint> constraint_;
  GrowingText text_;
  int32_t n_drawn_ = 0;
};

}  // namespace pgenrm
