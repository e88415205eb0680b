#include "addon/engine_events.h"

#include <algorithm>

namespace pgenrm {
namespace {

const char* name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop: return "stop";
    case FinishReason::kEndOfGeneration: return "endOfGeneration";
    case FinishReason::kLength: return "length";
    case FinishReason::kCancelled: return "cancelled";
    case FinishReason::kComplete: return "complete";
  }
  return "";
}

const char* name_of(RequestStatus status) {
  switch (status) {
    case RequestStatus::kDone: return "done";
    case RequestStatus::kCancelled: return "cancelled";
    case RequestStatus::kTooLong: return "tooLong";
    case RequestStatus::kDecodeFailed: return "decodeFailed";
    case RequestStatus::kPlanFailed: return "planFailed";
    case RequestStatus::kNoToken: return "noToken";
    case RequestStatus::kClosed: return "closed";
  }
  return "";
}

const char* name_of(FailureCode code) {
  switch (code) {
    case FailureCode::kNone: return "";
    case FailureCode::kUnusable: return "unusable";
    case FailureCode::kNoMemory: return "noMemory";
    case FailureCode::kCancelled: return "cancelled";
    case FailureCode::kClosed: return "closed";
    case FailureCode::kTooLong: return "tooLong";
    case FailureCode::kDecodeFailed: return "decodeFailed";
  }
  return "";
}

const char* name_of(FreeFinish reason) {
  switch (reason) {
    case FreeFinish::kNone: return "";
    case FreeFinish::kStop: return "stop";
    case FreeFinish::kEnd: return "end";
    case FreeFinish::kLength: return "length";
    case FreeFinish::kCancelled: return "cancelled";
  }
  return "";
}

const char* name_of(PlanPart::Kind kind) {
  switch (kind) {
    case PlanPart::Kind::kGiven: return "given";
    case PlanPart::Kind::kFree: return "free";
    case PlanPart::Kind::kChoice: return "choice";
    case PlanPart::Kind::kCopy: return "copy";
    case PlanPart::Kind::kRepeat: return "repeat";
    case PlanPart::Kind::kForEach: return "forEach";
  }
  return "";
}

template <typename T>
Napi::Array array_of(Napi::Env env, const std::vector<T>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) array[static_cast<uint32_t>(i)] = Napi::Number::New(env, static_cast<double>(values[i]));
  return array;
}

Napi::Value outcome_object(Napi::Env env, const PlanOutcome& outcome) {
  Napi::Object o = Napi::Object::New(env);
  Napi::Array parts = Napi::Array::New(env, outcome.parts.size());
  for (size_t i = 0; i < outcome.parts.size(); ++i) {
    const WrittenPart& from = outcome.parts[i];
    Napi::Object part = Napi::Object::New(env);
    part["kind"] = name_of(from.kind);
    part["number"] = from.number;
    part["rounds"] = array_of(env, from.rounds);
    part["text"] = from.text;
    if (from.kind == PlanPart::Kind::kFree) {
      part["finish"] = name_of(from.finish);
      part["drawn"] = from.n_drawn;
    }
    if (from.chosen >= 0) {
      part["chosen"] = from.chosen;
      part["probabilities"] = array_of(env, from.probabilities);
    }
    parts[static_cast<uint32_t>(i)] = part;
  }
  o["parts"] = parts;
  o["given"] = outcome.n_given;
  o["free"] = outcome.n_free;
  o["chosen"] = outcome.n_chosen;
  o["probed"] = outcome.n_probed;
  o["unjoined"] = outcome.n_unjoined;
  return o;
}

// { code, detail }, or null where nothing failed.
Napi::Value failure_value(Napi::Env env, const Failure& failure) {
  if (!failure.failed()) return env.Null();
  Napi::Object o = Napi::Object::New(env);
  o["code"] = name_of(failure.code);
  o["detail"] = failure.detail;
  return o;
}

double milliseconds(int64_t us) { return static_cast<double>(us) / 1000.0; }

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
      piece["part"] = e.pieces[i].part;
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
    o["plan"] = e.plan ? outcome_object(env, *e.plan) : env.Null();
    return o;
  }
  Napi::Object operator()(const RequestResult& e) const {
    Napi::Object o = Napi::Object::New(env);
    o["type"] = "end";
    o["id"] = static_cast<double>(e.request_id);
    o["status"] = name_of(e.status);
    o["detail"] = e.detail;
    o["part"] = e.part;
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
    o["failure"] = failure_value(env, e.failure);
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
    o["failure"] = failure_value(env, e.failure);
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

}  // namespace

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
      return other.request_id == piece.request_id && other.index == piece.index && other.part == piece.part;
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
  o["cellsRead"] = static_cast<double>(s.n_cells_read_total);
  o["promptAttended"] = static_cast<double>(s.n_prefill_attended_total);
  o["sampleAttended"] = static_cast<double>(s.n_decode_attended_total);
  o["decodeMs"] = milliseconds(s.decode_us_total);
  o["drawMs"] = milliseconds(s.draw_us_total);
  return o;
}

Napi::Object event_object(Napi::Env env, const Event& event) { return std::visit(ToJavaScript{env}, event); }

}  // namespace pgenrm
