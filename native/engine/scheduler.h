// Continuous batching over many requests: which prompts are decoded, which samples run, which rows make a step.
// Owns sequences and KV cells; single-threaded; knows no thread, no JavaScript and no llama.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/decoder.h"
#include "engine/growing_text.h"
#include "engine/prefix_cache.h"
#include "engine/request.h"
#include "engine/sequence_pool.h"
#include "engine/step_statistics.h"
#include "engine/token_drawer.h"
#include "engine/token_joins.h"
#include "engine/worker_pool.h"

namespace pgenrm {

struct SchedulerOptions {
  int32_t max_running = 32;     // samples that decode at once
  int32_t prefill_chunk = 512;  // most prompt rows of a step while samples decode
  // Most KV cells that prompts which nobody needs may hold. They serve prompts to come, and every row's attention
  // passes over them until then.
  int32_t max_idle_cells = 1 << 30;
  // A prompt is let in while fewer samples than this are unfinished. Beyond max_running prompts are decoded ahead of
  // need, so that no row stays empty when samples end, and hold cells until then; below it samples of many prompts
  // are fewer at once than those of one prompt may be.
  int32_t max_unfinished = 1 << 20;
};

class SchedulerListener {
 public:
  virtual ~SchedulerListener() = default;
  // New text of requests that stream, at most one piece a sample and call, or one a part of its plan; before the sample's
  // own end.
  virtual void on_text(std::vector<TextPiece>&& pieces) = 0;
  virtual void on_sample(SampleResult&& sample) = 0;
  virtual void on_end(RequestResult&& result) = 0;
};

class Scheduler {
 public:
  // `pool` draws tokens of several rows at once; it outlives the scheduler.
  Scheduler(Decoder& decoder, SchedulerListener& listener, const SchedulerOptions& options, WorkerPool& pool);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Takes a request, and lets it in where there is room; one that can never fit ends at once with kTooLong.
  void submit(Request&& request);

  // True where nothing waits and the samples at work leave room for another prompt's.
  bool wants_request() const { return waiting_.empty() && may_add_prompt(); }

  // Ends a request as cancelled, whatever its state. Unknown ids are ignored: it may just have ended.
  void cancel(uint64_t id);

  // Ends one sample as cancelled, with the text that it has, whether it runs, waits or was preempted; the others go on.
  // A request whose last sample this was ends as done. Unknown ids and indices and ended samples are ignored.
  void cancel_sample(uint64_t id, int32_t index);

  // Drops the prompts that no request needs: what comes next shares nothing with what has ended.
  void forget_idle();

  // Ends every request with this status.
  void end_all(RequestStatus status, const std::string& detail);

  // Makes one step, of at most one decode call. False where there was nothing to do.
  bool step();

  bool idle() const { return active_.empty() && waiting_.empty(); }
  const StepStatistics& statistics() const { return statistics_; }

  // For tests: sequences and cells that nothing uses must add up to the decoder's.
  int32_t n_free_sequences() const { return sequences_.n_free(); }
  int32_t n_sample_cells() const { return n_sample_cells_; }
  int32_t n_idle_cells() { return cache_.n_idle_cells(); }
  const PrefixCache& cache() const { return cache_; }

 private:
  struct Sample;
  struct ActiveRequest;
  using Clock = std::chrono::steady_clock;

  // What a decoded stretch of rows belongs to: a sample's own tokens or a prompt.
  struct Stretch {
    Sample* sample;            // null for a prompt
    PromptSlot* slot;          // null for a sample
    ActiveRequest* requester;  // whom the prompt rows are counted for
    int32_t n_rows;
    int32_t last_row;          // its index in rows_; its logits are wanted where it completes the stretch's goal
    bool completes;
    int32_t path = -1;         // of a sample's choice that is read; -1 for its own tokens
    int32_t first_on_path = 0; // index of the first row's token on the path
    int32_t fork = -1;         // sequence that lives for this step, where the rows are not in the sample's own
    uint64_t n_draws = 0;      // of the sample's plan as the rows were planned: more of them mean that the choice is made
  };

  // scheduler.cpp
  void end_active(size_t index, RequestStatus status, const std::string& detail, int32_t part = -1);
  void reap();

  // scheduler_admission.cpp
  void admit();
  bool try_admit(ActiveRequest& request);
  void attach_slot(ActiveRequest& request, PromptSlot& slot);
  void start_samples();
  bool make_room(const Sample* keep);
  void preempt(Sample& sample);
  void demote(size_t index);
  void give_back(Sample& sample);
  void stop_running(Sample& sample);
  void trim_idle();
  bool may_add_prompt() const;
  int32_t n_unfinished() const;
  int32_t n_to_come(const Sample& sample) const;
  int32_t n_cells_at_most(const ActiveRequest* asked, const Sample* asking) const;

  // scheduler_batch.cpp
  void plan_samples();
  void plan_sample(Sample& sample, int32_t n_rows);
  void plan_prompts();
  void decode_planned();
  void take_decoded();
  int64_t n_attended(const Stretch& stretch) const;
  void recover(DecodeStatus status);

  // scheduler_plan.cpp
  void begin_plan(Sample& sample);
  void follow_plan(Sample& sample);
  void read_prompts_logits();
  void take_logits(Sample& sample, const float* logits);
  void plan_paths(Sample& sample, int32_t room, int32_t n_behind);
  void plan_path(Sample& sample, int32_t path, int32_t n_rows, int32_t fork);
  int32_t n_wanted(const Sample& sample, int32_t path, int32_t first, int32_t n_rows) const;
  void take_path(Stretch& stretch);
  void cut_cells(Sample& sample, int32_t n_kept);
  void drop_probe(Sample& sample);
  void drop_fork(Stretch& stretch);

  // scheduler_delivery.cpp
  void want_draw(Sample& sample, const float* logits);
  void settle_planned(Sample& sample, int32_t token);
  void draw_all();
  void settle(Sample& sample, int32_t token);
  bool write(Sample& sample, int32_t token);
  void hand_out(Sample& sample, bool last);
  void flush_pieces();
  void finish_sample(Sample& sample, FinishReason reason);

  int32_t n_cells_planned() const { return cache_.n_cells() + n_sample_cells_; }

  Decoder& decoder_;
  SchedulerListener& listener_;
  SchedulerOptions options_;
  TokenDrawer drawer_;
  TokenJoins joins_;
  PrefixCache cache_;
  SequencePool sequences_;
  std::deque<std::unique_ptr<ActiveRequest>> waiting_;  // in order of arrival
  std::vector<std::unique_ptr<ActiveRequest>> active_;  // in order of admission
  std::vector<Sample*> running_;                        // in order of start
  std::vector<DecodeRow> rows_;
  std::vector<Stretch> stretches_;
  std::vector<Draw> draws_;
  std::vector<Sample*> drawn_;        // whose tokens draws_ are
  std::vector<TextPiece> pieces_;     // of this step
  int32_t n_wanted_ = 0;       // rows of samples in this step whose logits are wanted
  int32_t n_given_rows_ = 0;   // of this step's rows of samples, those that are more than one a sample
  int32_t n_sample_cells_ = 0;                 // cells that running samples hold beyond their prompts
  double length_share_ = 0.5;                  // of their most tokens, what samples that ended lately had
  int64_t n_lengths_ = 0;                      // samples that it was learnt from
  StepStatistics statistics_;
  Clock::time_point decode_began_{};
};

}  // namespace pgenrm
