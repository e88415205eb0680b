// The engine as a JavaScript class: requests in, events out.
#pragma once

#include <napi.h>

namespace pgenrm {

// Adds the class `Engine` to the exports.
void register_engine(Napi::Env env, Napi::Object exports);

}  // namespace pgenrm
