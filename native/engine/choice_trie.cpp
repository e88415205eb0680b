#include "engine/choice_trie.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/sampler.h"

namespace pgenrm {

ChoiceTrie::ChoiceTrie(std::vector<std::vector<int32_t>> texts, Weighing weighing, float temperature)
    : texts_(std::move(texts)), weighing_(weighing), temperature_(temperature) {
  nodes_.emplace_back();
  for (size_t text = 0; text < texts_.size(); ++text) {
    int32_t at = 0;
    for (const int32_t token : texts_[text]) {
      const auto& children = nodes_[static_cast<size_t>(at)].children;
      const auto found = std::ranges::find_if(
          children, [&](int32_t child) { return nodes_[static_cast<size_t>(child)].token == token; });
      if (found != children.end()) {
        at = *found;
        continue;
      }
      const auto next = static_cast<int32_t>(nodes_.size());
      nodes_[static_cast<size_t>(at)].children.push_back(next);
      Node& node = nodes_.emplace_back();
      node.token = token;
      node.parent = at;
      at = next;
    }
    nodes_[static_cast<size_t>(at)].text = static_cast<int32_t>(text);
    leaves_.push_back(at);
  }
  for (Node& node : nodes_) {
    node.wants = node.children.size() >= (weighing_ == Weighing::kWhole ? 1U : 2U);
    n_wanted_ += node.wants ? 1 : 0;
  }
  // Nodes are in order of depth along each text: a wanted node below which nothing is wanted ends a path.
  std::vector<bool> covered(nodes_.size());
  for (size_t i = nodes_.size(); i-- > 1;) {
    if (!nodes_[i].wants || covered[i]) continue;
    Path path;
    for (auto at = static_cast<int32_t>(i); at > 0; at = nodes_[static_cast<size_t>(at)].parent) {
      path.tokens.push_back(nodes_[static_cast<size_t>(at)].token);
      path.nodes.push_back(at);
      covered[static_cast<size_t>(at)] = true;
    }
    std::ranges::reverse(path.tokens);
    std::ranges::reverse(path.nodes);
    paths_.push_back(std::move(path));
  }
  std::ranges::reverse(paths_);
}

bool ChoiceTrie::read(int32_t node, const float* logits, int32_t n_vocab) {
  Node& from = nodes_[static_cast<size_t>(node)];
  double base = 0.0;  // of the root it is the same for all texts
  if (weighing_ == Weighing::kBranches) {
    base = -std::numeric_limits<double>::infinity();
    for (const int32_t child : from.children) {
      base = std::max(base, static_cast<double>(logits[nodes_[static_cast<size_t>(child)].token]));
    }
    if (base == -std::numeric_limits<double>::infinity()) base = 0.0;
  } else if (node > 0) {
    base = temperature_ > 0.0 ? log_sum_exp(logits, n_vocab, temperature_) : log_sum_exp(logits, n_vocab, 0.0);
    if (!std::isfinite(base)) return false;
  }
  const double scale = temperature_ > 0.0 ? 1.0 / temperature_ : 1.0;
  double sum = 0.0;
  for (const int32_t child : from.children) {
    Node& to = nodes_[static_cast<size_t>(child)];
    const double logit = logits[to.token];
    if (std::isnan(logit) || logit == std::numeric_limits<double>::infinity()) return false;
    to.log_weight = logit * scale - (weighing_ == Weighing::kWhole ? base : base * scale);
    sum += std::exp(to.log_weight);
  }
  if (weighing_ == Weighing::kBranches && temperature_ > 0.0 && sum > 0.0) {
    for (const int32_t child : from.children) nodes_[static_cast<size_t>(child)].log_weight -= std::log(sum);
  }
  n_wanted_ -= from.wants ? 1 : 0;
  from.wants = false;
  return true;
}

std::vector<double> ChoiceTrie::probabilities() const {
  std::vector<double> weights;
  double best = -std::numeric_limits<double>::infinity();
  for (const int32_t leaf : leaves_) {
    double weight = 0.0;
    for (int32_t at = leaf; at > 0; at = nodes_[static_cast<size_t>(at)].parent) {
      weight += nodes_[static_cast<size_t>(at)].log_weight;
    }
    weights.push_back(weight);
    best = std::max(best, weight);
  }
  if (!(best > -std::numeric_limits<double>::infinity())) return {};
  double sum = 0.0;
  for (double& weight : weights) {
    weight = temperature_ > 0.0 ? std::exp(weight - best) : (weight == best ? 1.0 : 0.0);
    sum += weight;
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

int32_t choose(std::span<const double> probabilities, bool greedy, double uniform) {
  const auto best = static_cast<int32_t>(std::ranges::max_element(probabilities) - probabilities.begin());
  if (greedy) return best;
  double left = uniform;
  int32_t last = best;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    if (probabilities[i] <= 0.0) continue;
    last = static_cast<int32_t>(i);
    left -= probabilities[i];
    if (left < 0.0) break;
  }
  return last;
}

}  // namespace pgenrm
