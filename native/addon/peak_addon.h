// `measurePeak` of the addon.
#pragma once

#include <napi.h>

namespace pgenrm {

void register_peak(Napi::Env env, Napi::Object exports);

}  // namespace pgenrm
