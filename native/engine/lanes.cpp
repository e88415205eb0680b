#include "engine/lanes.h"

#include <algorithm>

namespace pgenrm {
namespace {

void add_totals(StepStatistics& sum, const StepStatistics& lane) {
  sum.n_cells_planned += lane.n_cells_planned;
  sum.n_prefill_rows_total += lane.n_prefill_rows_total;
  sum.n_decode_rows_total += lane.n_decode_rows_total;
  sum.n_generated_total += lane.n_generated_total;
  sum.n_preempted_total += lane.n_preempted_total;
  sum.n_calls_total += lane.n_calls_total;
  sum.n_row_cells_total += lane.n_row_cells_total;
  sum.n_prefill_attended_total += lane.n_prefill_attended_total;
  sum.n_decode_attended_total += lane.n_decode_attended_total;
  sum.n_restored_total += lane.n_restored_total;
  sum.n_host_bytes += lane.n_host_bytes;
  sum.decode_us_total += lane.decode_us_total;
  sum.draw_us_total += lane.draw_us_total;
}

void add_moment(StepStatistics& sum, const StepStatistics& lane) {
  sum.n_decode_rows += lane.n_decode_rows;
  sum.n_prefill_rows += lane.n_prefill_rows;
  sum.n_running += lane.n_running;
  sum.n_waiting_requests += lane.n_waiting_requests;
}

}  // namespace

Lanes::Lanes(const LaneModel& shared, const LaneModel& lone, SchedulerListener& listener, WorkerPool& pool) {
  for (const LaneModel& lane : {shared, lone}) {
    if (lane.decoder) lanes_.push_back(std::make_unique<Scheduler>(*lane.decoder, listener, lane.options, pool));
  }
}

void Lanes::submit(Request&& request) {
  Scheduler& lane = request.seeds.size() == 1 ? *lanes_.back() : *lanes_.front();
  lane.submit(std::move(request));
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
