#include "engine/cpu_threads.h"

namespace pgenrm {

std::unique_ptr<CpuThreads> CpuThreads::attach(const Library& library, llama_context* context, int32_t n_threads) {
  if (n_threads <= 1) return nullptr;
  const ggml_backend_dev_t device = library.ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  if (!device) return nullptr;
  const ggml_backend_reg_t backend = library.ggml_backend_dev_backend_reg(device);
  const auto find = [&](const char* name) { return library.ggml_backend_reg_get_proc_address(backend, name); };
  const auto make = reinterpret_cast<ggml_threadpool_t (*)(ggml_threadpool_params*)>(find("ggml_threadpool_new"));
  const auto free = reinterpret_cast<Free>(find("ggml_threadpool_free"));
  if (!make || !free) return nullptr;
  ggml_threadpool_params params = library.ggml_threadpool_params_default(n_threads);
  // Between two calls the cores belong to sampling: no thread spins.
  params.poll = 0;
  const ggml_threadpool_t pool = make(&params);
  if (!pool) return nullptr;
  library.llama_attach_threadpool(context, pool, pool);
  return std::unique_ptr<CpuThreads>(new CpuThreads(pool, free));
}

CpuThreads::~CpuThreads() { free_(pool_); }

}  // namespace pgenrm
