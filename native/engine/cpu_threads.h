// The threads that the CPU backend computes a context's graphs on, kept between calls.
// Without them llama.cpp starts and ends its threads anew for every call.
#pragma once

#include <memory>

#include "engine/library.h"

namespace pgenrm {

class CpuThreads {
 public:
  // Attaches n threads to the context, the caller's among them. Null where one thread computes or the backend has no
  // such pool: llama.cpp then does as it does by itself. Outlives the context.
  static std::unique_ptr<CpuThreads> attach(const Library& library, llama_context* context, int32_t n_threads);
  ~CpuThreads();
  CpuThreads(const CpuThreads&) = delete;
  CpuThreads& operator=(const CpuThreads&) = delete;

 private:
  using Free = void (*)(ggml_threadpool_t);

  CpuThreads(ggml_threadpool_t pool, Free free) : pool_(pool), free_(free) {}

  ggml_threadpool_t pool_;
  Free free_;
};

}  // namespace pgenrm
