// A plan of a sample, and what was written by it: plain data, the same for all samples of a request.
// The meaning of every field is stated in src/generator/plan.ts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/token_constraint.h"

namespace pgenrm {

// What the weight of a text in a choice is: all of its tokens, or those at which texts part.
enum class Weighing { kWhole, kBranches };

struct PlanPart {
  enum class Kind { kGiven, kFree, kChoice, kCopy, kRepeat, kForEach };

  Kind kind = Kind::kGiven;
  int32_t number = 0;              // in the order of the data; a repeat comes before its body
  std::string text;                // given; of a forEach what stands between rounds
  int32_t min_tokens = 0;          // free
  int32_t max_tokens = 0;          // free
  std::vector<std::string> stop;   // free
  std::vector<std::string> bars;   // free
  TokenConstraintFactory grammar;  // free; may be empty
  std::vector<std::string> texts;  // choice; of a repeat { another, end }
  std::string terminator;          // choice
  bool greedy = false;             // choice, repeat
  float temperature = -1.0f;       // choice; -1: the request's
  Weighing weighing = Weighing::kWhole;  // choice, repeat
  int32_t least = 0;               // repeat
  int32_t most = 0;                // repeat
  bool numbered = false;           // repeat, forEach: the number of the round, from 1, follows texts[0] or text
  std::string after_number;        // and this the number
  int32_t of = -1;                 // number of what a copy copies, or of the repeat that a forEach follows
  std::vector<PlanPart> body;      // repeat, forEach
};

struct Plan {
  std::vector<PlanPart> parts;
  int32_t n_parts = 0;  // with all bodies
};

enum class FreeFinish { kNone, kStop, kEnd, kLength, kCancelled };

// One part as it was written.
struct WrittenPart {
  PlanPart::Kind kind;
  int32_t number;
  std::vector<int32_t> rounds;  // of the loops around it, outermost first
  std::string text;
  FreeFinish finish = FreeFinish::kNone;  // free
  int32_t n_drawn = 0;                    // free
  int32_t chosen = -1;                    // choice, repeat
  std::vector<double> probabilities;      // with `chosen`; [n_texts]
};

// What a sample wrote by its plan, and where its tokens come from.
struct PlanOutcome {
  std::vector<WrittenPart> parts;
  int32_t n_given = 0;
  int32_t n_free = 0;
  int32_t n_chosen = 0;
  int32_t n_probed = 0;
  int32_t n_unjoined = 0;
};

// Why a plan cannot be followed; part is -1 where it can.
struct PlanFailure {
  int32_t part = -1;  // its number
  std::string why;

  bool failed() const { return part >= 0; }
};

}  // namespace pgenrm
