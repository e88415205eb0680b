#include "engine/peak_kernel.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <vector>

#include "engine/weight_buffers.h"

namespace pgenrm {
namespace {

using Clock = std::chrono::steady_clock;

// Uniform in [-1, 1): the same numbers at every call.
std::vector<float> made_up(size_t n, uint32_t seed) {
  std::vector<float> values(n);
  for (float& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(seed >> 8) / 8388608.0f - 1.0f;
  }
  return values;
}

// Frees what ggml made, in the order of going.
template <typename T>
using Held = std::unique_ptr<T, void (*)(T*)>;

struct Product {
  std::vector<double> seconds;
  double relative_error = 0;
};

struct Setup {
  const Library& library;
  const PeakOptions& options;
  ggml_backend_dev_t device;
  ggml_backend_t backend;
  const std::vector<float>& weights;      // [n_outputs x n_inner]
  const std::vector<float>& activations;  // [n_rows x n_inner]
  const std::vector<uint8_t>& stored;     // weights in their type
};

double relative_error(const Setup& s, const std::vector<float>& output) {
  double squared = 0;
  double total = 0;
  for (int32_t i = 0; i < 64; ++i) {
    const size_t row = static_cast<size_t>(i) * 7919u % static_cast<size_t>(s.options.n_rows);
    const size_t column = static_cast<size_t>(i) * 104729u % static_cast<size_t>(s.options.n_outputs);
    const auto n = static_cast<size_t>(s.options.n_inner);
    double exact = 0;
    for (size_t k = 0; k < n; ++k) {
      exact += static_cast<double>(s.weights[column * n + k]) * static_cast<double>(s.activations[row * n + k]);
    }
    const double found = output[row * static_cast<size_t>(s.options.n_outputs) + column];
    squared += (found - exact) * (found - exact);
    total += exact * exact;
  }
  return std::sqrt(squared / total);
}

// One kind of buffer; false where the device does not multiply from it.
bool run_product(const Setup& s, ggml_backend_buffer_type_t kind, Product* product) {
  const Library& l = s.library;
  const ggml_init_params params{l.ggml_tensor_overhead() * 8 + l.ggml_graph_overhead(), nullptr, true};
  const Held<ggml_context> weight_context(l.ggml_init(params), l.ggml_free);
  const Held<ggml_context> context(l.ggml_init(params), l.ggml_free);
  if (!weight_context || !context) return false;
  const auto type = static_cast<ggml_type>(s.options.type);
  ggml_tensor* w = l.ggml_new_tensor_2d(weight_context.get(), type, s.options.n_inner, s.options.n_outputs);
  ggml_tensor* x = l.ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, s.options.n_inner, s.options.n_rows);
  ggml_tensor* y = l.ggml_mul_mat(context.get(), w, x);
  ggml_cgraph* graph = l.ggml_new_graph(context.get());
  l.ggml_build_forward_expand(graph, y);
  const Held<ggml_backend_buffer> weight_buffer(l.ggml_backend_alloc_ctx_tensors_from_buft(weight_context.get(), kind),
                                                l.ggml_backend_buffer_free);
  const Held<ggml_backend_buffer> buffer(l.ggml_backend_alloc_ctx_tensors(context.get(), s.backend),
                                         l.ggml_backend_buffer_free);
  if (!weight_buffer || !buffer || !l.ggml_backend_dev_supports_op(s.device, y)) return false;
  l.ggml_backend_tensor_set(w, s.stored.data(), 0, s.stored.size());
  l.ggml_backend_tensor_set(x, s.activations.data(), 0, s.activations.size() * sizeof(float));

  const auto once = [&] {
    const bool done = l.ggml_backend_graph_compute(s.backend, graph) == GGML_STATUS_SUCCESS;
    l.ggml_backend_synchronize(s.backend);
    return done;
  };
  if (!once()) return false;
  std::vector<float> output(static_cast<size_t>(s.options.n_rows) * static_cast<size_t>(s.options.n_outputs));
  l.ggml_backend_tensor_get(y, output.data(), 0, output.size() * sizeof(float));
  product->relative_error = relative_error(s, output);
  const Clock::time_point end = Clock::now() + std::chrono::milliseconds(s.options.n_milliseconds);
  while (product->seconds.size() < 3 || Clock::now() < end) {
    const Clock::time_point began = Clock::now();
    if (!once()) return false;
    product->seconds.push_back(std::chrono::duration<double>(Clock::now() - began).count());
  }
  std::ranges::sort(product->seconds);
  return true;
}

ggml_backend_dev_t find_device(const Library& library, bool gpu) {
  if (!gpu) return library.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  const ggml_backend_dev_t found = library.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU);
  return found ? found : library.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_IGPU);
}

}  // namespace

bool measure_peak(const Library& library, const PeakOptions& options, PeakResult* result, std::string* error) {
  const ggml_backend_dev_t device = find_device(library, options.gpu);
  const Held<ggml_backend> backend(device ? library.ggml_backend_dev_init(device, nullptr) : nullptr,
                                   library.ggml_backend_free);
  if (!backend) return *error = "the device is not there", false;
  if (const auto set_threads = reinterpret_cast<ggml_backend_set_n_threads_t>(library.ggml_backend_reg_get_proc_address(
          library.ggml_backend_dev_backend_reg(device), "ggml_backend_set_n_threads"))) {
    set_threads(backend.get(), options.n_threads);
  }
  const auto type = static_cast<ggml_type>(options.type);
  if (options.type < 0 || options.type >= GGML_TYPE_COUNT || library.ggml_blck_size(type) <= 0 ||
      library.ggml_quantize_requires_imatrix(type)) {
    return *error = "weights of this type cannot be made up", false;
  }
  const std::vector<float> weights =
      made_up(static_cast<size_t>(options.n_outputs) * static_cast<size_t>(options.n_inner), 1);
  const std::vector<float> activations =
      made_up(static_cast<size_t>(options.n_rows) * static_cast<size_t>(options.n_inner), 2);
  std::vector<uint8_t> stored(library.ggml_row_size(type, options.n_inner) * static_cast<size_t>(options.n_outputs));
  library.ggml_quantize_chunk(type, weights.data(), stored.data(), 0, options.n_outputs, options.n_inner, nullptr);

  const Setup setup{library, options, device, backend.get(), weights, activations, stored};
  const double flops = 2.0 * options.n_inner * options.n_outputs * options.n_rows;
  for (const ggml_backend_buffer_type_t kind : weight_buffers(library, device)) {
    Product product;
    if (!run_product(setup, kind, &product)) continue;
    const double best = flops / product.seconds.front();
    if (best <= result->flops_per_second) continue;
    *result = {best,
               flops / product.seconds[product.seconds.size() / 2],
               product.relative_error,
               static_cast<int32_t>(product.seconds.size()),
               library.ggml_type_name(type),
               library.ggml_backend_buft_name(kind),
               library.ggml_backend_dev_description(device)};
  }
  if (result->flops_per_second == 0) return *error = "the device multiplies no weights of this type", false;
  return true;
}

}  // namespace pgenrm
