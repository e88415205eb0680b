// What a scheduler counts, and several together.
#pragma once

#include <cstdint>

namespace pgenrm {

// Counters of the last step, and of the scheduler's life where the name says total.
struct StepStatistics {
  int32_t n_decode_rows = 0;
  int32_t n_prefill_rows = 0;
  int32_t n_running = 0;
  int32_t n_waiting_requests = 0;
  int32_t n_cells_planned = 0;
  int64_t n_steps_total = 0;
  int64_t n_prefill_rows_total = 0;
  int64_t n_decode_rows_total = 0;
  int64_t n_generated_total = 0;
  int64_t n_preempted_total = 0;
  int64_t n_calls_total = 0;      // of decode(): a step makes at most one
  // Over all decoded rows, the KV cells in use as the row is decoded.
  int64_t n_row_cells_total = 0;
  int64_t n_cells_read_total = 0;  // as Decoder::n_cells_read()
  // Over all decoded rows of prompts, and of samples, the positions that the row attends to, its own among them.
  int64_t n_prefill_attended_total = 0;
  int64_t n_decode_attended_total = 0;
  int64_t decode_us_total = 0;    // from the call of decode() until its logits are there
  int64_t draw_us_total = 0;      // drawing tokens from logits
};

// Adds what is of a scheduler's life, and what is in use now; not its steps.
inline void add_totals(StepStatistics& sum, const StepStatistics& part) {
  sum.n_cells_planned += part.n_cells_planned;
  sum.n_prefill_rows_total += part.n_prefill_rows_total;
  sum.n_decode_rows_total += part.n_decode_rows_total;
  sum.n_generated_total += part.n_generated_total;
  sum.n_preempted_total += part.n_preempted_total;
  sum.n_calls_total += part.n_calls_total;
  sum.n_row_cells_total += part.n_row_cells_total;
  sum.n_cells_read_total += part.n_cells_read_total;
  sum.n_prefill_attended_total += part.n_prefill_attended_total;
  sum.n_decode_attended_total += part.n_decode_attended_total;
  sum.decode_us_total += part.decode_us_total;
  sum.draw_us_total += part.draw_us_total;
}

// Adds what is of the last step.
inline void add_moment(StepStatistics& sum, const StepStatistics& part) {
  sum.n_decode_rows += part.n_decode_rows;
  sum.n_prefill_rows += part.n_prefill_rows;
  sum.n_running += part.n_running;
  sum.n_waiting_requests += part.n_waiting_requests;
}

}  // namespace pgenrm
