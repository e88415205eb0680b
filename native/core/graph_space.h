// The only place that includes hnswlib: its space over our stored vectors.
// Its own vector instructions stay out: distances come from core/simd.h.
#pragma once

#define NO_MANUAL_VECTORIZATION
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wunused-variable"
#endif
#include <hnswlib.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "core/codec.h"

namespace pgenrm {

class GraphSpace : public hnswlib::SpaceInterface<float> {
 public:
  explicit GraphSpace(const Codec& codec) : codec_(codec) {}
  size_t get_data_size() override { return codec_.bytes(); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return Codec::distance_of; }
  void* get_dist_func_param() override { return const_cast<Codec*>(&codec_); }

 private:
  const Codec& codec_;
};

}  // namespace pgenrm
