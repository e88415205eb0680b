// A step's rows: those of running samples, then bounded pieces of prompts; what is decoded is taken, or a refusal made good.
#include <algorithm>

#include "engine/scheduler_request.h"

namespace pgenrm {
namespace {

const char* status_name(DecodeStatus status) {
  switch (status) {
    case DecodeStatus::kOk: return "0 (done)";
    case DecodeStatus::kNoSlot: return "1 (no KV slot)";
    case DecodeStatus::kAborted: return "2 (aborted)";
    case DecodeStatus::kInvalid: return "-1 (invalid batch)";
    case DecodeStatus::kFatal: return "below -1 (fatal error)";
  }
  return "unknown";
}

}  // namespace

void Scheduler::plan_samples() {
  rows_.clear();
  stretches_.clear();
  n_given_rows_ = 0;
  n_wanted_ = 0;
  // Oldest samples first, so that making room takes from the youngest.
  for (size_t i = 0; i < running_.size(); ++i) {
    Sample& sample = *running_[i];
    if (sample.finished) continue;
    // Each sample behind has a row; what a plan gives is decoded in bounded pieces, as prompts are.
    const auto n_behind = static_cast<int32_t>(running_.size() - i - 1);
    int32_t room = decoder_.limits().n_batch - static_cast<int32_t>(rows_.size()) - n_behind;
    if (sample.plan && running_.size() > 1) room = std::min(room, 1 + std::max(0, options_.prefill_chunk - n_given_rows_));
    if (sample.plan && sample.n_undecoded() == 0) {
      plan_paths(sample, room, n_behind);
      continue;
    }
    if (sample.plan) room = std::min(room, std::max(1, decoder_.limits().n_cells - n_cells_planned()));
    const int32_t n_rows = std::min(sample.n_undecoded(), room);
    if (n_rows <= 0) continue;
    bool fits = true;
    while (n_cells_planned() + n_rows > decoder_.limits().n_cells && fits) fits = make_room(&sample);
    if (!fits || !sample.running()) continue;
    plan_sample(sample, n_rows);
    if (sample.plan) n_given_rows_ += n_rows - 1;
  }
  statistics_.n_decode_rows = static_cast<int32_t>(rows_.size());
  statistics_.n_prefill_rows = 0;
}

void Scheduler::plan_sample(Sample& sample, int32_t n_rows) {
  const bool completes = n_rows == sample.n_undecoded() && (!sample.plan || sample.plan->wants_logits());
  for (int32_t i = 0; i < n_rows; ++i) {
    const int32_t at = sample.n_cached + i;
    rows_.push_back({sample.written()[static_cast<size_t>(at)], sample.request->slot->size() + at, sample.sequence,
                     completes && i == n_rows - 1});
  }
  n_wanted_ += completes ? 1 : 0;
  n_sample_cells_ += n_rows;
  sample.n_cached += n_rows;
  stretches_.push_back({&sample, nullptr, nullptr, n_rows, static_cast<int32_t>(rows_.size()) - 1, completes});
}

void Scheduler::plan_prompts() {
  int32_t room = decoder_.limits().n_batch - static_cast<int32_t>(rows_.size());
  if (statistics_.n_decode_rows > 0) room = std::min(room, options_.prefill_chunk - n_given_rows_);
  std::vector<const PromptSlot*> planned;
  for (const auto& request : active_) {
    PromptSlot& slot = *request->slot;
    if (room <= 0) return;
    if (slot.decoded() || std::ranges::find(planned, &slot) != planned.end() || cache_.must_wait(slot)) continue;
    if (!slot.begun) cache_.begin(slot);
    planned.push_back(&slot);
    const int32_t n_rows = std::min(room, slot.size() - slot.n_decoded);
    const bool completes = slot.n_decoded + n_rows == slot.size();
    for (int32_t i = 0; i < n_rows; ++i) {
      const int32_t at = slot.n_decoded + i;
      rows_.push_back({slot.tokens[static_cast<size_t>(at)], at, slot.sequence, completes && i == n_rows - 1});
    }
    stretches_.push_back({nullptr, &slot, request.get(), n_rows, static_cast<int32_t>(rows_.size()) - 1, completes});
    room -= n_rows;
    statistics_.n_prefill_rows += n_rows;
  }
}

// Decodes what is planned and takes the results.
void Scheduler::decode_planned() {
  if (rows_.empty()) return;
  decode_began_ = Clock::now();
  const DecodeStatus status = decoder_.decode(rows_);
  if (status == DecodeStatus::kOk) {
    take_decoded();
  } else {
    recover(status);
  }
  rows_.clear();
  stretches_.clear();
}

void Scheduler::take_decoded() {
  statistics_.n_calls_total += 1;
  statistics_.n_cells_read_total = decoder_.n_cells_read();
  statistics_.n_row_cells_total += static_cast<int64_t>(rows_.size()) * n_cells_planned();
  for (const Stretch& stretch : stretches_) {
    if (stretch.path >= 0) stretch.sample->plan->count_probed(stretch.n_rows);
  }
  for (Stretch& stretch : stretches_) {
    const int64_t attended = n_attended(stretch);
    if (stretch.sample) {
      statistics_.n_decode_rows_total += stretch.n_rows;
      statistics_.n_decode_attended_total += attended;
      if (stretch.path >= 0) {
        take_path(stretch);
      } else if (stretch.completes) {
        take_logits(*stretch.sample, decoder_.logits(stretch.last_row));
      }
      continue;
    }
    PromptSlot& slot = *stretch.slot;
    slot.n_decoded += stretch.n_rows;
    statistics_.n_prefill_rows_total += stretch.n_rows;
    statistics_.n_prefill_attended_total += attended;
    stretch.requester->n_prompt_decoded += stretch.n_rows;
    if (stretch.completes) {
      const float* logits = decoder_.logits(stretch.last_row);
      slot.logits.assign(logits, logits + decoder_.limits().n_vocab);
    }
  }
  statistics_.decode_us_total += microseconds_since(decode_began_);
  draw_all();
}

int64_t Scheduler::n_attended(const Stretch& stretch) const {
  int64_t n = 0;
  for (int32_t i = 0; i < stretch.n_rows; ++i) n += rows_[static_cast<size_t>(stretch.last_row - i)].position + 1;
  return n;
}

void Scheduler::recover(DecodeStatus status) {
  for (Stretch& stretch : stretches_) {
    if (stretch.fork < 0) continue;
    drop_fork(stretch);
    stretch.sample = nullptr;
  }
  if (status == DecodeStatus::kNoSlot && running_.size() > 1) {
    // The memory is as before the call: undo the plan and try again with one sample less.
    for (const Stretch& stretch : stretches_) {
      if (!stretch.sample) continue;
      (stretch.path >= 0 ? stretch.sample->n_probed : stretch.sample->n_cached) -= stretch.n_rows;
      n_sample_cells_ -= stretch.n_rows;
    }
    stretches_.clear();
    rows_.clear();
    preempt(*running_.back());
    return;
  }
  if (status == DecodeStatus::kAborted) {
    end_all(RequestStatus::kClosed, "");
  } else {
    end_all(RequestStatus::kDecodeFailed, std::string("llama_decode answered ") + status_name(status));
  }
  for (const int32_t sequence : cache_.clear()) sequences_.give_back(sequence);
}

}  // namespace pgenrm
