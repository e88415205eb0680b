#include "engine/weight_buffers.h"

#include <memory>

namespace pgenrm {
namespace {

// Whether the device multiplies a matrix of the type that lies in such a buffer. As llama.cpp asks when it loads one.
bool multiplies(const Library& l, ggml_backend_dev_t device, ggml_backend_buffer_type_t kind, ggml_type type) {
  constexpr int64_t SIDE = 4096;  // a multiple of every block and tile
  const ggml_init_params params{l.ggml_tensor_overhead() * 4, nullptr, true};
  const std::unique_ptr<ggml_context, void (*)(ggml_context*)> context(l.ggml_init(params), l.ggml_free);
  const std::unique_ptr<ggml_backend_buffer, void (*)(ggml_backend_buffer*)> empty(
      l.ggml_backend_buft_alloc_buffer(kind, 0), l.ggml_backend_buffer_free);
  if (!context || !empty) return false;
  ggml_tensor* weights = l.ggml_new_tensor_2d(context.get(), type, SIDE, SIDE);
  ggml_tensor* rows = l.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, SIDE, SIDE);
  weights->buffer = empty.get();
  return l.ggml_backend_dev_supports_op(device, l.ggml_mul_mat(context.get(), weights, rows));
}

}  // namespace

std::vector<ggml_backend_buffer_type_t> weight_buffers(const Library& library, ggml_backend_dev_t device) {
  std::vector<ggml_backend_buffer_type_t> kinds{library.ggml_backend_dev_buffer_type(device)};
  const auto more = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(library.ggml_backend_reg_get_proc_address(
      library.ggml_backend_dev_backend_reg(device), "ggml_backend_dev_get_extra_bufts"));
  if (more) {
    for (ggml_backend_buffer_type_t* kind = more(device); kind && *kind; ++kind) kinds.push_back(*kind);
  }
  return kinds;
}

std::vector<int32_t> repacked_types(const Library& library) {
  const ggml_backend_dev_t cpu = library.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  if (!cpu) return {};
  const std::vector<ggml_backend_buffer_type_t> kinds = weight_buffers(library, cpu);
  std::vector<int32_t> types;
  for (int32_t type = 0; type < GGML_TYPE_COUNT; ++type) {
    if (library.ggml_blck_size(static_cast<ggml_type>(type)) <= 0) continue;  // a number that names no type any more
    for (size_t i = 1; i < kinds.size(); ++i) {
      if (!multiplies(library, cpu, kinds[i], static_cast<ggml_type>(type))) continue;
      types.push_back(type);
      break;
    }
  }
  return types;
}

}  // namespace pgenrm
