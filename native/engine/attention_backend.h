// Attention computed by this package's kernel (core/attention.h) inside llama.cpp's own graphs.
// llama.cpp lets a program bring a backend of its own ("accelerator"). Ours hands every graph to the CPU backend as it
// is, but for attention, which it turns into a custom operation on the very threads that compute the rest.
#pragma once

#include <memory>

#include "engine/library.h"

namespace pgenrm {

// What the backend's device is called.
constexpr const char* ATTENTION_DEVICE = "pgenrm-attention";

// Whether the kernel runs on this processor.
bool has_attention_kernel();

// A context, and the backend that computes its attention, which it owns: null where llama.cpp's own does.
struct AttendedContext {
  llama_context* context;
  ggml_backend_t attention;
};

// llama_init_from_model; with the kernel only contexts that this makes see the backend, others in the process never do.
// Flash attention is on then, and KV cells and logits take memory once they are written (core/pages.h).
AttendedContext make_context(const Library& library, llama_model* model, llama_context_params params, bool with_kernel);

// The threads that such a backend computes on; llama.cpp tells it their number, and not this.
void use_threadpool(const Library& library, ggml_backend_t backend, ggml_threadpool_t pool);

// KV cells of a layer that such a backend's kernel has read so far, each counted once for the rows that it was read for together.
int64_t cells_read(ggml_backend_t backend);

// Attention operations of all such backends in the process so far: those that the kernel computed, and those that it left
// to llama.cpp because it has no such attention.
struct AttentionCounts {
  int64_t computed;
  int64_t left;
};
AttentionCounts attention_counts();

}  // namespace pgenrm
