// Tokens of a text as the tokenizer gives them where the text stands, behind tokens that are there already.
// Knows the tokenizer and the texts of tokens; nothing of plans, sequences or logits. Single-threaded.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/vocabulary.h"

namespace pgenrm {

// What follows on tokens: the first `n_kept` of them stay, and `tokens` take the place of the others.
struct TokenJoin {
  int32_t n_kept = 0;
  std::vector<int32_t> tokens;
  bool joined = true;  // false where the tokens before are not the tokenizer's own: the text was then tokenized alone
};

class TokenJoins {
 public:
  // The vocabulary outlives it.
  explicit TokenJoins(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {}
  TokenJoins(const TokenJoins&) = delete;
  TokenJoins& operator=(const TokenJoins&) = delete;

  // Tokens that write exactly this text in the middle of another; null where the vocabulary has none, and for what is not
  // UTF-8. Valid until the next call.
  const std::vector<int32_t>* spell(std::string_view text);

  // How the text follows on `before`; nothing where the vocabulary cannot write it.
  std::optional<TokenJoin> join(std::span<const int32_t> before, std::string_view text);

  // Whether the tokenizer would write other tokens than this one and the text's own.
  bool would_join(int32_t token, std::string_view text);

  bool ends(int32_t token) const { return vocabulary_.is_end_of_generation(token); }

  // Text bytes of a token.
  const std::string& piece(int32_t token);

 private:
  std::optional<std::vector<int32_t>> tokenize(std::string_view text) const;
  bool writes(std::span<const int32_t> tokens, std::string_view text) const;
  bool adds_space();

  const Vocabulary& vocabulary_;
  std::vector<std::string> pieces_;  // [n_vocab] once one was asked for
  std::unordered_map<std::string, std::optional<std::vector<int32_t>>> spelled_;
  std::optional<bool> adds_space_;  // whether the tokenizer puts a space before a text
};

}  // namespace pgenrm
