// The llama.cpp libraries that JavaScript names by their paths.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "engine/library.h"

namespace pgenrm {

// The library that lies at { llama, ggml, ggmlBase, backendsDir }, opened once a process; null with the reason in *error.
std::shared_ptr<const Library> library_at(const Napi::Object& paths, std::string* error);

// Adds `llamaRelease` and `openLibrary` to the exports.
void register_library(Napi::Env env, Napi::Object exports);

}  // namespace pgenrm
