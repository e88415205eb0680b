// What the scheduler needs of a model with a KV memory: rows in, logits out, sequences copied and cut.
// Implementations: LlamaDecoder (llama.cpp) and the mock of the tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/vocabulary.h"

namespace pgenrm {

// One token to decode for one sequence.
struct DecodeRow {
  int32_t token;
  int32_t position;
  int32_t sequence;
  bool wants_logits;
};

// llama_decode's return codes, one to one. What each leaves behind:
//   kOk       the rows are in the memory
//   kNoSlot   (1)    the memory is as before the call
//   kAborted  (2)    rows of finished micro-batches are in the memory
//   kInvalid  (-1)   the memory is as before the call
//   kFatal    (< -1) rows of finished micro-batches are in the memory
enum class DecodeStatus { kOk, kNoSlot, kAborted, kInvalid, kFatal };

// Bounds that do not change over a decoder's life.
struct DecoderLimits {
  int32_t n_cells;      // KV cells shared by all sequences
  int32_t n_sequences;  // sequence ids are 0 .. n_sequences - 1
  int32_t n_batch;      // most rows of one decode call
  int32_t n_vocab;
};

class Decoder : public Vocabulary {
 public:
  virtual const DecoderLimits& limits() const = 0;
  int32_t n_vocab() const override { return limits().n_vocab; }

  // Decodes the rows in one batch. A sequence's positions follow on each other without a gap. No more rows than there are
  // sequences want logits.
  virtual DecodeStatus decode(std::span<const DecodeRow> rows) = 0;

  // Logits of row `row` of the last decode call, which asked for them. [n_vocab], valid until the next call.
  virtual const float* logits(int32_t row) = 0;

  // Forgets positions >= from of the sequence.
  virtual void sequence_remove(int32_t sequence, int32_t from) = 0;

  // Makes positions [0, to) of `source` positions of `target` too, which is empty. No cell is used for it.
  virtual void sequence_copy(int32_t source, int32_t target, int32_t to) = 0;

  // KV cells of a layer that attention read in all calls so far, each counted once for the rows that it was read for
  // together; 0 where that is not known.
  virtual int64_t n_cells_read() const { return 0; }

  // Computes on so many threads of the CPU from now on; more than it was made for are as many as that.
  virtual void use_threads(int32_t n) = 0;
};

}  // namespace pgenrm
