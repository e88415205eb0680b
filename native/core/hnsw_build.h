// Grows the graph of an index, node by node, out of hnswlib's own parts.
// One GraphBuild serves one addition; its caller holds the index's lock alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/parallel.h"
#include "core/vector_index.h"

namespace pgenrm {

class GraphBuild {
 public:
  explicit GraphBuild(VectorIndex& index) : index_(index) {}

  // Adds n vectors as the next nodes, in their order; room is reserved, labels are free. Codes: out_of_memory.
  Status run(const uint32_t* labels, const float* vectors, size_t n, ThreadTeam& team);

 private:
  bool place(uint32_t node, uint32_t label);
  void store(uint32_t node, const float* vector);
  void link(uint32_t node);

  VectorIndex& index_;
};

}  // namespace pgenrm
