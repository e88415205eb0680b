#include "engine/scheduler.h"

#include <algorithm>

namespace pgenrm {
namespace {

// Cells kept free for each running sample when a new prompt or sample is let in, so that it is not preempted at once.
constexpr int32_t kHeadroom = 32;

std::vector<int32_t> end_tokens(const Decoder& decoder) {
  std::vector<int32_t> tokens;
  for (int32_t token = 0; token < decoder.limits().n_vocab; ++token) {
    if (decoder.is_end_of_generation(token)) tokens.push_back(token);
  }
  return tokens;
}

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

int64_t microseconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace

struct Scheduler::Sample {
  ActiveRequest* request = nullptr;
  int32_t index = 0;
  int32_t sequence = -1;         // -1 while it does not run
  std::vector<int32_t> tokens;   // drawn so far
  int32_t n_cached = 0;          // of tokens, those in the KV memory
  GrowingText text;
  std::unique_ptr<TokenConstraint> constraint;
  bool finished = false;

  bool running() const { return sequence >= 0; }
  int32_t n_undecoded() const { return static_cast<int32_t>(tokens.size()) - n_cached; }
};

struct Scheduler::ActiveRequest {
  Request request;
  Clock::time_point submitted;
  PromptSlot* slot = nullptr;  // null while it waits
  std::vector<Sample> samples;
  int32_t n_unfinished = 0;
  int32_t n_running = 0;
  int32_t n_prompt_decoded = 0;
  int64_t n_generated = 0;
  int64_t prefill_us = -1;
  bool failed = false;  // no token could be drawn for one of its samples

  int64_t elapsed_us() const {
    return microseconds_since(submitted);
  }
  RequestResult result(RequestStatus status, const std::string& detail) const {
    const int64_t now = elapsed_us();
    return {request.id, status, detail, static_cast<int32_t>(request.prompt.size()), n_prompt_decoded,
            n_generated, prefill_us < 0 ? now : prefill_us, now};
  }
};

Scheduler::Scheduler(Decoder& decoder, SchedulerListener& listener, const SchedulerOptions& options, WorkerPool& pool)
    : decoder_(decoder),
      listener_(listener),
      options_(options),
      drawer_(decoder.limits().n_vocab, end_tokens(decoder), pool),
      cache_(decoder) {
  const DecoderLimits& limits = decoder.limits();
  // One sequence is left for a prompt; a batch has room for a row of every running sample.
  options_.max_running = std::max(1, std::min({options_.max_running, limits.n_sequences - 1, limits.n_batch}));
  options_.prefill_chunk = std::max(1, options_.prefill_chunk);
  for (int32_t i = limits.n_sequences - 1; i >= 0; --i) free_sequences_.push_back(i);
}

Scheduler::~Scheduler() = default;

void Scheduler::submit(Request&& request) {
  auto entry = std::make_unique<ActiveRequest>();
  entry->submitted = Clock::now();
  entry->request = std::move(request);
  const Request& r = entry->request;
  const int64_t need = static_cast<int64_t>(r.prompt.size()) + r.max_tokens + 1;
  if (need > decoder_.limits().n_positions) {
    listener_.on_end(entry->result(RequestStatus::kTooLong, "needs " + std::to_string(need) + " KV cells, there are " +
                                                                std::to_string(decoder_.limits().n_positions)));
    return;
  }
  entry->samples.resize(r.seeds.size());
  for (size_t i = 0; i < entry->samples.size(); ++i) {
    entry->samples[i].request = entry.get();
    entry->samples[i].index = static_cast<int32_t>(i);
    if (r.constraint) entry->samples[i].constraint = r.constraint();
  }
  entry->n_unfinished = static_cast<int32_t>(entry->samples.size());
  waiting_.push_back(std::move(entry));
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
  const bool goes_on = !options_.separates_prompts || rows_.empty() || decode_planned();
  if (goes_on) {
    plan_prompts();
    decode_planned();
  }
  reap();
  statistics_.n_running = static_cast<int32_t>(running_.size());
  statistics_.n_waiting_requests = static_cast<int32_t>(waiting_.size());
  statistics_.n_cells_planned = n_cells_planned();
  return true;
}


void Scheduler::admit() {
  while (!waiting_.empty()) {
    if (!try_admit(*waiting_.front())) return;
    active_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

bool Scheduler::try_admit(ActiveRequest& request) {
  if (PromptSlot* slot = cache_.find(request.request.prompt)) {
    attach_slot(request, *slot);
    return true;
  }
  cache_.touch_longest_shared(request.request.prompt);
  // More prompts than running samples could use would only hold cells.
  if (active_.size() > static_cast<size_t>(options_.max_running)) return false;
  if (n_unfinished() >= options_.max_running + options_.max_ahead) return false;
  const int32_t headroom = active_.empty() ? 0 : kHeadroom * (static_cast<int32_t>(running_.size()) + 1);
  while (cache_.n_cells_with(request.request.prompt) + n_sample_cells_ + headroom > decoder_.limits().n_cells) {
    const int32_t sequence = cache_.evict();
    if (sequence < 0) return false;
    free_sequences_.push_back(sequence);
  }
  // A sequence must be left for a sample to run in.
  while (free_sequences_.size() < 2) {
    const int32_t sequence = cache_.evict();
    if (sequence < 0) return false;
    free_sequences_.push_back(sequence);
  }
  attach_slot(request, *cache_.add(request.request.prompt, take_sequence()));
  return true;
}

void Scheduler::attach_slot(ActiveRequest& request, PromptSlot& slot) {
  request.slot = &slot;
  cache_.acquire(slot);
  if (slot.decoded() && slot.logits.empty()) {
    // The logits of an idle prompt are not kept: its last token is decoded again.
    slot.n_decoded -= 1;
    decoder_.sequence_remove(slot.sequence, slot.n_decoded);
  }
}


void Scheduler::start_samples() {
  for (const auto& request : active_) {
    if (!request->slot->decoded()) continue;
    if (request->prefill_us < 0) request->prefill_us = request->elapsed_us();
    for (Sample& sample : request->samples) {
      if (static_cast<int32_t>(running_.size()) >= options_.max_running) break;
      if (sample.finished || sample.running()) continue;
      if (!running_.empty() && n_cells_planned() + sample.n_undecoded() +
                                       kHeadroom * (static_cast<int32_t>(running_.size()) + 1) >
                                   decoder_.limits().n_cells) {
        break;
      }
      const int32_t sequence = take_sequence();
      if (sequence < 0) break;
      sample.sequence = sequence;
      decoder_.sequence_copy(request->slot->sequence, sequence, request->slot->size());
      request->n_running += 1;
      running_.push_back(&sample);
      if (sample.tokens.empty()) want_draw(sample, request->slot->logits.data());
    }
  }
  draw_all();
}


void Scheduler::plan_samples() {
  rows_.clear();
  stretches_.clear();
  // Oldest samples first, so that making room takes from the youngest.
  for (size_t i = 0; i < running_.size(); ++i) {
    Sample& sample = *running_[i];
    if (sample.finished) continue;
    const int32_t room = decoder_.limits().n_batch - static_cast<int32_t>(rows_.size());
    const int32_t n_rows = std::min(sample.n_undecoded(), room);
    if (n_rows <= 0) break;
    bool fits = true;
    while (n_cells_planned() + n_rows > decoder_.limits().n_cells && fits) fits = make_room(&sample);
    if (!fits || !sample.running()) continue;
    plan_sample(sample, n_rows);
  }
  statistics_.n_decode_rows = static_cast<int32_t>(rows_.size());
  statistics_.n_prefill_rows = 0;
}

void Scheduler::plan_sample(Sample& sample, int32_t n_rows) {
  const bool completes = n_rows == sample.n_undecoded();
  for (int32_t i = 0; i < n_rows; ++i) {
    const int32_t at = sample.n_cached + i;
    rows_.push_back({sample.tokens[static_cast<size_t>(at)], sample.request->slot->size() + at, sample.sequence,
                     completes && i == n_rows - 1});
  }
  n_sample_cells_ += n_rows;
  sample.n_cached += n_rows;
  stretches_.push_back({&sample, nullptr, nullptr, n_rows, static_cast<int32_t>(rows_.size()) - 1, completes});
}

void Scheduler::plan_prompts() {
  int32_t room = decoder_.limits().n_batch - static_cast<int32_t>(rows_.size());
  if (statistics_.n_decode_rows > 0) room = std::min(room, options_.prefill_chunk);
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

// Decodes what is planned and takes the results; false where the decoder refused.
bool Scheduler::decode_planned() {
  if (rows_.empty()) return true;
  decode_began_ = Clock::now();
  const DecodeStatus status = decoder_.decode(rows_);
  if (status == DecodeStatus::kOk) {
    take_decoded();
  } else {
    recover(status);
  }
  rows_.clear();
  stretches_.clear();
  return status == DecodeStatus::kOk;
}

// Frees cells for `keep`: idle prompts first, then the youngest sample, then the youngest request that runs nothing.
bool Scheduler::make_room(const Sample* keep) {
  const int32_t sequence = cache_.evict();
  if (sequence >= 0) {
    free_sequences_.push_back(sequence);
    return true;
  }
  for (size_t i = running_.size(); i-- > 0;) {
    Sample& sample = *running_[i];
    if (&sample == keep) break;  // only younger ones give way
    if (sample.finished || !sample.running()) continue;
    preempt(sample);
    return true;
  }
  for (size_t i = active_.size(); i-- > 0;) {
    if (active_[i].get() == keep->request || active_[i]->n_running > 0) continue;
    demote(i);
    return true;
  }
  // Older samples hold the cells: this one gives way itself.
  preempt(*const_cast<Sample*>(keep));
  return false;
}

void Scheduler::preempt(Sample& sample) {
  statistics_.n_preempted_total += 1;
  // Rows of this step that were planned for it go with it.
  for (size_t i = 0; i < stretches_.size(); ++i) {
    if (stretches_[i].sample != &sample) continue;
    const auto first = rows_.begin() + (stretches_[i].last_row + 1 - stretches_[i].n_rows);
    rows_.erase(first, first + stretches_[i].n_rows);
    for (size_t j = i + 1; j < stretches_.size(); ++j) stretches_[j].last_row -= stretches_[i].n_rows;
    stretches_.erase(stretches_.begin() + static_cast<ptrdiff_t>(i));
    break;
  }
  stop_running(sample);
}

// Sends a request back to the head of the queue; what its samples drew so far stays with them.
void Scheduler::demote(size_t index) {
  std::unique_ptr<ActiveRequest> request = std::move(active_[index]);
  active_.erase(active_.begin() + static_cast<ptrdiff_t>(index));
  cache_.release(*request->slot);
  request->slot = nullptr;
  waiting_.push_front(std::move(request));
}


void Scheduler::take_decoded() {
  statistics_.n_calls_total += 1;
  statistics_.n_row_cells_total += static_cast<int64_t>(rows_.size()) * n_cells_planned();
  for (const Stretch& stretch : stretches_) {
    if (stretch.sample) {
      statistics_.n_decode_rows_total += stretch.n_rows;
      statistics_.n_decode_attended_total += n_attended(stretch);
      if (stretch.completes) want_draw(*stretch.sample, decoder_.logits(stretch.last_row));
      continue;
    }
    PromptSlot& slot = *stretch.slot;
    slot.n_decoded += stretch.n_rows;
    statistics_.n_prefill_rows_total += stretch.n_rows;
    statistics_.n_prefill_attended_total += n_attended(stretch);
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
  if (status == DecodeStatus::kNoSlot && running_.size() > 1) {
    // The memory is as before the call: undo the plan and try again with one sample less.
    for (const Stretch& stretch : stretches_) {
      if (!stretch.sample) continue;
      stretch.sample->n_cached -= stretch.n_rows;
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
  for (const int32_t sequence : cache_.clear()) free_sequences_.push_back(sequence);
}


void Scheduler::want_draw(Sample& sample, const float* logits) {
  const Request& request = sample.request->request;
  const auto n_drawn = static_cast<uint64_t>(sample.tokens.size());
  draws_.push_back({logits, &request.sampling, request.seeds[static_cast<size_t>(sample.index)], n_drawn,
                    static_cast<int32_t>(n_drawn) < request.min_tokens, sample.constraint.get(), sample.text.text()});
  drawn_.push_back(&sample);
}

void Scheduler::draw_all() {
  if (draws_.empty()) return;
  const auto began = Clock::now();
  drawer_.draw(draws_);
  statistics_.draw_us_total += microseconds_since(began);
  for (size_t i = 0; i < draws_.size(); ++i) settle(*drawn_[i], draws_[i].token);
  flush_pieces();
  draws_.clear();
  drawn_.clear();
  std::erase_if(running_, [](const Sample* sample) { return sample->finished; });
}

void Scheduler::settle(Sample& sample, int32_t token) {
  ActiveRequest& request = *sample.request;
  if (token < 0) {
    request.failed = true;
    return;
  }
  sample.tokens.push_back(token);
  request.n_generated += 1;
  statistics_.n_generated_total += 1;
  if (drawer_.ends(token)) return finish_sample(sample, FinishReason::kEndOfGeneration);
  if (sample.constraint) sample.constraint->accept(token, sample.text.text());
  if (sample.text.append(decoder_.piece(token), request.request.stop)) return finish_sample(sample, FinishReason::kStop);
  if (static_cast<int32_t>(sample.tokens.size()) >= request.request.max_tokens) {
    return finish_sample(sample, FinishReason::kLength);
  }
  if (request.request.streams) hand_out(sample, false);
}

void Scheduler::hand_out(Sample& sample, bool last) {
  const Request& request = sample.request->request;
  std::string settled = sample.text.take_settled(request.stop, last);
  if (settled.empty()) return;
  pieces_.push_back({request.id, sample.index, static_cast<int32_t>(sample.tokens.size()), std::move(settled)});
}

void Scheduler::flush_pieces() {
  if (pieces_.empty()) return;
  listener_.on_text(std::move(pieces_));
  pieces_.clear();
}

// Of a sample that runs it leaves running_ as it is: draw_all() takes finished samples out of it.
void Scheduler::finish_sample(Sample& sample, FinishReason reason) {
  ActiveRequest& request = *sample.request;
  if (request.request.streams) {
    hand_out(sample, true);
    flush_pieces();
  }
  if (sample.running()) give_back(sample);
  sample.finished = true;
  request.n_unfinished -= 1;
  listener_.on_sample({request.request.id, sample.index, sample.text.take(),
                       static_cast<int32_t>(sample.tokens.size()), reason, request.elapsed_us()});
}

// Gives back the cells and the sequence of a sample that runs.
void Scheduler::give_back(Sample& sample) {
  n_sample_cells_ -= sample.n_cached;
  sample.n_cached = 0;
  decoder_.sequence_remove(sample.sequence, 0);
  free_sequences_.push_back(sample.sequence);
  sample.sequence = -1;
  sample.request->n_running -= 1;
}

void Scheduler::stop_running(Sample& sample) {
  give_back(sample);
  std::erase(running_, &sample);
}

void Scheduler::end_active(size_t index, RequestStatus status, const std::string& detail) {
  std::unique_ptr<ActiveRequest> request = std::move(active_[index]);
  active_.erase(active_.begin() + static_cast<ptrdiff_t>(index));
  for (Sample& sample : request->samples) {
    if (sample.running()) stop_running(sample);
  }
  cache_.release(*request->slot);
  trim_idle();
  listener_.on_end(request->result(status, detail));
}

void Scheduler::forget_idle() {
  for (int32_t sequence = cache_.evict(); sequence >= 0; sequence = cache_.evict()) free_sequences_.push_back(sequence);
}

void Scheduler::trim_idle() {
  while (cache_.n_idle_cells() > options_.max_idle_cells) free_sequences_.push_back(cache_.evict());
}

void Scheduler::reap() {
  for (size_t i = active_.size(); i-- > 0;) {
    if (active_[i]->failed) {
      end_active(i, RequestStatus::kNoToken, "no token could be drawn: all were ruled out");
    } else if (active_[i]->n_unfinished == 0) {
      end_active(i, RequestStatus::kDone, "");
    }
  }
}

int32_t Scheduler::n_unfinished() const {
  int32_t n = 0;
  for (const auto& request : active_) n += request->n_unfinished;
  return n;
}

int32_t Scheduler::take_sequence() {
  if (free_sequences_.empty()) {
    const int32_t sequence = cache_.evict();
    if (sequence < 0) return -1;
    return sequence;
  }
  const int32_t sequence = free_sequences_.back();
  free_sequences_.pop_back();
  return sequence;
}

}  // namespace pgenrm
