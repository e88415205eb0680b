// The threads that the CPU backend computes a context's graphs on, kept between calls.
// Without them llama.cpp starts and ends its threads anew for every call.
#pragma once

#include <map>

#include "engine/library.h"

namespace pgenrm {

// Outlives the context. Where the backend has no such pools llama.cpp does as it does by itself.
class CpuThreads {
 public:
  // `attention` is the context's backend of attention_backend.h, null where it has none.
  CpuThreads(const Library& library, llama_context* context, ggml_backend_t attention)
      : library_(library), context_(context), attention_(attention) {}
  ~CpuThreads();
  CpuThreads(const CpuThreads&) = delete;
  CpuThreads& operator=(const CpuThreads&) = delete;

  // The context computes on n threads from now on, the caller's among them.
  void use(int32_t n);

 private:
  ggml_threadpool_t make_pool(int32_t n) const;

  const Library& library_;
  llama_context* context_;
  ggml_backend_t attention_;
  int32_t n_ = 0;  // in use
  std::map<int32_t, ggml_threadpool_t> pools_;  // by the number of threads
};

}  // namespace pgenrm
