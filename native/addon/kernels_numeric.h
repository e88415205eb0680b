// Every kernel but the index.
#pragma once

#include <napi.h>

namespace pgenrm {

void register_numeric_kernels(Napi::Env env, Napi::Object kernels);

}  // namespace pgenrm
