#include "engine/free_text.h"

#include <algorithm>
#include <limits>

namespace pgenrm {

class FreeText::Constraint final : public TokenConstraint {
 public:
  Constraint(const PlanPart& part, TokenJoins& joins)
      : part_(part), joins_(joins), grammar_(part.grammar ? part.grammar() : nullptr) {
    joins_.piece(0);  // all texts of tokens are there before several threads read them
    for (const std::string& text : part.bars) n_before_ = std::max(n_before_, text.size() - 1);
    for (const std::string& text : part.stop) n_before_ = std::max(n_before_, text.size() - 1);
  }

  bool allows(int32_t token, std::string_view text) override {
    return keeps_bars(token, text) && (!grammar_ || grammar_->allows(token, text));
  }

  void filter(float* logits, int32_t n_vocab, std::string_view text) override {
    for (int32_t token = 0; token < n_vocab; ++token) {
      if (!keeps_bars(token, text)) logits[token] = -std::numeric_limits<float>::infinity();
    }
    if (grammar_) grammar_->filter(logits, n_vocab, text);
  }

  void accept(int32_t token, std::string_view text) override {
    if (grammar_) grammar_->accept(token, text);
  }

 private:
  bool keeps_bars(int32_t token, std::string_view text) {
    const std::string& piece = joins_.piece(token);
    if (piece.empty()) return joins_.ends(token);
    if (part_.bars.empty()) return true;
    std::string joined(text.substr(text.size() - std::min(n_before_, text.size())));
    joined += piece;
    // Behind a stop text, which ends the free text, nothing is barred.
    size_t cut = std::string::npos;
    for (const std::string& stop : part_.stop) cut = std::min(cut, joined.find(stop));
    const std::string_view kept = std::string_view(joined).substr(0, cut);
    return std::ranges::none_of(part_.bars, [&](const std::string& barred) { return kept.find(barred) != std::string::npos; });
  }

  const PlanPart& part_;
  TokenJoins& joins_;
  std::unique_ptr<TokenConstraint> grammar_;
  size_t n_before_ = 0;  // bytes in which a barred text or a stop text may have begun
};

FreeText::FreeText(const PlanPart& part, TokenJoins& joins)
    : part_(part), joins_(joins), constraint_(std::make_unique<Constraint>(part, joins)) {}

FreeText::~FreeText() = default;

TokenConstraint* FreeText::constraint() { return constraint_.get(); }

FreeFinish FreeText::accept(int32_t token, bool ends) {
  n_drawn_ += 1;
  if (ends) return FreeFinish::kEnd;
  constraint_->accept(token, text_.text());
  if (text_.append(joins_.piece(token), part_.stop)) return FreeFinish::kStop;
  if (n_drawn_ < part_.max_tokens) return FreeFinish::kNone;
  text_.cut_to_characters();
  return FreeFinish::kLength;
}

}  // namespace pgenrm
