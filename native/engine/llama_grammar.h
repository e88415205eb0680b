// A TokenConstraint on llama.cpp's GBNF grammars, from the start of the text or from a trigger on.
#pragma once

#include <memory>
#include <string>

#include "engine/llama_model.h"
#include "engine/token_constraint.h"

namespace pgenrm {

// Makes the constraint's factory; an empty one where the grammar does not parse, with the reason in *error.
// The model must outlive every constraint. With a trigger the grammar holds from behind its first appearance.
TokenConstraintFactory make_grammar_factory(const LlamaModel& model, const std::string& grammar,
                                            const std::string& trigger, std::string* error);

}  // namespace pgenrm
