// Where a device keeps weights: as the file has them, or in an order that its kernels like better.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/library.h"

namespace pgenrm {

// The kinds of buffer that weights of the device may lie in: its own, and those with kernels of their own.
std::vector<ggml_backend_buffer_type_t> weight_buffers(const Library& library, ggml_backend_dev_t device);

// Types of weights (ggml's numbers) that the CPU copies into an order of its own when it loads a matrix.
std::vector<int32_t> repacked_types(const Library& library);

}  // namespace pgenrm
