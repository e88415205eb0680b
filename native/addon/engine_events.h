// What the engine tells JavaScript: events as plain structs, which of them may be joined, and what they look like there.
#pragma once

#include <napi.h>

#include <variant>
#include <vector>

#include "engine/request.h"
#include "engine/scheduler.h"

namespace pgenrm {

struct ReadyEvent {
  Failure failure;
};
struct ProgressEvent {
  float share;
};
struct ClosedEvent {};
struct TextEvent {
  std::vector<TextPiece> pieces;  // at most one of a sample
};
using Event = std::variant<TextEvent, SampleResult, RequestResult, EmbeddingResult, StepStatistics, ReadyEvent, ProgressEvent,
                           ClosedEvent>;

// Joins an event to one that JavaScript has not taken yet; false where it must stay an event of its own. So a busy
// JavaScript lets gather no more than the text itself and one report of the newest step between two other events.
bool merge(Event& last, Event& next);

// `{ type, ... }`, on JavaScript's thread.
Napi::Object event_object(Napi::Env env, const Event& event);

Napi::Object statistics_object(Napi::Env env, const StepStatistics& statistics);

}  // namespace pgenrm
