#include "engine/cpu_threads.h"

#include "engine/attention_backend.h"

namespace pgenrm {

void CpuThreads::use(int32_t n) {
  if (n == n_) return;
  n_ = n;
  library_.llama_set_n_threads(context_, n, n);
  const auto [pool, is_new] = pools_.try_emplace(n, nullptr);
  if (is_new) pool->second = make_pool(n);
  if (!pool->second) return;
  library_.llama_attach_threadpool(context_, pool->second, pool->second);
  if (attention_) use_threadpool(library_, attention_, pool->second);
}

ggml_threadpool_t CpuThreads::make_pool(int32_t n) const {
  const auto make = reinterpret_cast<ggml_threadpool_t (*)(ggml_threadpool_params*)>(library_.cpu_function("ggml_threadpool_new"));
  if (!make || !library_.cpu_function("ggml_threadpool_free")) return nullptr;
  ggml_threadpool_params params = library_.ggml_threadpool_params_default(n);
  // Between two calls the cores belong to sampling: no thread spins.
  params.poll = 0;
  return make(&params);
}

CpuThreads::~CpuThreads() {
  const auto free = reinterpret_cast<void (*)(ggml_threadpool_t)>(library_.cpu_function("ggml_threadpool_free"));
  for (const auto& [n, pool] : pools_) {
    if (pool) free(pool);
  }
}

}  // namespace pgenrm
