#include "addon/peak_addon.h"

#include <memory>
#include <string>
#include <new>
#include <utility>

#include "addon/arguments.h"
#include "addon/library_addon.h"
#include "addon/kernels-work.h"
#include "engine/peak_kernel.h"

namespace pgenrm {
namespace {

class PeakJob : public kernels::Job {
 public:
  PeakJob(std::shared_ptr<const Library> library, const PeakOptions& options)
      : library_(std::move(library)), options_(options) {}

  void execute() override {
    try {
      done_ = measure_peak(*library_, options_, &result_, &error_);
    } catch (const std::bad_alloc&) {
      error_ = "there is no memory for the matrices";
    }
  }

  Napi::Value answer(Napi::Env env) override {
    if (!done_) throw Napi::Error::New(env, error_);
    Napi::Object o = Napi::Object::New(env);
    o["flopsPerSecond"] = result_.flops_per_second;
    o["medianFlopsPerSecond"] = result_.median_flops_per_second;
    o["relativeError"] = result_.relative_error;
    o["products"] = result_.n_products;
    o["type"] = result_.type;
    o["buffer"] = result_.buffer;
    o["device"] = result_.device;
    return o;
  }

 private:
  std::shared_ptr<const Library> library_;
  PeakOptions options_;
  PeakResult result_;
  std::string error_;
  bool done_ = false;
};

// measurePeak({ llama, ggml, ggmlBase, backendsDir }, { gpu, type, inner, outputs, rows, threads, milliseconds })
Napi::Value measure_peak_call(const Napi::CallbackInfo& info) {
  std::string error;
  std::shared_ptr<const Library> library = library_at(arguments::object(info, 0, "paths"), &error);
  if (!library) throw Napi::Error::New(info.Env(), error);
  const Napi::Object o = arguments::object(info, 1, "options");
  PeakOptions options;
  options.gpu = arguments::boolean(o, "gpu");
  options.type = arguments::integer(o, "type", 0, 1000);
  // Blocks of quantized types are at most 256 long.
  options.n_inner = 256 * (arguments::integer(o, "inner", 256, 65536) / 256);
  options.n_outputs = arguments::integer(o, "outputs", 1, 65536);
  options.n_rows = arguments::integer(o, "rows", 1, 65536);
  options.n_threads = arguments::integer(o, "threads", 1, 1024);
  options.n_milliseconds = arguments::integer(o, "milliseconds", 1, 60000);
  return kernels::run_off_loop(info.Env(), std::make_unique<PeakJob>(std::move(library), options));
}

}  // namespace

void register_peak(Napi::Env env, Napi::Object exports) {
  exports["measurePeak"] = Napi::Function::New(env, measure_peak_call, "measurePeak");
}

}  // namespace pgenrm
