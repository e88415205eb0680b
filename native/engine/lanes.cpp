#include "engine/lanes.h"

#include <algorithm>

namespace pgenrm {
Lanes::Lanes(const LaneModel& shared, const LaneModel& lone, SchedulerListener& listener, WorkerPool& pool) : pool_(pool) {
  for (const LaneModel& lane : {shared, lone}) {
    if (!lane.decoder) continue;
    decoders_.push_back(lane.decoder);
    lanes_.push_back(std::make_unique<Scheduler>(*lane.decoder, listener, lane.options, pool));
  }
}

void Lanes::use_threads(int n) {
  pool_.use(n);
  for (Decoder* decoder : decoders_) decoder->use_threads(n);
}

void Lanes::submit(Request&& request) {
  lanes_[static_cast<size_t>(lane_of(request, n_lanes()))]->submit(std::move(request));
}

void Lanes::cancel(uint64_t id) {
  for (const auto& lane : lanes_) lane->cancel(id);
}

void Lanes::cancel_sample(uint64_t id, int32_t index) {
  for (const auto& lane : lanes_) lane->cancel_sample(id, index);
}

void Lanes::forget_idle() {
  for (const auto& lane : lanes_) lane->forget_idle();
}

void Lanes::end_all(RequestStatus status, const std::string& detail) {
  for (const auto& lane : lanes_) lane->end_all(status, detail);
}

bool Lanes::step() {
  StepStatistics sum;
  bool any = false;
  for (const auto& lane : lanes_) {
    const bool stepped = lane->step();
    if (stepped) add_moment(sum, lane->statistics());
    add_totals(sum, lane->statistics());
    any = any || stepped;
  }
  sum.n_steps_total = statistics_.n_steps_total + (any ? 1 : 0);
  if (any) statistics_ = sum;
  return any;
}

bool Lanes::idle() const {
  return std::ranges::all_of(lanes_, [](const auto& lane) { return lane->idle(); });
}

}  // namespace pgenrm
