#include "addon/engine_addon.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

#include "addon/arguments.h"
#include "addon/engine_arguments.h"
#include "addon/engine_events.h"
#include "addon/library_addon.h"
#include "addon/plan_arguments.h"
#include "engine/engine.h"
#include "engine/token_joins.h"

namespace pgenrm {
namespace {

// Below it is C, so nothing may be thrown further; where the environment is ending, nothing can be thrown in it either.
void throw_in_javascript(const Napi::Error& error) {
  try {
    error.ThrowAsJavaScriptException();
  } catch (const Napi::Error&) {
  }
}

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
                                        InstanceMethod<&EngineWrap::spell>("spell"),
                                        InstanceMethod<&EngineWrap::model_info>("modelInfo"),
                                        InstanceMethod<&EngineWrap::statistics>("statistics"),
                                    });
  }

  explicit EngineWrap(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineWrap>(info) {
    const Napi::Object o = arguments::object(info, 0, "options");
    if (info.Length() < 2 || !info[1].IsFunction()) throw Napi::TypeError::New(info.Env(), "onEvents must be a function");
    EngineArguments read = read_engine_arguments(o);
    const std::shared_ptr<const Library> library = library_at(o.Get("library").As<Napi::Object>());

    callback_ = Napi::ThreadSafeFunction::New(info.Env(), info[1].As<Napi::Function>(), "pgenrm engine", 0, 1);
    // After the callback was made, so that it runs before the callback is torn down.
    napi_add_env_cleanup_hook(info.Env(), &EngineWrap::on_environment_end, this);
    hooked_ = true;
    Ref();

    read.decoder.abort = read.embedder.abort = &abort_;
    read.model.on_progress = [this](float share) {
      post(ProgressEvent{share});
      return !abort_.load();
    };
    const auto factory = [this, library, read](Failure* why) {
      EngineModel made;
      std::shared_ptr<const LlamaModel> model = LlamaModel::load(library, read.model, why);
      if (!model) return made;
      if (read.generates) {
        for (int32_t i = 0; i < read.n_workers; ++i) {
          std::unique_ptr<Decoder> decoder = make_decoder(model, read.decoder, why);
          if (!decoder) return made;
          made.decoders.push_back(std::move(decoder));
        }
      }
      made.make_embedder = [model, embedder = read.embedder](Failure* reason) {
        return LlamaEmbedder::make(model, embedder, reason);
      };
      model_ = model.get();
      return made;
    };
    EngineCallbacks callbacks;
    callbacks.on_text = [this](std::vector<TextPiece>&& pieces) { post(TextEvent{std::move(pieces)}); };
    callbacks.on_sample = [this](SampleResult&& sample) { post(std::move(sample)); };
    callbacks.on_end = [this](RequestResult&& result) { post(std::move(result)); };
    callbacks.on_embedding = [this](EmbeddingResult&& result) { post(std::move(result)); };
    callbacks.on_ready = [this](Failure why) { post(ReadyEvent{std::move(why)}); };
    callbacks.on_closed = [this] { post(ClosedEvent{}); };
    if (read.reports_steps) {
      callbacks.on_step = [this](const StepStatistics& statistics) { post(StepStatistics(statistics)); };
    }
    EngineOptions engine_options;
    engine_options.scheduler = read.scheduler;
    engine_options.n_workers = read.n_workers;
    engine_options.n_threads = read.decoder.n_threads;
    engine_ = std::make_unique<Engine>(factory, engine_options, std::move(callbacks));
  }

  ~EngineWrap() override { shut_down(); }

 private:
  // submit({ prompt, seeds, temperature, topP, minP, maxTokens, minTokens, stop, grammar, grammarTrigger, plan, streams }): id
  Napi::Value submit(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const Napi::Object o = arguments::object(info, 0, "request");
    Request request = read_request(o);
    require_open(env);
    check_request(env, request, model());
    read_grammar(o, model(), request);
    request.plan = read_plan(o, model());
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

  // spell(text): the tokens that write exactly this text in the middle of another; null where there are none.
  Napi::Value spell(const Napi::CallbackInfo& info) {
    if (info.Length() < 1 || !info[0].IsString()) throw Napi::TypeError::New(info.Env(), "text must be a string");
    require_open(info.Env());
    if (!joins_) joins_ = std::make_unique<TokenJoins>(model());
    const std::vector<int32_t>* tokens = joins_->spell(info[0].As<Napi::String>().Utf8Value());
    if (!tokens) return info.Env().Null();
    auto array = Napi::Int32Array::New(info.Env(), tokens->size());
    std::copy(tokens->begin(), tokens->end(), array.Data());
    return array;
  }

  Napi::Value model_info(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    require_open(env);
    Napi::Object o = model_object(env, model());
    o["cells"] = cells_.load();
    return o;
  }

  Napi::Value statistics(const Napi::CallbackInfo& info) {
    require_open(info.Env());
    return statistics_object(info.Env(), engine_->statistics());
  }

  std::unique_ptr<Decoder> make_decoder(const std::shared_ptr<const LlamaModel>& model, const LlamaDecoderOptions& options,
                                        Failure* why) {
    std::unique_ptr<Decoder> decoder = LlamaDecoder::make(model, options, why);
    if (decoder) cells_ += decoder->limits().n_cells;
    return decoder;
  }

  const LlamaModel& model() const { return *model_.load(); }

  void require_open(Napi::Env env) const {
    if (!engine_ || closing_) throw Napi::Error::New(env, "the engine is closed");
    if (!ready_) throw Napi::Error::New(env, "the engine is not ready");
  }

  // On any thread of the engine. One wake-up of JavaScript serves every event that gathered meanwhile.
  void post(Event&& event) {
    bool wake = false;
    {
      const std::lock_guard<std::mutex> lock(events_mutex_);
      wake = events_.empty();
      if (wake || !merge(events_.back(), event)) events_.push_back(std::move(event));
    }
    if (wake) callback_.NonBlockingCall([this](Napi::Env env, Napi::Function on_events) { deliver(env, on_events); });
  }

  // Where the environment is ending, no object can be made for it any more, and at any line: the events are dropped then, and the
  // cleanup hook closes the engine.
  void deliver(Napi::Env env, Napi::Function on_events) {
    try {
      drain(env, on_events);
    } catch (const Napi::Error& error) {
      throw_in_javascript(error);
    }
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
      array[static_cast<uint32_t>(i)] = event_object(env, events[i]);
      if (const auto* ready = std::get_if<ReadyEvent>(&events[i])) {
        ready_ = !ready->failure.failed();
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

  // Joins the engine's threads and gives the callback back. Once.
  void shut_down() {
    if (!engine_) return;
    closing_ = true;
    abort_ = true;
    engine_.reset();
    joins_.reset();
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
  std::unique_ptr<TokenJoins> joins_;              // of model_; JavaScript's thread only
  std::atomic<int32_t> cells_{0};
  uint64_t last_id_ = 0;
  int64_t n_open_ = 0;  // requests submitted and not ended; JavaScript's thread only
  bool ready_ = false;
  bool closing_ = false;
  bool hooked_ = false;
  std::unique_ptr<Engine> engine_;  // last: its threads use all of the above
};

}  // namespace

void register_engine(Napi::Env env, Napi::Object exports) { EngineWrap::define(env, exports); }

}  // namespace pgenrm
