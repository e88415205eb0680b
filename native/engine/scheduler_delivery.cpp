// From logits to what the listener hears: tokens are drawn, texts grow and are handed out, samples end.
#include <algorithm>

#include "engine/scheduler_request.h"

namespace pgenrm {

namespace {

// How much the length of the sample that ended last counts at least in what is expected of others.
constexpr double kNewestLength = 0.1;

// What a sample has written behind its thoughts.
std::string_view answer_of(const GrowingText& text, const Thoughts& thoughts) {
  return std::string_view(text.text()).substr(thoughts.answer_from());
}

}  // namespace

void Scheduler::want_draw(Sample& sample, const float* logits) {
  const Request& request = sample.request->request;
  if (sample.plan) {
    FreeText& text = sample.plan->free_text();
    draws_.push_back({logits, &request.sampling, request.seeds[static_cast<size_t>(sample.index)], sample.plan->n_draws(),
                      text.bars_end(), text.constraint(), text.text()});
    drawn_.push_back(&sample);
    return;
  }
  const auto n_drawn = static_cast<uint64_t>(sample.tokens.size());
  draws_.push_back({logits, &request.sampling, request.seeds[static_cast<size_t>(sample.index)], n_drawn,
                    static_cast<int32_t>(n_drawn) < request.min_tokens, sample.thoughts.inside() ? nullptr : sample.constraint.get(),
                    answer_of(sample.text, sample.thoughts)});
  drawn_.push_back(&sample);
}

void Scheduler::draw_all() {
  if (!draws_.empty()) {
    const auto began = Clock::now();
    drawer_.draw(draws_);
    statistics_.draw_us_total += microseconds_since(began);
  }
  for (size_t i = 0; i < draws_.size(); ++i) settle(*drawn_[i], draws_[i].token);
  flush_pieces();
  draws_.clear();
  drawn_.clear();
  std::erase_if(running_, [](const Sample* sample) { return sample->finished; });
}

void Scheduler::settle(Sample& sample, int32_t token) {
  if (sample.plan) return settle_planned(sample, token);
  ActiveRequest& request = *sample.request;
  if (token < 0) {
    request.failed = true;
    return;
  }
  sample.tokens.push_back(token);
  request.n_generated += 1;
  statistics_.n_generated_total += 1;
  if (drawer_.ends(token)) return finish_sample(sample, FinishReason::kEndOfGeneration);
  if (sample.constraint && !sample.thoughts.inside()) {
    sample.constraint->accept(token, answer_of(sample.text, sample.thoughts));
  }
  if (write(sample, token)) return finish_sample(sample, FinishReason::kStop);
  if (static_cast<int32_t>(sample.tokens.size()) >= request.request.max_tokens) {
    return finish_sample(sample, FinishReason::kLength);
  }
  if (request.request.streams) hand_out(sample, false);
}

// Adds a token's text; true where it completed a stop string behind the thoughts.
bool Scheduler::write(Sample& sample, int32_t token) {
  const Request& request = sample.request->request;
  const size_t n_before = sample.text.text().size();
  const std::string* shown = request.thoughts.text_of(token);
  sample.text.add(shown ? *shown : decoder_.piece(token));
  sample.thoughts.follow(sample.text.text(), request.thoughts);
  return !sample.thoughts.inside() && sample.text.cut_at_stop(request.stop, n_before, sample.thoughts.answer_from());
}

void Scheduler::settle_planned(Sample& sample, int32_t token) {
  if (token < 0) {
    sample.plan->fail("no token may follow: its grammar and what may not occur leave none");
  } else {
    sample.plan->accept(token);
  }
  follow_plan(sample);
}

void Scheduler::hand_out(Sample& sample, bool last) {
  const Request& request = sample.request->request;
  if (sample.plan) {
    for (auto& [part, text] : sample.plan->take_text()) {
      pieces_.push_back({request.id, sample.index, static_cast<int32_t>(sample.written().size()), std::move(text), part});
    }
    return;
  }
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
  if (sample.plan && reason == FinishReason::kCancelled) sample.plan->cancel();
  if (request.request.streams) {
    hand_out(sample, true);
    flush_pieces();
  }
  if (sample.running()) give_back(sample);
  sample.finished = true;
  if (reason != FinishReason::kCancelled) {
    const double share = static_cast<double>(sample.written().size()) / request.request.max_tokens;
    n_lengths_ += 1;
    length_share_ += std::max(kNewestLength, 1.0 / n_lengths_) * (share - length_share_);
  }
  request.n_unfinished -= 1;
  SampleResult result{request.request.id, sample.index, sample.text.take(),
                      static_cast<int32_t>(sample.written().size()), reason, request.elapsed_us()};
  if (request.request.plan) {
    if (sample.plan) result.text = sample.plan->text();
    result.plan = sample.plan ? sample.plan->take_outcome() : PlanOutcome{};
  }
  listener_.on_sample(std::move(result));
}

}  // namespace pgenrm
