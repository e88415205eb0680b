#include "addon/plan_arguments.h"

#include <string>
#include <utility>

#include "addon/arguments.h"
#include "addon/engine_arguments.h"

namespace pgenrm {
namespace {

constexpr int32_t kMany = 1 << 24;

PlanPart::Kind read_kind(const Napi::Object& o) {
  const std::string kind = arguments::string(o, "kind");
  constexpr std::pair<const char*, PlanPart::Kind> kKinds[] = {
      {"given", PlanPart::Kind::kGiven}, {"free", PlanPart::Kind::kFree},     {"choice", PlanPart::Kind::kChoice},
      {"copy", PlanPart::Kind::kCopy},   {"repeat", PlanPart::Kind::kRepeat}, {"forEach", PlanPart::Kind::kForEach},
  };
  for (const auto& [name, value] : kKinds) {
    if (kind == name) return value;
  }
  throw Napi::TypeError::New(o.Env(), "kind must be that of a part, got " + kind);
}

std::vector<PlanPart> read_parts(const Napi::Value& value, const LlamaModel& model, int32_t& n_parts) {
  if (!value.IsArray()) throw Napi::TypeError::New(value.Env(), "parts of a plan must be an array");
  const auto array = value.As<Napi::Array>();
  std::vector<PlanPart> parts(array.Length());
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value item = array.Get(i);
    if (!item.IsObject()) throw Napi::TypeError::New(value.Env(), "a part of a plan must be an object");
    const auto o = item.As<Napi::Object>();
    PlanPart& part = parts[i];
    part.kind = read_kind(o);
    part.number = n_parts++;
    part.text = arguments::string(o, "text");
    part.min_tokens = arguments::integer(o, "minTokens", 0, kMany);
    part.max_tokens = arguments::integer(o, "maxTokens", part.kind == PlanPart::Kind::kFree ? 1 : 0, kMany);
    part.stop = arguments::strings(o, "stop");
    part.bars = arguments::strings(o, "bars");
    part.texts = arguments::strings(o, "texts");
    part.terminator = arguments::string(o, "terminator");
    part.greedy = arguments::boolean(o, "greedy");
    part.temperature = static_cast<float>(arguments::number(o, "temperature", -1, 1000));
    part.weighing = arguments::boolean(o, "branches") ? Weighing::kBranches : Weighing::kWhole;
    part.least = arguments::integer(o, "least", 0, kMany);
    part.most = arguments::integer(o, "most", 0, kMany);
    part.numbered = arguments::boolean(o, "numbered");
    part.after_number = arguments::string(o, "afterNumber");
    part.of = arguments::integer(o, "of", -1, n_parts - 1);
    part.grammar = read_grammar_of(o, "grammar", "", model);
    part.body = read_parts(o.Get("body"), model, n_parts);
    const bool chooses = part.kind == PlanPart::Kind::kChoice || part.kind == PlanPart::Kind::kRepeat;
    if (chooses && part.texts.size() < (part.kind == PlanPart::Kind::kRepeat ? 2U : 1U)) {
      throw Napi::RangeError::New(value.Env(), "texts of a part must not be empty");
    }
    const bool refers = part.kind == PlanPart::Kind::kCopy || part.kind == PlanPart::Kind::kForEach;
    if (refers && (part.of < 0 || part.of == part.number)) throw Napi::RangeError::New(value.Env(), "of must be an earlier part");
  }
  return parts;
}

}  // namespace

std::shared_ptr<const Plan> read_plan(const Napi::Object& request, const LlamaModel& model) {
  const Napi::Value parts = request.Get("plan");
  if (parts.IsNull()) return nullptr;
  auto plan = std::make_shared<Plan>();
  plan->parts = read_parts(parts, model, plan->n_parts);
  if (plan->parts.empty()) throw Napi::RangeError::New(request.Env(), "plan must not be empty");
  return plan;
}

}  // namespace pgenrm
