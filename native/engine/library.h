// The llama.cpp library that node-llama-cpp chose, opened at run time: a table of its C functions.
// Nothing of llama.cpp is linked; headers and library must be of one release, which load() checks.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ggml-alloc.h"
#include "ggml-backend.h"
#include "llama.h"

namespace pgenrm {

// Every function of libllama and libggml that the engine calls.
#define PGENRM_LLAMA_FUNCTIONS(X)             \
  X(ggml_backend_alloc_ctx_tensors)           \
  X(ggml_backend_alloc_ctx_tensors_from_buft) \
  X(ggml_backend_buffer_free)                 \
  X(ggml_backend_buffer_get_base)             \
  X(ggml_backend_buffer_get_size)             \
  X(ggml_backend_buffer_is_host)              \
  X(ggml_backend_buft_alloc_buffer)           \
  X(ggml_backend_buft_name)                   \
  X(ggml_backend_dev_backend_reg)             \
  X(ggml_backend_dev_buffer_type)             \
  X(ggml_backend_dev_by_type)                 \
  X(ggml_backend_dev_count)                   \
  X(ggml_backend_dev_description)             \
  X(ggml_backend_dev_get)                     \
  X(ggml_backend_dev_init)                    \
  X(ggml_backend_dev_memory)                  \
  X(ggml_backend_dev_name)                    \
  X(ggml_backend_dev_supports_buft)           \
  X(ggml_backend_dev_supports_op)             \
  X(ggml_backend_dev_type)                    \
  X(ggml_backend_free)                        \
  X(ggml_backend_graph_compute)               \
  X(ggml_backend_load_all_from_path)          \
  X(ggml_backend_reg_count)                   \
  X(ggml_backend_reg_get_proc_address)        \
  X(ggml_backend_register)                    \
  X(ggml_backend_synchronize)                 \
  X(ggml_backend_tensor_get)                  \
  X(ggml_backend_tensor_set)                  \
  X(ggml_blck_size)                           \
  X(ggml_build_forward_expand)                \
  X(ggml_custom_4d)                           \
  X(ggml_free)                                \
  X(ggml_graph_n_nodes)                       \
  X(ggml_graph_node)                          \
  X(ggml_graph_overhead)                      \
  X(ggml_init)                                \
  X(ggml_mul_mat)                             \
  X(ggml_new_graph)                           \
  X(ggml_new_tensor_2d)                       \
  X(ggml_quantize_chunk)                      \
  X(ggml_quantize_requires_imatrix)           \
  X(ggml_row_size)                            \
  X(ggml_tensor_overhead)                     \
  X(ggml_threadpool_params_default)           \
  X(ggml_type_name)                           \
  X(llama_attach_threadpool)                  \
  X(llama_backend_init)                       \
  X(llama_context_default_params)             \
  X(llama_decode)                             \
  X(llama_encode)                             \
  X(llama_free)                               \
  X(llama_get_embeddings_seq)                 \
  X(llama_get_logits)                         \
  X(llama_get_logits_ith)                     \
  X(llama_get_memory)                         \
  X(llama_init_from_model)                    \
  X(llama_log_set)                            \
  X(llama_memory_clear)                       \
  X(llama_memory_seq_cp)                      \
  X(llama_memory_seq_rm)                      \
  X(llama_model_chat_template)                \
  X(llama_model_default_params)               \
  X(llama_model_desc)                         \
  X(llama_model_free)                         \
  X(llama_model_get_vocab)                    \
  X(llama_model_has_decoder)                  \
  X(llama_model_is_diffusion)                 \
  X(llama_model_is_hybrid)                    \
  X(llama_model_is_recurrent)                 \
  X(llama_model_load_from_file)               \
  X(llama_model_meta_count)                   \
  X(llama_model_meta_key_by_index)            \
  X(llama_model_meta_val_str_by_index)        \
  X(llama_model_n_ctx_train)                  \
  X(llama_model_n_embd_out)                   \
  X(llama_model_n_params)                     \
  X(llama_model_size)                         \
  X(llama_n_ctx)                              \
  X(llama_n_seq_max)                          \
  X(llama_pooling_type)                       \
  X(llama_sampler_accept)                     \
  X(llama_sampler_apply)                      \
  X(llama_sampler_clone)                      \
  X(llama_sampler_free)                       \
  X(llama_sampler_init_grammar)               \
  X(llama_set_n_threads)                      \
  X(llama_synchronize)                        \
  X(llama_token_to_piece)                     \
  X(llama_tokenize)                           \
  X(llama_version)                            \
  X(llama_vocab_bos)                          \
  X(llama_vocab_eos)                          \
  X(llama_vocab_get_text)                     \
  X(llama_vocab_is_control)                   \
  X(llama_vocab_is_eog)                       \
  X(llama_vocab_n_tokens)

// Where the library is and what it was built as.
struct LibraryPaths {
  std::string llama;         // libllama, absolute
  std::string ggml;          // libggml, absolute
  std::string ggml_base;     // libggml-base, absolute
  std::string backends_dir;  // folder that holds the backends (libggml-cpu-*, libggml-cuda, ...)
};

// Why a library was not opened.
struct LibraryFailure {
  bool other_release = false;  // than that whose headers the addon was built with
  std::string detail;
};

// One device that llama.cpp can compute on.
struct DeviceInfo {
  std::string name;
  std::string description;
  bool is_gpu;
  size_t memory_free;   // bytes
  size_t memory_total;  // bytes
};

// Keeps this code in the process when Node would unload it with the last environment that asked for it: threads of the kernels may
// still run it, and llama.cpp keeps functions that it was given, for logging and of a backend.
void stay_loaded();

class Library {
 public:
  // Opens the library, or gives null and says why in *failure. The handles are never closed:
  // backends hold threads and globals that outlive any unload.
  static std::shared_ptr<const Library> load(const LibraryPaths& paths, LibraryFailure* failure);

  std::vector<DeviceInfo> devices() const;

  // A function that llama.cpp's CPU backend offers by name beyond the common interface; null where it has none of that name.
  void* cpu_function(const char* name) const;

  // The newest error lines that llama.cpp logged, newest last; cleared by the call.
  static std::string take_log();

  // Has llama.cpp log to take_log() again. It has one callback for the process, which node-llama-cpp sets as well, and gives
  // back, so that the words would go to standard error, when an environment ends.
  void keep_log() const;

#define PGENRM_DECLARE(name) decltype(&::name) name = nullptr;
  PGENRM_LLAMA_FUNCTIONS(PGENRM_DECLARE)
#undef PGENRM_DECLARE

 private:
  Library() = default;
};

}  // namespace pgenrm
