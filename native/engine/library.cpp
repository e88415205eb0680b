#include "engine/library.h"

#include "engine/attention_backend.h"

#include <deque>
#include <mutex>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace pgenrm {
namespace {

#ifdef _WIN32
void* open_library(const std::string& path, std::string* error) {
  const int n = MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, nullptr, 0);
  std::wstring wide(static_cast<size_t>(n), L'\0');
  MultiByteToWideChar(CP_UTF8, 0, path.c_str(), -1, wide.data(), n);
  HMODULE handle = LoadLibraryExW(wide.c_str(), nullptr, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (!handle) *error = path + ": LoadLibrary failed with error " + std::to_string(GetLastError());
  return handle;
}
void* find_symbol(void* handle, const char* name) {
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(handle), name));
}
#else
void* open_library(const std::string& path, std::string* error) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) *error = dlerror();
  return handle;
}
void* find_symbol(void* handle, const char* name) { return dlsym(handle, name); }
#endif

// llama.cpp has one log callback for the whole process.
std::mutex log_mutex;
std::deque<std::string> log_lines;

void keep_errors(ggml_log_level level, const char* text, void*) {
  if (level != GGML_LOG_LEVEL_ERROR && level != GGML_LOG_LEVEL_WARN) return;
  const std::lock_guard<std::mutex> lock(log_mutex);
  log_lines.emplace_back(text);
  if (log_lines.size() > 8) log_lines.pop_front();
}

// `v0.5.0` of the headers and `0.5.0-dev` of the library are the same release.
bool same_release(const std::string& headers, const std::string& library) {
  const std::string bare = headers.substr(headers.find_first_of("0123456789"));
  return library.compare(0, bare.size(), bare) == 0 &&
         (library.size() == bare.size() || library[bare.size()] == '-');
}

}  // namespace

void stay_loaded() {
#ifdef _WIN32
  HMODULE self;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS,
                     reinterpret_cast<LPCWSTR>(&stay_loaded), &self);
#else
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&stay_loaded), &self)) dlopen(self.dli_fname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
#endif
}

std::shared_ptr<const Library> Library::load(const LibraryPaths& paths, LibraryFailure* failure) {
  std::string* const error = &failure->detail;
  void* handles[3];
  const std::string* files[3] = {&paths.ggml_base, &paths.ggml, &paths.llama};
  for (int i = 0; i < 3; ++i) {
    handles[i] = open_library(*files[i], error);
    if (!handles[i]) return nullptr;
  }
  std::shared_ptr<Library> library(new Library());
  const auto bind = [&](auto& function, const char* name) {
    for (void* handle : handles) {
      if (void* symbol = find_symbol(handle, name)) {
        function = reinterpret_cast<std::decay_t<decltype(function)>>(symbol);
        return;
      }
    }
    if (error->empty()) *error = std::string(name) + " is missing in " + paths.llama;
  };
  error->clear();
  // The release is checked before anything whose layout could differ is called.
  bind(library->llama_version, "llama_version");
  if (!error->empty()) return nullptr;
  if (!same_release(PGENRM_LLAMA_RELEASE, library->llama_version())) {
    failure->other_release = true;
    *error = std::string("the addon was built for llama.cpp ") + PGENRM_LLAMA_RELEASE + " but " + paths.llama +
             " is " + library->llama_version() + "; rebuild it with `npm run build:native`";
    return nullptr;
  }
#define PGENRM_BIND(name) bind(library->name, #name);
  PGENRM_LLAMA_FUNCTIONS(PGENRM_BIND)
#undef PGENRM_BIND
  if (!error->empty()) return nullptr;
  library->keep_log();
  // node-llama-cpp may have registered the backends of this very library already.
  if (library->ggml_backend_reg_count() == 0) library->ggml_backend_load_all_from_path(paths.backends_dir.c_str());
  library->llama_backend_init();
  return library;
}

std::vector<DeviceInfo> Library::devices() const {
  std::vector<DeviceInfo> found;
  for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
    ggml_backend_dev_t device = ggml_backend_dev_get(i);
    if (std::string_view(ggml_backend_dev_name(device)) == ATTENTION_DEVICE) continue;  // the CPU, once more
    const auto type = ggml_backend_dev_type(device);
    DeviceInfo info{ggml_backend_dev_name(device), ggml_backend_dev_description(device),
                    type == GGML_BACKEND_DEVICE_TYPE_GPU || type == GGML_BACKEND_DEVICE_TYPE_IGPU, 0, 0};
    ggml_backend_dev_memory(device, &info.memory_free, &info.memory_total);
    found.push_back(std::move(info));
  }
  return found;
}

void* Library::cpu_function(const char* name) const {
  const ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
  return cpu ? ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(cpu), name) : nullptr;
}

void Library::keep_log() const { llama_log_set(keep_errors, nullptr); }

std::string Library::take_log() {
  const std::lock_guard<std::mutex> lock(log_mutex);
  std::string joined;
  for (const std::string& line : log_lines) joined += line;
  log_lines.clear();
  while (!joined.empty() && (joined.back() == '\n' || joined.back() == ' ')) joined.pop_back();
  return joined;
}

}  // namespace pgenrm
