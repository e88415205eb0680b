// Attention operations of llama.cpp's graphs, turned into custom ones that core/attention.h computes, and back.
// Knows ggml's tensors, nothing of backends.
#pragma once

#include <memory>
#include <vector>

#include "engine/library.h"

namespace pgenrm {

// Of one context; its graphs are computed one after the other.
class AttentionNodes {
 public:
  explicit AttentionNodes(const Library& library);
  ~AttentionNodes();
  AttentionNodes(const AttentionNodes&) = delete;
  AttentionNodes& operator=(const AttentionNodes&) = delete;

  // Turns what the kernel can compute into custom operations, for at most n_threads threads, and adds up how many it took and
  // how many it left as they are. The inputs of the graph are there.
  void take(ggml_cgraph* graph, int n_threads, int64_t* n_taken, int64_t* n_left);

  // What was taken is as before: llama.cpp may use the graph again, and looks at its operations then.
  void give_back();

  // Cells of a layer that were read so far, each counted once for the rows that it was read for together; where layers
  // see different cells, those of one of each kind.
  int64_t n_cells_read() const { return n_cells_read_; }

  struct Taken;
  struct Seen;

 private:
  Taken& slot(size_t i);
  const Seen& seen_by(const ggml_tensor* node, int n_threads);

  const Library& library_;
  std::vector<std::unique_ptr<Taken>> taken_;  // slots, of which the first n_taken_ are in use
  std::vector<std::unique_ptr<Seen>> seen_;    // of which the first n_seen_ are
  size_t n_taken_ = 0;
  size_t n_seen_ = 0;
  int64_t n_cells_read_ = 0;
  std::vector<std::vector<float>> scratch_;  // [threads]
};

}  // namespace pgenrm
