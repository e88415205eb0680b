// The fastest matrix product that the device which decodes can do with the weights' own type: what a share of the
// machine's peak is a share of. One ggml graph with one node; knows no model.
#pragma once

#include <cstdint>
#include <string>

#include "engine/library.h"

namespace pgenrm {

struct PeakOptions {
  bool gpu = false;
  int32_t type = 1;         // ggml type of the weights
  int32_t n_inner = 2048;   // length of the dot products; a multiple of 256
  int32_t n_outputs = 2048;
  int32_t n_rows = 512;     // rows of activations, f32
  int32_t n_threads = 1;    // of the CPU backend
  int32_t n_milliseconds = 500;  // least time that is measured, after one product to warm up
};

struct PeakResult {
  double flops_per_second = 0;  // of the fastest product; a multiplication and an addition are two
  double median_flops_per_second = 0;
  double relative_error = 0;    // of the product against one in double precision: root mean square over some elements
  int32_t n_products = 0;
  std::string type;             // of the weights, such as q8_0
  std::string buffer;           // kind of buffer whose kernels were fastest, such as CPU_REPACK
  std::string device;
};

// Measures every kind of buffer that the device keeps weights in and takes the best. False with the reason in *error
// where the device, the type or the memory is not there.
bool measure_peak(const Library& library, const PeakOptions& options, PeakResult* result, std::string* error);

}  // namespace pgenrm
