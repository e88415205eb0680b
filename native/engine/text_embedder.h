// What embeds texts: token sequences in, unit vectors out. The implementation on llama.cpp is LlamaEmbedder.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/failure.h"

namespace pgenrm {

class TextEmbedder {
 public:
  virtual ~TextEmbedder() = default;

  virtual int32_t dimension() const = 0;
  virtual int32_t max_tokens() const = 0;        // most tokens of one text
  virtual int32_t max_batch_tokens() const = 0;  // most tokens of one batch, at least max_tokens()
  virtual int32_t max_sequences() const = 0;  // most texts of one batch

  // Embeds the texts of one batch, each with at least one token; writes unit vectors to out, [n_texts x dimension].
  // False with the reason in *failure where it fails.
  virtual bool embed(std::span<const std::vector<int32_t>> texts, float* out, Failure* failure) = 0;
};

}  // namespace pgenrm
