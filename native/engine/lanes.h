// One or two schedulers as one: prompts with several samples share KV cells, and a lone sample has a KV stream of its own.
// Owns the schedulers; single-threaded; knows no thread, no JavaScript and no llama.cpp.
//
// Where cells are shared, every row passes over the cells of every prompt in use, its own or not, and samples of one prompt
// read its keys and values from the same place. In streams a row passes over its own cells alone, and every sample reads
// a copy of its prompt. So samples that come together share, and one that comes alone does not.
#pragma once

#include <vector>

#include "engine/scheduler.h"

namespace pgenrm {

// A decoder with the options of its scheduler.
struct LaneModel {
  Decoder* decoder;  // outlives the lanes
  SchedulerOptions options;
};

class Lanes {
 public:
  // `lone` may have no decoder: all requests share cells then. All arguments outlive the lanes.
  Lanes(const LaneModel& shared, const LaneModel& lone, SchedulerListener& listener, WorkerPool& pool);

  int n_lanes() const { return static_cast<int>(lanes_.size()); }

  // Whether that lane would let in another prompt at once.
  bool wants_request(int lane) const { return lanes_[static_cast<size_t>(lane)]->wants_request(); }

  // Decodes and draws on so many threads from now on.
  void use_threads(int n);

  // As the scheduler's. Ids are looked for in both lanes.
  void submit(Request&& request);
  void cancel(uint64_t id);
  void cancel_sample(uint64_t id, int32_t index);
  void forget_idle();
  void end_all(RequestStatus status, const std::string& detail);

  // Makes a step of every lane that has work. False where none has.
  bool step();

  bool idle() const;

  // Of all lanes together; steps are this class's own.
  const StepStatistics& statistics() const { return statistics_; }

 private:
  WorkerPool& pool_;
  std::vector<Decoder*> decoders_;                 // those of lanes_
  std::vector<std::unique_ptr<Scheduler>> lanes_;  // the shared one, and the lone one if there is one
  StepStatistics statistics_;
};

}  // namespace pgenrm
