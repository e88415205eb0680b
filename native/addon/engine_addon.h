// The engine as a JavaScript class: requests in, events out.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "engine/library.h"

namespace pgenrm {

// The library that lies at { llama, ggml, ggmlBase, backendsDir }, opened once a process; null with the reason in *error.
std::shared_ptr<const Library> library_at(const Napi::Object& paths, std::string* error);

// Adds `llamaRelease`, `openLibrary` and the class `Engine` to the exports.
void register_engine(Napi::Env env, Napi::Object exports);

}  // namespace pgenrm
