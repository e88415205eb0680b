#include "addon/engine_arguments.h"

#include <algorithm>
#include <string>
#include <vector>

#include "addon/arguments.h"
#include "engine/llama_grammar.h"

namespace pgenrm {

EngineArguments read_engine_arguments(const Napi::Object& o) {
  EngineArguments read;
  constexpr int32_t kMany = 1 << 30;
  read.model.path = arguments::string(o, "modelPath");
  read.model.n_gpu_layers = arguments::integer(o, "gpuLayers", -1, kMany);
  read.model.maps_weights = arguments::boolean(o, "mapsWeights");
  read.generates = arguments::boolean(o, "generates");
  read.embedder.max_tokens = arguments::integer(o, "embeddingTokens", 1, 1 << 20);
  read.embedder.n_threads = arguments::integer(o, "threads", 1, 1024);
  read.embedder.pooling = static_cast<enum llama_pooling_type>(arguments::integer(o, "pooling", -1, 3));
  read.decoder.n_cells = arguments::integer(o, "cells", 64, kMany);
  read.decoder.n_sequences = arguments::integer(o, "sequences", 2, 256);
  read.decoder.n_batch = arguments::integer(o, "batch", 1, 1 << 16);
  read.decoder.n_threads = arguments::integer(o, "threads", 1, 1024);
  read.decoder.kv_q8_0 = arguments::boolean(o, "kvQ8_0");
  read.decoder.attention_kernel = read.embedder.attention_kernel = arguments::boolean(o, "attentionKernel");
  read.decoder.flash = static_cast<enum llama_flash_attn_type>(arguments::integer(o, "flashAttention", -1, 1));
  read.scheduler.max_running = arguments::integer(o, "maxRunning", 1, 255);
  read.scheduler.prefill_chunk = arguments::integer(o, "prefillChunk", 1, 1 << 16);
  read.scheduler.max_unfinished = arguments::integer(o, "maxUnfinished", 1, 1 << 20);
  read.scheduler.max_idle_cells = arguments::integer(o, "maxIdleCells", 0, kMany);
  read.n_workers = arguments::integer(o, "workers", 1, 64);
  read.reports_steps = arguments::boolean(o, "reportsSteps");
  return read;
}

Request read_request(const Napi::Object& o) {
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
  request.thoughts.opened = arguments::boolean(o, "thoughtsOpened");
  request.thoughts.open = arguments::strings(o, "thoughtsOpen");
  request.thoughts.close = arguments::strings(o, "thoughtsClose");
  std::erase(request.thoughts.open, "");
  std::erase(request.thoughts.close, "");
  if (const std::vector<std::string> texts = arguments::strings(o, "shownTexts"); !texts.empty()) {
    const auto shown = arguments::elements<int32_t, Napi::Int32Array>(o, "shownTokens", napi_int32_array, "Int32Array");
    for (size_t i = 0; i < std::min(shown.size(), texts.size()); ++i) request.thoughts.shown.emplace_back(shown[i], texts[i]);
  }
  return request;
}

void check_request(Napi::Env env, const Request& request, const LlamaModel& model) {
  const int32_t n_vocab = model.n_vocab();
  for (const int32_t token : request.prompt) {
    if (token < 0 || token >= n_vocab) {
      throw Napi::RangeError::New(env, "prompt holds token " + std::to_string(token) + ", the vocabulary ends at " +
                                           std::to_string(n_vocab - 1));
    }
  }
}

TokenConstraintFactory read_grammar_of(const Napi::Object& o, const char* name, const std::string& trigger, const LlamaModel& model) {
  const std::string grammar = arguments::string(o, name);
  if (grammar.empty()) return {};
  std::string error;
  TokenConstraintFactory constraint = make_grammar_factory(model, grammar, trigger, &error);
  if (constraint) return constraint;
  Napi::Error refused = Napi::Error::New(o.Env(), error);
  refused.Value()["code"] = Napi::String::New(o.Env(), "GRAMMAR_INVALID");
  throw refused;
}

void read_grammar(const Napi::Object& o, const LlamaModel& model, Request& request) {
  request.constraint = read_grammar_of(o, "grammar", arguments::string(o, "grammarTrigger"), model);
}

Napi::Object model_object(Napi::Env env, const LlamaModel& model) {
  const LlamaModelInfo facts = model.info();
  Napi::Object o = Napi::Object::New(env);
  o["description"] = facts.description;
  o["chatTemplate"] = facts.chat_template;
  o["parameters"] = static_cast<double>(facts.n_parameters);
  o["sizeBytes"] = static_cast<double>(facts.n_bytes);
  o["trainedContext"] = facts.n_context_trained;
  o["bosToken"] = facts.bos_token;
  o["eosToken"] = facts.eos_token;
  o["vocabulary"] = model.n_vocab();
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

}  // namespace pgenrm
