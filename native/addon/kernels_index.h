// The vector index, as functions over an opaque handle.
#pragma once

#include <napi.h>

namespace pgenrm {

void register_index_kernels(Napi::Env env, Napi::Object kernels);

}  // namespace pgenrm
