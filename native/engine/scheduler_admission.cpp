// Who may hold sequences and KV cells: requests are let in, samples begin, and both give way where cells run short.
#include <algorithm>
#include <functional>

#include "engine/scheduler_request.h"

namespace pgenrm {
namespace {

// Tokens that every sample is taken to write yet, however long it is, so that it is not preempted at once.
constexpr int32_t kHeadroom = 32;

}  // namespace

void Scheduler::admit() {
  while (!waiting_.empty()) {
    if (!try_admit(*waiting_.front())) return;
    active_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

// More prompts than running samples could use would only hold cells.
bool Scheduler::may_add_prompt() const {
  return active_.size() <= static_cast<size_t>(options_.max_running) && n_unfinished() < options_.max_unfinished;
}

bool Scheduler::try_admit(ActiveRequest& request) {
  if (PromptSlot* slot = cache_.find(request.request.prompt)) {
    attach_slot(request, *slot);
    return true;
  }
  cache_.touch_longest_shared(request.request.prompt);
  if (!may_add_prompt()) return false;
  // A prompt whose samples could not run would be dropped again, or have others' tokens decoded twice.
  const int32_t n_samples = active_.empty() ? n_sample_cells_ : n_cells_at_most(&request, nullptr);
  while (cache_.n_cells_with(request.request.prompt) + n_samples > decoder_.limits().n_cells) {
    const int32_t sequence = cache_.evict();
    if (sequence < 0) return false;
    sequences_.give_back(sequence);
  }
  // A sequence must be left for a sample to run in.
  while (sequences_.n_free() < 2) {
    const int32_t sequence = cache_.evict();
    if (sequence < 0) return false;
    sequences_.give_back(sequence);
  }
  attach_slot(request, *cache_.add(request.request.prompt, sequences_.take()));
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
      if (!running_.empty() && cache_.n_cells() + n_cells_at_most(nullptr, &sample) > decoder_.limits().n_cells) break;
      int32_t sequence = sequences_.take();
      if (sequence < 0) sequence = cache_.evict();
      if (sequence < 0) break;
      sample.sequence = sequence;
      decoder_.sequence_copy(request->slot->sequence, sequence, request->slot->size());
      request->n_running += 1;
      running_.push_back(&sample);
      if (request->request.plan) {
        if (!sample.plan) begin_plan(sample);
      } else if (sample.tokens.empty()) {
        want_draw(sample, request->slot->logits.data());
      }
    }
  }
  read_prompts_logits();
  draw_all();
}

// Frees cells for `keep`: idle prompts first, then the youngest sample, then the youngest request that runs nothing.
bool Scheduler::make_room(const Sample* keep) {
  const int32_t sequence = cache_.evict();
  if (sequence >= 0) {
    sequences_.give_back(sequence);
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
  for (size_t i = stretches_.size(); i-- > 0;) {
    if (stretches_[i].sample != &sample) continue;
    drop_fork(stretches_[i]);
    const auto first = rows_.begin() + (stretches_[i].last_row + 1 - stretches_[i].n_rows);
    rows_.erase(first, first + stretches_[i].n_rows);
    for (size_t j = i + 1; j < stretches_.size(); ++j) stretches_[j].last_row -= stretches_[i].n_rows;
    stretches_.erase(stretches_.begin() + static_cast<ptrdiff_t>(i));
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

// Gives back the cells and the sequence of a sample that runs.
void Scheduler::give_back(Sample& sample) {
  n_sample_cells_ -= sample.n_cached + sample.n_probed;
  sample.n_cached = 0;
  sample.n_probed = 0;
  sample.path = -1;
  decoder_.sequence_remove(sample.sequence, 0);
  sequences_.give_back(sample.sequence);
  sample.sequence = -1;
  sample.request->n_running -= 1;
}

void Scheduler::stop_running(Sample& sample) {
  give_back(sample);
  std::erase(running_, &sample);
}

void Scheduler::forget_idle() {
  for (int32_t sequence = cache_.evict(); sequence >= 0; sequence = cache_.evict()) {
    sequences_.give_back(sequence);
  }
}

void Scheduler::trim_idle() {
  while (cache_.n_idle_cells() > options_.max_idle_cells) sequences_.give_back(cache_.evict());
}

// Tokens that a sample is expected to write yet.
int32_t Scheduler::n_to_come(const Sample& sample) const {
  const int32_t longest = sample.request->request.max_tokens;
  const auto n_written = static_cast<int32_t>(sample.written().size());
  const auto expected = static_cast<int32_t>(length_share_ * longest);
  return std::min(longest - n_written, std::max(expected - n_written, kHeadroom));
}

// Cells beyond prompts that running samples will hold at the fullest moment to come, with `asking` among them, or with one
// of `asked` and all that are let in: each grows by a token a step and gives its cells back where it ends.
int32_t Scheduler::n_cells_at_most(const ActiveRequest* asked, const Sample* asking) const {
  struct Growth {
    int32_t n_to_come;
    int32_t n_held;
  };
  std::vector<Growth> samples;
  const auto add = [&](const Sample& sample) {
    samples.push_back({n_to_come(sample), static_cast<int32_t>(sample.written().size()) + sample.n_probed});
  };
  for (const Sample* sample : running_) {
    if (!sample->finished) add(*sample);
  }
  if (asking) add(*asking);
  if (asked) {
    for (const auto& request : active_) {
      for (const Sample& sample : request->samples) {
        if (static_cast<int32_t>(samples.size()) >= options_.max_running) break;
        if (!sample.finished && !sample.running()) add(sample);
      }
    }
    const auto open = std::ranges::find_if(asked->samples, [](const Sample& sample) { return !sample.finished; });
    if (open != asked->samples.end()) add(*open);
  }
  std::ranges::sort(samples, std::greater<>(), &Growth::n_to_come);
  int32_t n_held = 0;
  int32_t most = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    n_held += samples[i].n_held;
    most = std::max(most, n_held + static_cast<int32_t>(i + 1) * samples[i].n_to_come);
  }
  return most;
}

int32_t Scheduler::n_unfinished() const {
  int32_t n = 0;
  for (const auto& request : active_) n += request->n_unfinished;
  return n;
}

}  // namespace pgenrm
