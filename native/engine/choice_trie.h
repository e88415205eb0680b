// Texts of a choice as a tree of tokens, which of its nodes' logits must be read, and the texts' probabilities.
// Knows tokens and logits; nothing of sequences or of what is decoded when.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/plan.h"

namespace pgenrm {

class ChoiceTrie {
 public:
  // Tokens from below the root to a node whose logits are wanted; further ones on the way may be wanted too.
  struct Path {
    std::vector<int32_t> tokens;
    std::vector<int32_t> nodes;  // one a token
  };

  // At least two texts [n], none empty, none the beginning of another; not all with the same first token.
  // At temperature 0 the most probable text has all of the probability.
  ChoiceTrie(std::vector<std::vector<int32_t>> texts, Weighing weighing, float temperature);

  const std::vector<std::vector<int32_t>>& texts() const { return texts_; }

  // Paths that cover all nodes but the root; the root's logits are wanted first.
  const std::vector<Path>& paths() const { return paths_; }

  // Whether the logits after this node are wanted and not read yet. The root is node 0.
  bool wants(int32_t node) const { return nodes_[static_cast<size_t>(node)].wants; }
  bool complete() const { return n_wanted_ == 0; }

  // Reads the logits [n_vocab] after a node; false where they are not finite: NaN, or infinite above.
  bool read(int32_t node, const float* logits, int32_t n_vocab);

  // [n], once complete; empty where every text is ruled out.
  std::vector<double> probabilities() const;

 private:
  struct Node {
    int32_t token = -1;
    int32_t parent = -1;
    int32_t text = -1;  // of a leaf
    bool wants = false;
    double log_weight = 0.0;  // of its token after its parent
    std::vector<int32_t> children;
  };

  std::vector<std::vector<int32_t>> texts_;
  Weighing weighing_;
  double temperature_;
  std::vector<Node> nodes_;
  std::vector<int32_t> leaves_;  // by text
  std::vector<Path> paths_;
  int32_t n_wanted_ = 0;
};

// The text that a choice takes: the first of the most probable ones, or by `uniform` in [0, 1).
int32_t choose(std::span<const double> probabilities, bool greedy, double uniform);

}  // namespace pgenrm
