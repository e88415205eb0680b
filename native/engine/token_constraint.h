// What may follow in one sample, such as a grammar. The implementation on llama.cpp is llama_grammar.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace pgenrm {

class TokenConstraint {
 public:
  virtual ~TokenConstraint() = default;

  // Whether `token` may follow; `text` is what the sample holds so far.
  virtual bool allows(int32_t token, std::string_view text) = 0;

  // Sets the logits [n_vocab] of tokens that may not follow to -inf.
  virtual void filter(float* logits, int32_t n_vocab, std::string_view text) = 0;

  // Moves on by a token that is allowed; `text` does not hold it yet.
  virtual void accept(int32_t token, std::string_view text) = 0;
};

// Makes a fresh constraint for each sample of a request.
using TokenConstraintFactory = std::function<std::unique_ptr<TokenConstraint>()>;

}  // namespace pgenrm
