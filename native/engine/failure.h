// Why a load or an embedding failed: a code for programs, a sentence for people.
#pragma once

#include <string>

namespace pgenrm {

enum class FailureCode {
  kNone,
  kUnusable,      // the model cannot do what it was loaded for
  kNoMemory,      // memory was not given
  kCancelled,     // stopped by the caller
  kClosed,        // the engine closed first
  kTooLong,       // more tokens than one text may have
  kDecodeFailed,  // llama.cpp refused or failed
};

struct Failure {
  FailureCode code = FailureCode::kNone;
  std::string detail;

  bool failed() const { return code != FailureCode::kNone; }
};

}  // namespace pgenrm
