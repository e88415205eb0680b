// The llama.cpp libraries that JavaScript names by their paths.
#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "engine/library.h"

namespace pgenrm {

// The library that lies at { llama, ggml, ggmlBase, backendsDir }, opened once a process. Throws where it does
// not open, with the code LIBRARY_MISMATCH where it is of another release.
std::shared_ptr<const Library> library_at(const Napi::Object& paths);

// Adds `llamaRelease` and `openLibrary` to the exports.
void register_library(Napi::Env env, Napi::Object exports);

}  // namespace pgenrm
