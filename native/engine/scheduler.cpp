// Requests from their arrival to their end, and the order of a step's parts; each part is in a file of its own.
#include <algorithm>

#include "engine/scheduler_request.h"

namespace pgenrm {
namespace {

std::vector<int32_t> end_tokens(const Decoder& decoder) {
  std::vector<int32_t> tokens;
  for (int32_t token = 0; token < decoder.limits().n_vocab; ++token) {
    if (decoder.is_end_of_generation(token)) tokens.push_back(token);
  }
  return tokens;
}

SchedulerOptions within(const DecoderLimits& limits, SchedulerOptions options) {
  // One sequence is left for a prompt; a batch has room for a row of every running sample.
  options.max_running = std::max(1, std::min({options.max_running, limits.n_sequences - 1, limits.n_batch}));
  options.prefill_chunk = std::max(1, options.prefill_chunk);
  return options;
}

}  // namespace

Scheduler::Scheduler(Decoder& decoder, SchedulerListener& listener, const SchedulerOptions& options, WorkerPool& pool)
    : decoder_(decoder),
      listener_(listener),
      options_(within(decoder.limits(), options)),
      drawer_(decoder.limits().n_vocab, end_tokens(decoder), pool),
      joins_(decoder),
      cache_(decoder),
      sequences_(decoder.limits().n_sequences) {}

Scheduler::~Scheduler() = default;

void Scheduler::submit(Request&& request) {
  if (std::string why = why_too_long(request, decoder_.limits().n_cells); !why.empty()) {
    listener_.on_end(not_taken_up(request, RequestStatus::kTooLong, std::move(why)));
    return;
  }
  auto entry = std::make_unique<ActiveRequest>();
  entry->request = std::move(request);
  const Request& r = entry->request;
  entry->samples.resize(r.seeds.size());
  for (size_t i = 0; i < entry->samples.size(); ++i) {
    entry->samples[i].request = entry.get();
    entry->samples[i].index = static_cast<int32_t>(i);
    if (r.constraint) entry->samples[i].constraint = r.constraint();
    entry->samples[i].thoughts = Thoughts(r.thoughts);
  }
  entry->n_unfinished = static_cast<int32_t>(entry->samples.size());
  waiting_.push_back(std::move(entry));
  if (waiting_.size() == 1) admit();
}

void Scheduler::cancel(uint64_t id) {
  for (size_t i = 0; i < active_.size(); ++i) {
    if (active_[i]->request.id == id) return end_active(i, RequestStatus::kCancelled, "");
  }
  for (size_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i]->request.id != id) continue;
    listener_.on_end(waiting_[i]->result(RequestStatus::kCancelled, ""));
    waiting_.erase(waiting_.begin() + static_cast<ptrdiff_t>(i));
    return;
  }
}

void Scheduler::cancel_sample(uint64_t id, int32_t index) {
  const auto find = [&](const auto& requests) {
    const auto found = std::ranges::find_if(requests, [id](const auto& entry) { return entry->request.id == id; });
    return found == requests.end() ? nullptr : found->get();
  };
  ActiveRequest* request = find(active_);
  const bool waits = request == nullptr;
  if (waits) request = find(waiting_);
  if (!request || index < 0 || static_cast<size_t>(index) >= request->samples.size()) return;
  Sample& sample = request->samples[static_cast<size_t>(index)];
  if (sample.finished) return;
  if (sample.running()) stop_running(sample);
  finish_sample(sample, FinishReason::kCancelled);
  if (!waits) return reap();
  if (request->n_unfinished > 0) return;
  listener_.on_end(request->result(RequestStatus::kDone, ""));
  std::erase_if(waiting_, [&](const auto& entry) { return entry.get() == request; });
}

void Scheduler::end_all(RequestStatus status, const std::string& detail) {
  while (!active_.empty()) end_active(active_.size() - 1, status, detail);
  for (const auto& entry : waiting_) listener_.on_end(entry->result(status, detail));
  waiting_.clear();
}

bool Scheduler::step() {
  if (idle()) return false;
  statistics_.n_steps_total += 1;
  admit();
  start_samples();
  plan_samples();
  plan_prompts();
  decode_planned();
  reap();
  statistics_.n_running = static_cast<int32_t>(running_.size());
  statistics_.n_waiting_requests = static_cast<int32_t>(waiting_.size());
  statistics_.n_cells_planned = n_cells_planned();
  return true;
}

void Scheduler::end_active(size_t index, RequestStatus status, const std::string& detail, int32_t part) {
  std::unique_ptr<ActiveRequest> request = std::move(active_[index]);
  active_.erase(active_.begin() + static_cast<ptrdiff_t>(index));
  for (Sample& sample : request->samples) {
    if (sample.running()) stop_running(sample);
  }
  cache_.release(*request->slot);
  trim_idle();
  listener_.on_end(request->result(status, detail, part));
}

void Scheduler::reap() {
  for (size_t i = active_.size(); i-- > 0;) {
    if (const PlanFailure failure = active_[i]->plan_failure; failure.failed()) {
      end_active(i, RequestStatus::kPlanFailed, failure.why, failure.part);
    } else if (active_[i]->failed) {
      end_active(i, RequestStatus::kNoToken, "no token could be drawn: all were ruled out");
    } else if (active_[i]->n_unfinished == 0) {
      end_active(i, RequestStatus::kDone, "");
    }
  }
}

}  // namespace pgenrm
