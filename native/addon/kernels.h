// The kernels' part of the addon: one object `kernels`, typed in src/kernels/native/binding.ts.
#pragma once

#include <napi.h>

namespace pgenrm {

void register_kernels(Napi::Env env, Napi::Object exports);

}  // namespace pgenrm
