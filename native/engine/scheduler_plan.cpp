// Samples that follow a plan: what is given is decoded with the other rows, choices are read from rows on sequences that live
// for one step, or, where none is free, one after another in the sample's own.
#include <algorithm>

#include "engine/scheduler_request.h"

namespace pgenrm {

void Scheduler::begin_plan(Sample& sample) {
  const Request& request = sample.request->request;
  sample.plan = std::make_unique<PlanRun>(request.plan, joins_, request.sampling.temperature,
                                          request.seeds[static_cast<size_t>(sample.index)], request.prompt.back());
  follow_plan(sample);
}

// Brings the sample to where its plan is: cells of tokens that are written anew are given back, texts handed out, ends taken.
void Scheduler::follow_plan(Sample& sample) {
  PlanRun& plan = *sample.plan;
  ActiveRequest& request = *sample.request;
  drop_probe(sample);
  cut_cells(sample, std::min(sample.n_cached, plan.take_n_kept()));
  const int32_t n_decided = plan.n_decided() - sample.n_counted;
  sample.n_counted += n_decided;
  request.n_generated += n_decided;
  statistics_.n_generated_total += n_decided;
  if (plan.state() == PlanRun::State::kFailed) {
    request.plan_failure = plan.failure();
    return;
  }
  const auto n_written = static_cast<int32_t>(plan.tokens().size());
  if (n_written > request.request.max_tokens) {
    request.plan_failure = {plan.last_number(), "it is longer by " + std::to_string(n_written - request.request.max_tokens) +
                                                    " tokens than was foreseen"};
    return;
  }
  if (plan.state() == PlanRun::State::kDone) return finish_sample(sample, FinishReason::kComplete);
  if (request.request.streams) hand_out(sample, false);
  // The logits after a token that is decoded are gone: it is decoded again.
  if (plan.wants_logits() && sample.n_undecoded() == 0 && sample.n_cached > 0) cut_cells(sample, sample.n_cached - 1);
}

// Plans that begin with what is drawn or read go on from the logits of their prompt.
void Scheduler::read_prompts_logits() {
  for (size_t i = 0; i < running_.size(); ++i) {
    Sample& sample = *running_[i];
    if (sample.finished || !sample.plan || !sample.written().empty() || !sample.plan->wants_logits()) continue;
    take_logits(sample, sample.request->slot->logits.data());
  }
}

void Scheduler::take_logits(Sample& sample, const float* logits) {
  if (!sample.plan || sample.plan->state() == PlanRun::State::kDraws) return want_draw(sample, logits);
  sample.plan->read(0, logits, decoder_.limits().n_vocab);
  follow_plan(sample);
}

// Plans rows of as many paths of the sample's choice as there is room for, one of them in its own sequence. Each of the samples
// behind and each prompt may still want the logits of a row.
void Scheduler::plan_paths(Sample& sample, int32_t room, int32_t n_behind) {
  if (sample.plan->state() != PlanRun::State::kReads || sample.plan->wants_logits()) return;
  const ChoiceTrie& trie = sample.plan->trie();
  const auto& paths = trie.paths();
  if (sample.path < 0) {
    const auto open = std::ranges::find_if(paths, [&](const auto& path) { return trie.wants(path.nodes.back()); });
    sample.path = static_cast<int32_t>(open - paths.begin());
  }
  const int32_t n_outputs = decoder_.limits().n_sequences - n_behind - static_cast<int32_t>(active_.size());
  const auto n_left = static_cast<int32_t>(paths[static_cast<size_t>(sample.path)].tokens.size()) - sample.n_probed;
  int32_t n_rows = std::min({n_left, room, std::max(1, decoder_.limits().n_cells - n_cells_planned())});
  while (n_rows > 1 && n_wanted(sample, sample.path, sample.n_probed, n_rows) > std::max(1, n_outputs - n_wanted_)) n_rows -= 1;
  if (n_rows <= 0) return;
  bool fits = true;
  while (n_cells_planned() + n_rows > decoder_.limits().n_cells && fits) fits = make_room(&sample);
  if (!fits || !sample.running()) return;
  plan_path(sample, sample.path, n_rows, -1);
  room -= n_rows;
  n_given_rows_ += n_rows - 1;
  for (int32_t i = 0; i < static_cast<int32_t>(paths.size()); ++i) {
    const ChoiceTrie::Path& path = paths[static_cast<size_t>(i)];
    const auto n = static_cast<int32_t>(path.tokens.size());
    if (i == sample.path || !trie.wants(path.nodes.back())) continue;
    if (n > room || n_cells_planned() + n > decoder_.limits().n_cells || n_wanted(sample, i, 0, n) > n_outputs - n_wanted_) continue;
    const int32_t fork = sequences_.take();
    if (fork < 0) return;
    decoder_.sequence_copy(sample.sequence, fork, sample.request->slot->size() + sample.n_cached);
    plan_path(sample, i, n, fork);
    room -= n;
    n_given_rows_ += n;
  }
}

// Of rows on a path, those whose logits are wanted.
int32_t Scheduler::n_wanted(const Sample& sample, int32_t path, int32_t first, int32_t n_rows) const {
  const ChoiceTrie& trie = sample.plan->trie();
  const auto nodes = std::span(trie.paths()[static_cast<size_t>(path)].nodes).subspan(static_cast<size_t>(first), static_cast<size_t>(n_rows));
  return static_cast<int32_t>(std::ranges::count_if(nodes, [&](int32_t node) { return trie.wants(node); }));
}

// The next rows of a path, in the sample's own sequence or in a fork of it, which has the path to its end.
void Scheduler::plan_path(Sample& sample, int32_t path, int32_t n_rows, int32_t fork) {
  const ChoiceTrie& trie = sample.plan->trie();
  const ChoiceTrie::Path& along = trie.paths()[static_cast<size_t>(path)];
  const int32_t first = fork < 0 ? sample.n_probed : 0;
  const int32_t position = sample.request->slot->size() + sample.n_cached;
  for (int32_t i = first; i < first + n_rows; ++i) {
    const auto at = static_cast<size_t>(i);
    rows_.push_back({along.tokens[at], position + i, fork < 0 ? sample.sequence : fork, trie.wants(along.nodes[at])});
  }
  n_wanted_ += n_wanted(sample, path, first, n_rows);
  n_sample_cells_ += n_rows;
  if (fork < 0) sample.n_probed += n_rows;
  stretches_.push_back({&sample, nullptr, nullptr, n_rows, static_cast<int32_t>(rows_.size()) - 1, false, path, first, fork,
                        sample.plan->n_draws()});
}

void Scheduler::take_path(Stretch& stretch) {
  Sample& sample = *stretch.sample;
  PlanRun& plan = *sample.plan;
  const bool forked = stretch.fork >= 0;
  drop_fork(stretch);
  for (int32_t i = 0; i < stretch.n_rows; ++i) {
    // Another path of the step may have made the choice, or read the node.
    if (plan.state() != PlanRun::State::kReads || plan.n_draws() != stretch.n_draws) return;
    const ChoiceTrie::Path& path = plan.trie().paths()[static_cast<size_t>(stretch.path)];
    const int32_t node = path.nodes[static_cast<size_t>(stretch.first_on_path + i)];
    if (!plan.trie().wants(node)) continue;
    plan.read(node, decoder_.logits(stretch.last_row - stretch.n_rows + 1 + i), decoder_.limits().n_vocab);
    if (plan.state() != PlanRun::State::kReads || plan.n_draws() != stretch.n_draws) return follow_plan(sample);
  }
  if (forked) return;
  const auto& path = plan.trie().paths()[static_cast<size_t>(stretch.path)];
  if (sample.n_probed == static_cast<int32_t>(path.tokens.size())) drop_probe(sample);
}

// Gives back the cells of the sample's tokens behind the first n_kept.
void Scheduler::cut_cells(Sample& sample, int32_t n_kept) {
  if (n_kept >= sample.n_cached) return;
  n_sample_cells_ -= sample.n_cached - n_kept;
  sample.n_cached = n_kept;
  decoder_.sequence_remove(sample.sequence, sample.request->slot->size() + n_kept);
}

// Gives back the cells of the path that is read in the sample's own sequence.
void Scheduler::drop_probe(Sample& sample) {
  if (sample.n_probed > 0) decoder_.sequence_remove(sample.sequence, sample.request->slot->size() + sample.n_cached);
  n_sample_cells_ -= sample.n_probed;
  sample.n_probed = 0;
  sample.path = -1;
}

void Scheduler::drop_fork(Stretch& stretch) {
  if (stretch.fork < 0) return;
  n_sample_cells_ -= stretch.n_rows;
  decoder_.sequence_remove(stretch.fork, 0);
  sequences_.give_back(stretch.fork);
  stretch.fork = -1;
}

}  // namespace pgenrm
