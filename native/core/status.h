// What a kernel answers: a code and, where it helps, the row, label or byte at fault.
// Codes match STATUS_ERRORS in src/kernels/status.ts and the constants of assembly/status.ts.
#pragma once

#include <cstdint>

namespace pgenrm {

enum class Code : int32_t {
  ok = 0,
  not_finite = 1,       // at: row that holds NaN or infinity
  zero_vector = 2,      // at: row of length zero where a direction is needed
  duplicate_label = 3,  // at: the label
  unknown_label = 4,    // at: the label
  damaged = 5,          // at: byte offset where the index file stops making sense
  out_of_memory = 6,
  cannot_read = 7,
  cannot_write = 8,
  wrong_dimension = 9,   // at: the dimension found
  unrepresentable = 10,  // at: row with a number beyond what 16 bits can hold
  not_unit = 11,         // at: row of an index file that is not of length 1 under cosine
  foreign = 12,          // an index file of another metric or storage
  internal = 13,
};

struct Status {
  Code code = Code::ok;
  uint64_t at = 0;

  bool ok() const { return code == Code::ok; }
};

}  // namespace pgenrm
