// Gathers the kernels of the addon under one object.
#include "addon/kernels.h"

#include "addon/kernels_index.h"
#include "addon/kernels_numeric.h"
#include "core/simd.h"

namespace pgenrm {

void register_kernels(Napi::Env env, Napi::Object exports) {
  Napi::Object kernels = Napi::Object::New(env);
  kernels["simd"] = Napi::String::New(env, simd().name);
  register_numeric_kernels(env, kernels);
  register_index_kernels(env, kernels);
  exports["kernels"] = kernels;
}

}  // namespace pgenrm
