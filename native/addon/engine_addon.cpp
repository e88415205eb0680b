#include "addon/engine_addon.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

#include "addon/arguments.h"
#include "engine/engine.h"
#include "engine/llama_decoder.h"
#include "engine/llama_embedder.h"
#include "engine/llama_grammar.h"

namespace pgenrm {
namespace {

// Opened libraries live as long as the process: so do llama.cpp's own globals and threads.
std::shared_ptr<const Library> open_library(const LibraryPaths& paths, std::string* error) {
  static std::mutex mutex;
  static auto* opened = new std::map<std::string, std::shared_ptr<const Library>>();
  const std::lock_guard<std::mutex> lock(mutex);
  std::shared_ptr<const Library>& library = (*opened)[paths.llama];
  if (!library) library = Library::load(paths, error);
  return library;
}

LibraryPaths read_paths(const Napi::Object& object) {
  return {arguments::string(object, "llama"), arguments::string(object, "ggml"), arguments::string(object, "ggmlBase"),
          arguments::string(object, "backendsDir")};
}

struct ReadyEvent {
  std::string error;
};
struct ProgressEvent {
  float share;
};
struct ClosedEvent {};
struct TextEvent {
  std::vector<TextPiece> pieces;  // at most one of a sample
};
using Event = std::variant<TextEvent, SampleResult, RequestResult, EmbeddingResult, StepStatistics, ReadyEvent, ProgressEvent, ClosedEvent>;

const char* name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kEndOfGeneration: return "endOfGeneration";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
  }
  return "";
}

const char* name_of(RequestStatus status) {
  switch (status) {
    case RequestStatus::kDone: return "done";
    case RequestStatus::kCancelled: return "cancelled";
    case RequestStatus::kTooLong: return "tooLong";
    case RequestStatus::kDecodeFailed: return "decodeFailed";
    case RequestStatus::kNoToken: return "noToken";
    case RequestStatus::kClosed: return "closed";
  }
  return "";
}

// Joins an event to one that JavaScript has not taken yet; false where it must stay an event of its own. So a busy
// JavaScript lets gather no more than the text itself and one report of the newest step between two other events.
bool merge(Event& last, Event& next) {
  if (auto* newer = std::get_if<StepStatistics>(&next)) {
    auto* older = std::get_if<StepStatistics>(&last);
    if (older) *older = *newer;
    return older != nullptr;
  }
  auto* from = std::get_if<TextEvent>(&next);
  auto* into = std::get_if<TextEvent>(&last);
  if (!from || !into) return false;
  for (TextPiece& piece : from->pieces) {
    const auto same = std::ranges::find_if(into->pieces, [&](const TextPiece& other) {
      return other.request_id == piece.request_id && other.index == piece.index;
    });
    if (same == into->pieces.end()) {
      into->pieces.push_back(std::move(piece));
    } else {
      same->text += piece.text;
      same->n_tokens = piece.n_tokens;
    }
  }
  return true;
}

double milliseconds(int64_t us) { return static_cast<double>(us) / 1000.0; }

Napi::Object statistics_object(Napi::Env env, const StepStatistics& s) {
  Napi::Object o = Napi::Object::New(env);
  o["decodeRows"] = s.n_decode_rows;
  o["prefillRows"] = s.n_prefill_rows;
  o["running"] = s.n_running;
  o["waitingRequests"] = s.n_waiting_requests;
  o["cells"] = s.n_cells_planned;
  o["steps"] = static_cast<double>(s.n_steps_total);
  o["decodedPromptTokens"] = static_cast<double>(s.n_prefill_rows_total);
  o["decodedTokens"] = static_cast<double>(s.n_decode_rows_total);
  o["generatedTokens"] = static_cast<double>(s.n_generated_total);
  o["preempted"] = static_cast<double>(s.n_preempted_total);
  o["calls"] = static_cast<double>(s.n_calls_total);
  o["rowCells"] = static_cast<double>(s.n_row_cells_total);
  o["promptAttended"] = static_cast<double>(s.n_prefill_attended_total);
  o["sampleAttended"] = static_cast<double>(s.n_decode_attended_total);
  o["decodeMs"] = milliseconds(s.decode_us_total);
  o["drawMs"] = milliseconds(s.draw_us_total);
  return o;
}

struct ToJavaScript {
  Napi::Env env;
  Napi::Object operator()(const TextEvent& e) const {
    Napi::Object o = Napi::Object::New(env);
    o["type"] = "text";
    Napi::Array pieces = Napi::Array::New(env, e.pieces.size());
    for (size_t i = 0; i < e.pieces.size(); ++i) {
      Napi::Object piece = Napi::Object::New(env);
      piece["id"] = static_cast<double>(e.pieces[i].request_id);
      piece["index"] = e.pieces[i].index;
      piece["tokens"] = e.pieces[i].n_tokens;
      piece["text"] = e.pieces[i].text;
      pieces[static_cast<uint32_t>(i)] = piece;
    }
    o["pieces"] = pieces;
    return o;
  }
  Napi::Object operator()(const SampleResult& e) const {
    Napi::Object o = Napi::Object::New(env);
    o["type"] = "sample";
    o["id"] = static_cast<double>(e.request_id);
    o["index"] = e.index;
    o["text"] = e.text;
    o["tokens"] = e.n_tokens;
    o["finish"] = name_of(e.finish);
    o["elapsedMs"] = milliseconds(e.elapsed_us);
    return o;
  }
  Napi::Object operator()(const RequestResult& e) const {
    Napi::Object o = Napi::Object::New(env);
    o["type"] = "end";
    o["id"] = static_cast<double>(e.request_id);
    o["status"] = name_of(e.status);
    o["detail"] = e.detail;
    o["promptTokens"] = e.n_prompt;
    o["decodedPromptTokens"] = e.n_prompt_decoded;
    o["generatedTokens"] = static_cast<double>(e.n_generated);
    o["prefillMs"] = milliseconds(e.prefill_us);
    o["totalMs"] = milliseconds(e.total_us);
    return o;
  }
  Napi::Object operator()(const EmbeddingResult& e) const {
    Napi::Object o = Napi::Object::New(env);
    o["type"] = "embedding";
    o["id"] = static_cast<double>(e.request_id);
    o["error"] = e.error;
    o["dimension"] = e.dimension;
    auto vectors = Napi::Float32Array::New(env, e.vectors.size());
    std::copy(e.vectors.begin(), e.vectors.end(), vectors.Data());
    o["vectors"] = vectors;
    return o;
  }
  Napi::Object operator()(const StepStatistics& e) const {
    Napi::Object o = statistics_object(env, e);
    o["type"] = "step";
    return o;
  }
  Napi::Object operator()(const ReadyEvent& e) const {
    Napi::Object o = Napi::Object::New(env);
    o["type"] = "ready";
    o["error"] = e.error;
    return o;
  }
  Napi::Object operator()(const ProgressEvent& e) const {
    Napi::Object o = Napi::Object::New(env);
    o["type"] = "progress";
    o["share"] = e.share;
    return o;
  }
  Napi::Object operator()(const ClosedEvent&) const {
    Napi::Object o = Napi::Object::New(env);
    o["type"] = "closed";
    return o;
  }
};

// Lifetime: JavaScript must call close() and wait for the `closed` event; until then the event callback, and
// through it this object, is kept alive. Where the environment ends first, the cleanup hook closes and joins.
class EngineWrap final : public Napi::ObjectWrap<EngineWrap> {
 public:
  static void define(Napi::Env env, Napi::Object exports) {
    exports["Engine"] = DefineClass(env, "Engine",
                                    {
                                        InstanceMethod<&EngineWrap::submit>("submit"),
                                        InstanceMethod<&EngineWrap::embed>("embed"),
                                        InstanceMethod<&EngineWrap::cancel>("cancel"),
                                        InstanceMethod<&EngineWrap::forget>("forget"),
                                        InstanceMethod<&EngineWrap::close>("close"),
                                        InstanceMethod<&EngineWrap::tokenize>("tokenize"),
                                        InstanceMethod<&EngineWrap::model_info>("modelInfo"),
                                        InstanceMethod<&EngineWrap::statistics>("statistics"),
                                    });
  }

  explicit EngineWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineWrap>(info) {
    const Napi::Object o = arguments::object(info, 0, "options");
    if (info.Length() < 2 || !info[1].IsFunction()) throw Napi::TypeError::New(info.Env(), "onEvents must be a function");
    constexpr int32_t kMany = 1 << 30;
    LlamaModelOptions model_options;
    model_options.path = arguments::string(o, "modelPath");
    model_options.n_gpu_layers = arguments::integer(o, "gpuLayers", -1, kMany);
    const bool generates = arguments::boolean(o, "generates");
    LlamaEmbedderOptions embedder_options;
    embedder_options.max_tokens = arguments::integer(o, "embeddingTokens", 1, 1 << 20);
    embedder_options.n_threads = arguments::integer(o, "threads", 1, 1024);
    embedder_options.pooling = static_cast<enum llama_pooling_type>(arguments::integer(o, "pooling", -1, 3));
    LlamaDecoderOptions decoder_options;
    decoder_options.n_cells = arguments::integer(o, "cells", 64, kMany);
    decoder_options.n_sequences = arguments::integer(o, "sequences", 2, 256);
    decoder_options.n_batch = arguments::integer(o, "batch", 1, 1 << 16);
    decoder_options.n_threads = arguments::integer(o, "threads", 1, 1024);
    decoder_options.kv_q8_0 = arguments::boolean(o, "kvQ8_0");
    decoder_options.streams = arguments::boolean(o, "kvStreams");
    decoder_options.flash = static_cast<enum llama_flash_attn_type>(arguments::integer(o, "flashAttention", -1, 1));
    SchedulerOptions scheduler_options;
    scheduler_options.max_running = arguments::integer(o, "maxRunning", 1, 255);
    scheduler_options.prefill_chunk = arguments::integer(o, "prefillChunk", 1, 1 << 16);
    scheduler_options.max_ahead = arguments::integer(o, "maxAhead", 0, 1 << 20);
    scheduler_options.separates_prompts = arguments::boolean(o, "separatesPrompts");
    scheduler_options.max_idle_cells = arguments::integer(o, "maxIdleCells", 0, kMany);
    std::string error;
    std::shared_ptr<const Library> library = library_at(o.Get("library").As<Napi::Object>(), &error);
    if (!library) throw Napi::Error::New(info.Env(), error);

    callback_ = Napi::ThreadSafeFunction::New(info.Env(), info[1].As<Napi::Function>(), "pgenrm engine", 0, 1);
    // After the callback was made, so that it runs before the callback is torn down.
    napi_add_env_cleanup_hook(info.Env(), &EngineWrap::on_environment_end, this);
    hooked_ = true;
    Ref();

    decoder_options.abort = embedder_options.abort = &abort_;
    model_options.on_progress = [this](float share) {
      post(ProgressEvent{share});
      return !abort_.load();
    };
    const auto factory = [this, library, model_options, decoder_options, embedder_options, generates](std::string* why) {
      EngineModel made;
      std::shared_ptr<const LlamaModel> model = LlamaModel::load(library, model_options, why);
      if (!model) return made;
      if (generates) {
        auto decoder = LlamaDecoder::make(model, decoder_options, why);
        if (!decoder) return made;
        cells_ = decoder->limits().n_cells;
        made.decoder = std::move(decoder);
      }
      made.make_embedder = [model, embedder_options](std::string* reason) {
        return LlamaEmbedder::make(model, embedder_options, reason);
      };
      model_ = model.get();
      return made;
    };
    EngineCallbacks callbacks;
    callbacks.on_text = [this](std::vector<TextPiece>&& pieces) { post(TextEvent{std::move(pieces)}); };
    callbacks.on_sample = [this](SampleResult&& sample) { post(std::move(sample)); };
    callbacks.on_end = [this](RequestResult&& result) { post(std::move(result)); };
    callbacks.on_embedding = [this](EmbeddingResult&& result) { post(std::move(result)); };
    callbacks.on_ready = [this](std::string why) { post(ReadyEvent{std::move(why)}); };
    callbacks.on_closed = [this] { post(ClosedEvent{}); };
    if (arguments::boolean(o, "reportsSteps")) {
      callbacks.on_step = [this](const StepStatistics& statistics) { post(StepStatistics(statistics)); };
    }
    EngineOptions engine_options;
    engine_options.scheduler = scheduler_options;
    engine_options.n_sampling_threads = decoder_options.n_threads;
    engine_ = std::make_unique<Engine>(factory, engine_options, std::move(callbacks));
  }

  ~EngineWrap() override { shut_down(); }

 private:
  // submit({ prompt, seeds, temperature, topP, minP, maxTokens, minTokens, stop, grammar, grammarTrigger, streams }): id
  Napi::Value submit(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Napi::Object o = arguments::object(info, 0, "request");
    Request request;
    request.prompt = arguments::elements<int32_t, Napi::Int32Array>(o, "prompt", napi_int32_array, "Int32Array");
    request.seeds = arguments::elements<uint32_t, Napi::Uint32Array>(o, "seeds", napi_uint32_array, "Uint32Array");
    request.sampling.temperature = static_cast<float>(arguments::number(o, "temperature", 0, 1000));
    request.sampling.top_p = static_cast<float>(arguments::number(o, "topP", 0, 1));
    request.sampling.min_p = static_cast<float>(arguments::number(o, "minP", 0, 1));
    request.max_tokens = arguments::integer(o, "maxTokens", 1, 1 << 24);
    request.min_tokens = arguments::integer(o, "minTokens", 0, request.max_tokens);
    request.streams = arguments::boolean(o, "streams");
    request.stop = arguments::strings(o, "stop");
    std::erase(request.stop, "");
    require_open(env);
    const int32_t n_vocab = model().n_vocab();
    for (const int32_t token : request.prompt) {
      if (token < 0 || token >= n_vocab) {
        throw Napi::RangeError::New(env, "prompt holds token " + std::to_string(token) + ", the vocabulary ends at " +
                                             std::to_string(n_vocab - 1));
      }
    }
    if (const std::string grammar = arguments::string(o, "grammar"); !grammar.empty()) {
      std::string error;
      request.constraint = make_grammar_factory(model(), grammar, arguments::string(o, "grammarTrigger"), &error);
      if (!request.constraint) {
        Napi::Error refused = Napi::Error::New(env, error);
        refused.Value()["code"] = Napi::String::New(env, "GRAMMAR_INVALID");
        throw refused;
      }
    }
    request.id = ++last_id_;
    if (n_open_++ == 0) callback_.Ref(env);
    engine_->submit(std::move(request));
    return Napi::Number::New(env, static_cast<double>(last_id_));
  }

  // embed({ texts }): id; ends with one `embedding` event
  Napi::Value embed(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Napi::Object o = arguments::object(info, 0, "request");
    const std::vector<std::string> texts = arguments::strings(o, "texts");
    require_open(env);
    EmbeddingRequest request;
    for (const std::string& text : texts) {
      request.texts.push_back(model().tokenize(text, true));
      if (request.texts.back().empty()) throw Napi::RangeError::New(env, "texts holds a text without a token");
    }
    if (request.texts.empty()) throw Napi::RangeError::New(env, "texts must not be empty");
    request.id = ++last_id_;
    if (n_open_++ == 0) callback_.Ref(env);
    engine_->embed(std::move(request));
    return Napi::Number::New(env, static_cast<double>(last_id_));
  }

  // forget(): prompts that no request needs are dropped.
  void forget(const Napi::CallbackInfo&) {
    if (engine_) engine_->forget_idle();
  }

  // cancel(id, index?): the request, or one sample of it, ends as cancelled within one step, if it has not ended.
  void cancel(const Napi::CallbackInfo& info) {
    if (info.Length() < 1 || !info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "id must be a number");
    const auto id = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
    std::optional<int32_t> index;
    if (info.Length() > 1 && !info[1].IsUndefined()) {
      if (!info[1].IsNumber()) throw Napi::TypeError::New(info.Env(), "index must be a number");
      index = info[1].As<Napi::Number>().Int32Value();
      // What is no such number would name another sample.
      if (info[1].As<Napi::Number>().DoubleValue() != *index) {
        throw Napi::RangeError::New(info.Env(), "index must be a whole number, got " + arguments::described(info[1]));
      }
    }
    if (engine_) engine_->cancel(id, index);
  }

  // close(): everything ends as closed, then comes the `closed` event. Calling twice is safe.
  void close(const Napi::CallbackInfo& info) {
    if (!engine_ || closing_) return;
    closing_ = true;
    callback_.Ref(info.Env());
    abort_ = true;
    engine_->close();
  }

  Napi::Value tokenize(const Napi::CallbackInfo& info) {
    if (info.Length() < 1 || !info[0].IsString()) throw Napi::TypeError::New(info.Env(), "text must be a string");
    require_open(info.Env());
    const std::vector<int32_t> tokens = model().tokenize(info[0].As<Napi::String>().Utf8Value(), false);
    auto array = Napi::Int32Array::New(info.Env(), tokens.size());
    std::copy(tokens.begin(), tokens.end(), array.Data());
    return array;
  }

  Napi::Value model_info(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    require_open(env);
    const LlamaModelInfo facts = model().info();
    Napi::Object o = Napi::Object::New(env);
    o["description"] = facts.description;
    o["chatTemplate"] = facts.chat_template;
    o["parameters"] = static_cast<double>(facts.n_parameters);
    o["sizeBytes"] = static_cast<double>(facts.n_bytes);
    o["trainedContext"] = facts.n_context_trained;
    o["bosToken"] = facts.bos_token;
    o["eosToken"] = facts.eos_token;
    o["cells"] = cells_.load();
    o["vocabulary"] = model().n_vocab();
    const auto pairs = [env](const auto& from) {
      Napi::Array array = Napi::Array::New(env, from.size());
      for (size_t i = 0; i < from.size(); ++i) {
        Napi::Array pair = Napi::Array::New(env, 2);
        pair[0u] = from[i].first;
        pair[1u] = from[i].second;
        array[static_cast<uint32_t>(i)] = pair;
      }
      return array;
    };
    o["metadata"] = pairs(facts.metadata);
    o["controlTokens"] = pairs(facts.control_tokens);
    return o;
  }

  Napi::Value statistics(const Napi::CallbackInfo& info) {
    require_open(info.Env());
    return statistics_object(info.Env(), engine_->statistics());
  }

  const LlamaModel& model() const { return *model_.load(); }

  void require_open(Napi::Env env) const {
    if (!engine_ || closing_) throw Napi::Error::New(env, "the engine is closed");
    if (!ready_) throw Napi::Error::New(env, "the engine is not ready");
  }

  // On the engine's thread. One wake-up of JavaScript serves every event that gathered meanwhile.
  void post(Event&& event) {
    bool wake = false;
    {
      const std::lock_guard<std::mutex> lock(events_mutex_);
      wake = events_.empty();
      if (wake || !merge(events_.back(), event)) events_.push_back(std::move(event));
    }
    if (wake) callback_.NonBlockingCall([this](Napi::Env env, Napi::Function on_events) { drain(env, on_events); });
  }

  void drain(Napi::Env env, Napi::Function on_events) {
    std::vector<Event> events;
    {
      const std::lock_guard<std::mutex> lock(events_mutex_);
      events.swap(events_);
    }
    Napi::Array array = Napi::Array::New(env, events.size());
    bool closed = false;
    for (size_t i = 0; i < events.size(); ++i) {
      array[static_cast<uint32_t>(i)] = std::visit(ToJavaScript{env}, events[i]);
      if (const auto* ready = std::get_if<ReadyEvent>(&events[i])) {
        ready_ = ready->error.empty();
        if (n_open_ == 0 && !closing_) callback_.Unref(env);
      }
      const bool ended = std::holds_alternative<RequestResult>(events[i]) || std::holds_alternative<EmbeddingResult>(events[i]);
      if (ended && --n_open_ == 0 && !closing_) callback_.Unref(env);
      closed = closed || std::holds_alternative<ClosedEvent>(events[i]);
    }
    const bool was_alive = !Value().IsEmpty();
    if (closed) shut_down();
    on_events.Call({array});
    if (closed && was_alive) Unref();
  }

  static void on_environment_end(void* data) {
    auto* self = static_cast<EngineWrap*>(data);
    self->hooked_ = false;
    self->shut_down();
  }

  // Joins the engine's thread and gives the callback back. Once.
  void shut_down() {
    if (!engine_) return;
    closing_ = true;
    abort_ = true;
    engine_.reset();
    model_ = nullptr;
    callback_.Release();
    if (hooked_) napi_remove_env_cleanup_hook(Env(), &EngineWrap::on_environment_end, this);
    hooked_ = false;
  }

  Napi::ThreadSafeFunction callback_;
  std::mutex events_mutex_;
  std::vector<Event> events_;
  std::atomic<bool> abort_{false};
  std::atomic<const LlamaModel*> model_{nullptr};  // alive from the ready event until the engine is joined
  std::atomic<int32_t> cells_{0};
  uint64_t last_id_ = 0;
  int64_t n_open_ = 0;  // requests submitted and not ended; JavaScript's thread only
  bool ready_ = false;
  bool closing_ = false;
  bool hooked_ = false;
  std::unique_ptr<Engine> engine_;  // last: its thread uses all of the above
};

// openLibrary({ llama, ggml, ggmlBase, backendsDir }): its version and devices.
Napi::Value open_library_call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::string error;
  const std::shared_ptr<const Library> library = library_at(arguments::object(info, 0, "paths"), &error);
  if (!library) throw Napi::Error::New(env, error);
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
  return o;
}

}  // namespace

std::shared_ptr<const Library> library_at(const Napi::Object& paths, std::string* error) {
  return open_library(read_paths(paths), error);
}

void register_engine(Napi::Env env, Napi::Object exports) {
  exports["llamaRelease"] = PGENRM_LLAMA_RELEASE;
  exports["openLibrary"] = Napi::Function::New(env, open_library_call, "openLibrary");
  EngineWrap::define(env, exports);
}

}  // namespace pgenrm
