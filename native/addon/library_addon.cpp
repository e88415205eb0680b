#include "addon/library_addon.h"

#include <map>
#include <mutex>

#include "addon/arguments.h"
#include "core/simd.h"
#include "engine/attention_backend.h"
#include "engine/weight_buffers.h"

namespace pgenrm {
namespace {

// Opened libraries live as long as the process: so do llama.cpp's own globals and threads.
std::shared_ptr<const Library> open_library(const LibraryPaths& paths, LibraryFailure* failure) {
  static std::mutex mutex;
  static auto* opened = new std::map<std::string, std::shared_ptr<const Library>>();
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<const Library>& library = (*opened)[paths.llama];
  if (!library) library = Library::load(paths, failure);
  return library;
}

LibraryPaths read_paths(const Napi::Object& object) {
  return {arguments::string(object, "llama"), arguments::string(object, "ggml"), arguments::string(object, "ggmlBase"),
          arguments::string(object, "backendsDir")};
}

// openLibrary({ llama, ggml, ggmlBase, backendsDir }): its version and devices, and the types of weights that its CPU repacks.
Napi::Value open_library_call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::shared_ptr<const Library> library = library_at(arguments::object(info, 0, "paths"));
  Napi::Object o = Napi::Object::New(env);
  o["version"] = library->llama_version();
  const std::vector<DeviceInfo> devices = library->devices();
  Napi::Array array = Napi::Array::New(env, devices.size());
  for (size_t i = 0; i < devices.size(); ++i) {
    Napi::Object device = Napi::Object::New(env);
    device["name"] = devices[i].name;
    device["description"] = devices[i].description;
    device["gpu"] = Napi::Boolean::New(env, devices[i].is_gpu);
    device["memoryFree"] = static_cast<double>(devices[i].memory_free);
    device["memoryTotal"] = static_cast<double>(devices[i].memory_total);
    array[static_cast<uint32_t>(i)] = device;
  }
  o["devices"] = array;
  const std::vector<int32_t> types = repacked_types(*library);
  Napi::Array repacked = Napi::Array::New(env, types.size());
  for (size_t i = 0; i < types.size(); ++i) repacked[static_cast<uint32_t>(i)] = types[i];
  o["repackedTypes"] = repacked;
  return o;
}

// attentionCounts(): attention operations that the kernel computed, and those that it left to llama.cpp, in this process.
Napi::Value attention_counts_call(const Napi::CallbackInfo& info) {
  const AttentionCounts counts = attention_counts();
  Napi::Object o = Napi::Object::New(info.Env());
  o["computed"] = static_cast<double>(counts.computed);
  o["left"] = static_cast<double>(counts.left);
  return o;
}

}  // namespace

std::shared_ptr<const Library> library_at(const Napi::Object& paths) {
  LibraryFailure failure;
  const std::shared_ptr<const Library> library = open_library(read_paths(paths), &failure);
  if (library) return library;
  Napi::Error refused = Napi::Error::New(paths.Env(), failure.detail);
  if (failure.other_release) refused.Value()["code"] = Napi::String::New(paths.Env(), "LIBRARY_MISMATCH");
  throw refused;
}

void register_library(Napi::Env env, Napi::Object exports) {
  exports["llamaRelease"] = PGENRM_LLAMA_RELEASE;
  exports["attentionKernel"] = has_attention_kernel() ? Napi::String::New(env, simd().name) : env.Null();
  exports["attentionCounts"] = Napi::Function::New(env, attention_counts_call, "attentionCounts");
  exports["openLibrary"] = Napi::Function::New(env, open_library_call, "openLibrary");
}

}  // namespace pgenrm
