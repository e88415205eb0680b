// The tokens of a model and their texts. Implementations: LlamaModel, and every Decoder.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgenrm {

class Vocabulary {
 public:
  virtual ~Vocabulary() = default;

  virtual int32_t n_vocab() const = 0;

  // Text bytes of a token; empty for control tokens.
  virtual std::string piece(int32_t token) const = 0;

  // Tokens of a text; control tokens that it spells out are read as text, and nothing is added around it but the space that
  // some tokenizers put before a text. Safe on any thread.
  virtual std::vector<int32_t> tokenize(std::string_view text) const = 0;

  virtual bool is_end_of_generation(int32_t token) const = 0;
};

}  // namespace pgenrm
