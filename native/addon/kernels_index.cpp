// Index jobs: each holds the index alive, so that a handle may be released while they run.
#include "addon/kernels_index.h"

#include "addon/kernels_arguments.h"
#include "addon/kernels_work.h"
#include "core/byte_stream.h"
#include "core/vector_index.h"

namespace pgenrm {
namespace {

using namespace kernels;
using SharedIndex = std::shared_ptr<VectorIndex>;

// What the JavaScript side holds; null after its release.
struct Handle {
  SharedIndex index;
};

SharedIndex index_of(const Napi::CallbackInfo& info) {
  if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "argument 0 must be an index handle");
  const SharedIndex index = info[0].As<Napi::External<Handle>>().Data()->index;
  if (!index) throw Napi::Error::New(info.Env(), "the index is released");
  return index;
}

Napi::Object with_facts(Napi::Object object, const VectorIndex& index) {
  object["dim"] = static_cast<double>(index.params().dim);
  object["storage"] = static_cast<double>(static_cast<int32_t>(index.params().storage));
  object["size"] = static_cast<double>(index.size());
  object["removed"] = static_cast<double>(index.removed());
  object["memoryBytes"] = static_cast<double>(index.memory_bytes());
  return object;
}

struct OpeningJob : Job {
  SharedIndex index;
  Status status;

  Napi::Value answer(Napi::Env env) override {
    Napi::Object object = new_status(env, status);
    if (!status.ok()) return object;
    object["handle"] =
        Napi::External<Handle>::New(env, new Handle{index}, [](Napi::Env, Handle* handle) { delete handle; });
    return with_facts(object, *index);
  }
};

struct BuildJob : OpeningJob {
  IndexParams params;
  std::vector<float> vectors;
  std::vector<uint32_t> labels;
  uint32_t threads;

  void execute() override {
    try {
      index = std::make_shared<VectorIndex>(params);
      status = index->add(labels.data(), vectors.data(), labels.size(), threads);
    } catch (...) {
      status = {Code::out_of_memory, 0};
    }
  }
};

// (vectors, labels, dim, metric, storage, links, buildEffort, seed, quantized, threads)
Napi::Value build(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<BuildJob>();
  job->vectors = float32_array(info, 0).copied();
  job->labels = uint32_array(info, 1).copied();
  job->params = {static_cast<Metric>(uint32(info, 3)),
                 static_cast<Storage>(uint32(info, 4)),
                 uint32(info, 2),
                 uint32(info, 5),
                 uint32(info, 6),
                 uint32(info, 7),
                 flag(info, 8)};
  job->threads = uint32(info, 9);
  return run_off_loop(info.Env(), std::move(job));
}

struct LoadJob : OpeningJob {
  std::string path;
  std::vector<uint8_t> bytes;
  bool from_path;
  Metric metric;
  size_t dim;
  bool quantized;

  void execute() override {
    std::unique_ptr<VectorIndex> loaded;
    if (from_path) {
      FileSource source(path);
      status =
          source.readable() ? VectorIndex::load(source, metric, dim, quantized, loaded) : Status{Code::cannot_read, 0};
    } else {
      MemorySource source(bytes.data(), bytes.size());
      status = VectorIndex::load(source, metric, dim, quantized, loaded);
    }
    index = std::move(loaded);
  }
};

// (path or bytes, metric, dim or 0, quantized)
Napi::Value load(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<LoadJob>();
  job->from_path = info[0].IsString();
  if (job->from_path) {
    job->path = info[0].As<Napi::String>().Utf8Value();
  } else {
    job->bytes = bytes(info, 0).copied();
  }
  job->metric = static_cast<Metric>(uint32(info, 1));
  job->dim = uint32(info, 2);
  job->quantized = flag(info, 3);
  return run_off_loop(info.Env(), std::move(job));
}

struct ChangeJob : Job {
  SharedIndex index;
  std::vector<float> vectors;
  std::vector<uint32_t> labels;
  uint32_t threads = 0;
  bool adds;
  Status status;

  void execute() override {
    status = adds ? index->add(labels.data(), vectors.data(), labels.size(), threads)
                  : index->remove(labels.data(), labels.size());
  }

  Napi::Value answer(Napi::Env env) override { return with_facts(new_status(env, status), *index); }
};

// (handle, vectors, labels, threads)
Napi::Value add(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<ChangeJob>();
  job->index = index_of(info);
  job->adds = true;
  job->vectors = float32_array(info, 1).copied();
  job->labels = uint32_array(info, 2).copied();
  job->threads = uint32(info, 3);
  return run_off_loop(info.Env(), std::move(job));
}

// (handle, labels)
Napi::Value remove(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<ChangeJob>();
  job->index = index_of(info);
  job->adds = false;
  job->labels = uint32_array(info, 1).copied();
  return run_off_loop(info.Env(), std::move(job));
}

struct VectorJob : Job {
  SharedIndex index;
  uint32_t label;
  std::vector<float> vector;
  bool there;

  void execute() override { there = index->vector(label, vector.data()); }

  Napi::Value answer(Napi::Env env) override {
    if (!there) return env.Undefined();
    return new_float32(env, vector);
  }
};

// (handle, label)
Napi::Value vector_of(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<VectorJob>();
  job->index = index_of(info);
  job->label = uint32(info, 1);
  job->vector.resize(job->index->params().dim);
  return run_off_loop(info.Env(), std::move(job));
}

struct SearchJob : Job {
  SharedIndex index;
  std::vector<float> queries, distances;
  std::vector<uint8_t> allow;
  std::vector<uint32_t> exclude, labels;
  SearchParams params;
  Status status;

  void execute() override {
    try {
      const size_t n = queries.size() / index->params().dim;
      labels.resize(n * params.k);
      distances.resize(n * params.k);
      status = index->search(queries.data(), n, params, labels.data(), distances.data());
      // Freed here, for a large block costs the event loop time.
      std::vector<float>().swap(queries);
    } catch (...) {
      status = {Code::out_of_memory, 0};
    }
  }

  Napi::Value answer(Napi::Env env) override {
    Napi::Object object = new_status(env, status);
    if (!status.ok()) return object;
    object["labels"] = new_uint32(env, labels);
    object["distances"] = new_float32(env, distances);
    return object;
  }
};

// (handle, queries, k, effort, exact, threads, allow or undefined, first label of allow, exclude)
Napi::Value search(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<SearchJob>();
  job->index = index_of(info);
  job->queries = float32_array(info, 1).copied();
  const bool allows = !info[6].IsUndefined();
  if (allows) job->allow = bytes(info, 6).copied();
  // A set of no labels still is a set: its bits need an address.
  if (allows && job->allow.empty()) job->allow.push_back(0);
  job->exclude = uint32_array(info, 8).copied();
  job->params = {uint32(info, 2),
                 uint32(info, 3),
                 flag(info, 4),
                 uint32(info, 5),
                 allows ? job->allow.data() : nullptr,
                 job->allow.size(),
                 uint32(info, 7),
                 job->exclude.data(),
                 job->exclude.size()};
  return run_off_loop(info.Env(), std::move(job));
}

struct SaveJob : Job {
  SharedIndex index;
  std::string path;
  bool to_path;
  MemorySink memory;
  Status status;

  void execute() override {
    try {
      if (to_path) {
        FileSink sink(path);
        status = index->save(sink);
        if (!sink.close() && status.ok()) status = {Code::cannot_write, 0};
      } else {
        status = index->save(memory);
      }
    } catch (...) {
      status = {Code::out_of_memory, 0};
    }
  }

  Napi::Value answer(Napi::Env env) override {
    Napi::Object object = new_status(env, status);
    if (!to_path && status.ok()) {
      object["bytes"] = new_array<Napi::Uint8Array>(env, memory.bytes.data(), memory.bytes.size());
    }
    return object;
  }
};

// (handle, path or undefined)
Napi::Value save(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<SaveJob>();
  job->index = index_of(info);
  job->to_path = info[1].IsString();
  if (job->to_path) job->path = info[1].As<Napi::String>().Utf8Value();
  return run_off_loop(info.Env(), std::move(job));
}

// (handle): lets go of the index; running jobs keep it until they end.
Napi::Value release(const Napi::CallbackInfo& info) {
  if (info[0].IsExternal()) info[0].As<Napi::External<Handle>>().Data()->index.reset();
  return info.Env().Undefined();
}

}  // namespace

void register_index_kernels(Napi::Env env, Napi::Object kernels) {
  const auto put = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    kernels[name] = Napi::Function::New(env, function, name);
  };
  put("indexBuild", build);
  put("indexLoad", load);
  put("indexAdd", add);
  put("indexRemove", remove);
  put("indexVector", vector_of);
  put("indexSearch", search);
  put("indexSave", save);
  put("indexRelease", release);
}

}  // namespace pgenrm
