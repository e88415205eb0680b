// The module's entry: registers the engine and the kernels.
#include <napi.h>

#include "addon/engine_addon.h"
#if __has_include("addon/kernels.h")
#include "addon/kernels.h"
#endif

namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  pgenrm::register_engine(env, exports);
#if __has_include("addon/kernels.h")
  pgenrm::register_kernels(env, exports);
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(pgenrm, initialise)
