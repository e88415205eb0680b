// What the scheduler's files share of a request that is let in, and of one of its samples. Included by them alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/plan_run.h"
#include "engine/scheduler.h"

namespace pgenrm {

inline int64_t microseconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began).count();
}

struct Scheduler::Sample {
  ActiveRequest* request = nullptr;
  int32_t index = 0;
  int32_t sequence = -1;         // -1 while it does not run
  std::vector<int32_t> tokens;   // drawn so far; of a plan they are the run's
  int32_t n_cached = 0;          // of written(), those in the KV memory
  GrowingText text;
  Thoughts thoughts;
  std::unique_ptr<TokenConstraint> constraint;
  bool finished = false;
  std::unique_ptr<PlanRun> plan;  // null without a plan, and before it runs for the first time
  int32_t n_probed = 0;           // tokens behind written() in the KV memory: the beginning of `path`
  int32_t path = -1;              // of its choice, in its own sequence
  int32_t n_counted = 0;          // tokens of its plan that its request has counted

  bool running() const { return sequence >= 0; }
  const std::vector<int32_t>& written() const { return plan ? plan->tokens() : tokens; }
  int32_t n_undecoded() const { return static_cast<int32_t>(written().size()) - n_cached; }
};

struct Scheduler::ActiveRequest {
  Request request;
  PromptSlot* slot = nullptr;  // null while it waits
  std::vector<Sample> samples;
  int32_t n_unfinished = 0;
  int32_t n_running = 0;
  int32_t n_prompt_decoded = 0;
  int64_t n_generated = 0;
  int64_t prefill_us = -1;
  bool failed = false;  // no token could be drawn for one of its samples, or its plan cannot be followed
  PlanFailure plan_failure;

  int64_t elapsed_us() const { return microseconds_since(request.submitted); }
  RequestResult result(RequestStatus status, const std::string& detail, int32_t part = -1) const {
    const int64_t now = elapsed_us();
    return {request.id, status, detail, static_cast<int32_t>(request.prompt.size()), n_prompt_decoded,
            n_generated, prefill_us < 0 ? now : prefill_us, now, part};
  }
};

}  // namespace pgenrm
