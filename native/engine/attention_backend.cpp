#include "engine/attention_backend.h"

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "core/pages.h"
#include "core/simd.h"
#include "engine/attention_nodes.h"
#include "ggml-backend-impl.h"
#include "ggml-cpu.h"

namespace pgenrm {
namespace {

std::atomic<int64_t> n_computed{0}, n_left{0};

// A context that shall see the backend, while its thread makes it.
struct Making {
  ggml_backend_t made = nullptr;         // the context's
  std::set<ggml_backend_buffer_t> kept;  // buffers that hold keys and values
};
thread_local Making* making = nullptr;

struct AttentionBackend {
  AttentionBackend(const Library& library, ggml_backend_t cpu) : library(library), cpu(cpu), nodes(library) {}
  ~AttentionBackend() { library.ggml_backend_free(cpu); }

  ggml_status compute(ggml_cgraph* graph) {
    int64_t taken = 0, left = 0;
    nodes.take(graph, n_threads, &taken, &left);
    const ggml_status status = library.ggml_backend_graph_compute(cpu, graph);
    nodes.give_back();
    n_computed += taken;
    n_left += left;
    return status;
  }

  const Library& library;
  ggml_backend_t cpu;
  AttentionNodes nodes;
  int n_threads = 1;
};

// The one device, and its registration. Lives as long as the process: llama.cpp forgets no backend.
struct Device {
  explicit Device(const Library& library)
      : library(library), cpu(library.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU)) {}

  const Library& library;  // held by its maker
  ggml_backend_dev_t cpu;
  ggml_backend_reg registration{};
  ggml_backend_device device{};
};

Device& device_of(ggml_backend_dev_t device) { return *static_cast<Device*>(device->context); }
AttentionBackend& backend_of(ggml_backend_t backend) { return *static_cast<AttentionBackend*>(backend->context); }

const char* name_of_device(ggml_backend_dev_t) { return ATTENTION_DEVICE; }
const char* name_of_backend(ggml_backend_t) { return ATTENTION_DEVICE; }

// An accelerator for whom it is meant for. To all others it is one more CPU after the first, which nobody asks for.
enum ggml_backend_dev_type type_of_device(ggml_backend_dev_t) {
  return making ? GGML_BACKEND_DEVICE_TYPE_ACCEL : GGML_BACKEND_DEVICE_TYPE_CPU;
}

void memory_of_device(ggml_backend_dev_t, size_t* free, size_t* total) { *free = *total = 0; }

void properties_of_device(ggml_backend_dev_t device, ggml_backend_dev_props* properties) {
  *properties = {};
  properties->name = properties->description = ATTENTION_DEVICE;
  properties->type = type_of_device(device);
}

ggml_status compute_graph(ggml_backend_t backend, ggml_cgraph* graph) { return backend_of(backend).compute(graph); }

void free_backend(ggml_backend_t backend) {
  delete &backend_of(backend);
  delete backend;
}

void set_threads(ggml_backend_t backend, int n) {
  AttentionBackend& ours = backend_of(backend);
  ours.n_threads = n;
  const auto set =
      reinterpret_cast<ggml_backend_set_n_threads_t>(ours.library.cpu_function("ggml_backend_set_n_threads"));
  if (set) set(ours.cpu, n);
}

ggml_backend_t make_backend(ggml_backend_dev_t device, const char*) {
  static ggml_guid guid = {'p', 'g', 'e', 'n', 'r', 'm', '-', 'a', 't', 't', 'e', 'n', 't', 'i', 'o', 'n'};
  const Device& ours = device_of(device);
  ggml_backend_t cpu = ours.library.ggml_backend_dev_init(ours.cpu, nullptr);
  if (!cpu) return nullptr;
  auto* backend = new ggml_backend{};
  backend->guid = &guid;
  backend->iface.get_name = name_of_backend;
  backend->iface.free = free_backend;
  backend->iface.graph_compute = compute_graph;
  backend->device = device;
  backend->context = new AttentionBackend(ours.library, cpu);
  set_threads(backend, 1);
  if (making) making->made = backend;
  return backend;
}

ggml_backend_buffer_type_t buffers_of_device(ggml_backend_dev_t device) {
  return device_of(device).library.ggml_backend_dev_buffer_type(device_of(device).cpu);
}

bool supports_op(ggml_backend_dev_t device, const ggml_tensor* op) {
  // llama.cpp plans a context's largest graphs before it gives the context out, and asks here for each operation.
  if (making && op->op == GGML_OP_FLASH_ATTN_EXT) {
    for (const ggml_tensor* cells : {op->src[1], op->src[2]}) {
      if (cells->view_src && cells->view_src->buffer) making->kept.insert(cells->view_src->buffer);
    }
  }
  return device_of(device).library.ggml_backend_dev_supports_op(device_of(device).cpu, op);
}

bool supports_buffers(ggml_backend_dev_t device, ggml_backend_buffer_type_t kind) {
  return device_of(device).library.ggml_backend_dev_supports_buft(device_of(device).cpu, kind);
}

void set_abort(ggml_backend_t backend, ggml_abort_callback callback, void* data) {
  AttentionBackend& ours = backend_of(backend);
  const auto set =
      reinterpret_cast<ggml_backend_set_abort_callback_t>(ours.library.cpu_function("ggml_backend_set_abort_callback"));
  if (set) set(ours.cpu, callback, data);
}

void* function_of(ggml_backend_reg_t, const char* name) {
  if (std::strcmp(name, "ggml_backend_set_n_threads") == 0) return reinterpret_cast<void*>(set_threads);
  if (std::strcmp(name, "ggml_backend_set_abort_callback") == 0) return reinterpret_cast<void*>(set_abort);
  return nullptr;
}

void register_once(const Library& library) {
  static std::mutex mutex;
  static auto& devices = *new std::map<const void*, std::unique_ptr<Device>>;  // by the library that knows them
  const std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Device>& device = devices[reinterpret_cast<const void*>(library.ggml_backend_register)];
  if (device) return;
  device = std::make_unique<Device>(library);
  ggml_backend_device_i& face = device->device.iface;
  face.get_name = face.get_description = name_of_device;
  face.get_memory = memory_of_device;
  face.get_type = type_of_device;
  face.get_props = properties_of_device;
  face.init_backend = make_backend;
  face.get_buffer_type = buffers_of_device;
  face.supports_op = supports_op;
  face.supports_buft = supports_buffers;
  device->device.reg = &device->registration;
  device->device.context = device.get();
  device->registration.api_version = GGML_BACKEND_API_VERSION;
  device->registration.context = device.get();
  device->registration.iface.get_name = [](ggml_backend_reg_t) { return ATTENTION_DEVICE; };
  device->registration.iface.get_device_count = [](ggml_backend_reg_t) { return size_t{1}; };
  device->registration.iface.get_device = [](ggml_backend_reg_t registration, size_t) {
    return &static_cast<Device*>(registration->context)->device;
  };
  device->registration.iface.get_proc_address = function_of;
  library.ggml_backend_register(&device->registration);
}

// llama.cpp writes zeros over all cells of a new context, and over logits for as many tokens as there are sequences, which
// makes memory of every page of them.
void leave_untouched(const Library& library, const llama_model* model, llama_context* context,
                     const std::set<ggml_backend_buffer_t>& kept) {
  const auto n_vocab = static_cast<size_t>(library.llama_vocab_n_tokens(library.llama_model_get_vocab(model)));
  give_back_zeros(library.llama_get_logits(context), sizeof(float) * n_vocab * library.llama_n_seq_max(context));
  for (ggml_backend_buffer_t buffer : kept) {
    if (!library.ggml_backend_buffer_is_host(buffer)) continue;
    give_back_zeros(library.ggml_backend_buffer_get_base(buffer), library.ggml_backend_buffer_get_size(buffer));
  }
}

}  // namespace

bool has_attention_kernel() { return simd().attend != nullptr; }

AttendedContext make_context(const Library& library, llama_model* model, llama_context_params params, bool with_kernel) {
  if (!with_kernel) return {library.llama_init_from_model(model, params), nullptr};
  register_once(library);
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;  // by itself llama.cpp asks for the CPU's own device
  Making now;
  making = &now;
  llama_context* context = library.llama_init_from_model(model, params);
  making = nullptr;
  if (context) leave_untouched(library, model, context, now.kept);
  return {context, now.made};
}

void use_threadpool(const Library& library, ggml_backend_t backend, ggml_threadpool_t pool) {
  const auto set = reinterpret_cast<decltype(&::ggml_backend_cpu_set_threadpool)>(
      library.cpu_function("ggml_backend_cpu_set_threadpool"));
  if (set) set(backend_of(backend).cpu, pool);
}

int64_t cells_read(ggml_backend_t backend) { return backend_of(backend).nodes.n_cells_read(); }

AttentionCounts attention_counts() { return {n_computed, n_left}; }

}  // namespace pgenrm
