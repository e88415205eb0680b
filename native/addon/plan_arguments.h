// A plan of JavaScript's as the engine's own, see `NativePlanPart` in src/native/binding.ts.
#pragma once

#include <napi.h>

#include <memory>

#include "engine/llama_model.h"
#include "engine/plan.h"

namespace pgenrm {

// Of { plan } of a request: an array of parts, or null. Throws as arguments.h says, and an error with the code GRAMMAR_INVALID.
std::shared_ptr<const Plan> read_plan(const Napi::Object& request, const LlamaModel& model);

}  // namespace pgenrm
