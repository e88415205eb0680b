// The module's entry: registers the library, the engine and the kernels.
#include <napi.h>

#include "addon/engine_addon.h"
#include "addon/kernels.h"
#include "addon/library_addon.h"
#include "engine/library.h"

namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  // Threads of the kernels and llama.cpp outlive the environment that asked for them.
  pgenrm::stay_loaded();
  pgenrm::register_library(env, exports);
  pgenrm::register_engine(env, exports);
  pgenrm::register_kernels(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(pgenrm, initialise)
