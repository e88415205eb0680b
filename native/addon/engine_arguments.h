// The arguments of the class `Engine` as the engine's own structs, and the facts of its model as an object.
// A wrong type or range throws as arguments.h says.
#pragma once

#include <napi.h>

#include <string>

#include "engine/llama_decoder.h"
#include "engine/llama_embedder.h"
#include "engine/llama_model.h"
#include "engine/request.h"
#include "engine/scheduler.h"

namespace pgenrm {

// What the constructor takes, but for the library and the callback.
struct EngineArguments {
  LlamaModelOptions model;
  LlamaDecoderOptions decoder;
  LlamaEmbedderOptions embedder;
  SchedulerOptions scheduler;
  int32_t n_workers = 1;  // each with a decoder of these sizes
  bool generates = false;
  bool reports_steps = false;
};
EngineArguments read_engine_arguments(const Napi::Object& options);

// What needs no model of { prompt, seeds, temperature, topP, minP, maxTokens, minTokens, stop, streams }.
Request read_request(const Napi::Object& object);

// Throws a RangeError where the prompt holds a token that is not in the vocabulary.
void check_request(Napi::Env env, const Request& request, const LlamaModel& model);

// The constraint of a grammar, '' for none; throws an error with the code GRAMMAR_INVALID.
TokenConstraintFactory read_grammar_of(const Napi::Object& object, const char* name, const std::string& trigger,
                                       const LlamaModel& model);

// Adds the constraint of { grammar, grammarTrigger }; throws an error with the code GRAMMAR_INVALID.
void read_grammar(const Napi::Object& object, const LlamaModel& model, Request& request);

// { description, chatTemplate, parameters, sizeBytes, ... } of a loaded model.
Napi::Object model_object(Napi::Env env, const LlamaModel& model);

}  // namespace pgenrm
