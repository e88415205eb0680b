#include "engine/llama_grammar.h"

#include <limits>
#include <vector>

namespace pgenrm {
namespace {

struct FreeSampler {
  const Library* library;
  void operator()(llama_sampler* sampler) const { library->llama_sampler_free(sampler); }
};
using SamplerHandle = std::unique_ptr<llama_sampler, FreeSampler>;

class LlamaGrammar final : public TokenConstraint {
 public:
  LlamaGrammar(const LlamaModel& model, SamplerHandle grammar, std::string trigger)
      : model_(model), grammar_(std::move(grammar)), trigger_(std::move(trigger)), holds_(trigger_.empty()) {}

  bool allows(int32_t token, std::string_view text) override {
    if (holds_) return grammar_allows(grammar_.get(), token);
    std::string rest;
    if (!completes_trigger(token, text, &rest)) return true;
    return follow(rest) != nullptr;
  }

  void filter(float* logits, int32_t n_vocab, std::string_view text) override {
    constexpr float kNever = -std::numeric_limits<float>::infinity();
    if (!holds_) {
      // Before the trigger only the tokens that complete it in a wrong way are ruled out.
      for (int32_t token = 0; token < n_vocab; ++token) {
        if (!allows(token, text)) logits[token] = kNever;
      }
      return;
    }
    candidates_.resize(static_cast<size_t>(n_vocab));
    for (int32_t token = 0; token < n_vocab; ++token) candidates_[static_cast<size_t>(token)] = {token, 0.0f, 0.0f};
    llama_token_data_array array{candidates_.data(), candidates_.size(), -1, false};
    model_.library().llama_sampler_apply(grammar_.get(), &array);
    for (size_t i = 0; i < array.size; ++i) {
      if (array.data[i].logit == kNever) logits[array.data[i].id] = kNever;
    }
  }

  void accept(int32_t token, std::string_view text) override {
    if (holds_) {
      model_.library().llama_sampler_accept(grammar_.get(), token);
      return;
    }
    std::string rest;
    if (!completes_trigger(token, text, &rest)) return;
    if (SamplerHandle followed = follow(rest)) grammar_ = std::move(followed);
    holds_ = true;
  }

 private:
  bool grammar_allows(llama_sampler* grammar, int32_t token) const {
    llama_token_data candidate{token, 0.0f, 0.0f};
    llama_token_data_array array{&candidate, 1, -1, false};
    model_.library().llama_sampler_apply(grammar, &array);
    return candidate.logit == 0.0f;
  }

  // Whether the trigger first appears with this token; `rest` is what the token writes behind it.
  bool completes_trigger(int32_t token, std::string_view text, std::string* rest) const {
    const size_t from = text.size() >= trigger_.size() ? text.size() - trigger_.size() + 1 : 0;
    const std::string joined = std::string(text.substr(from)) + model_.piece(token);
    const size_t at = joined.find(trigger_);
    if (at == std::string::npos) return false;
    *rest = joined.substr(at + trigger_.size());
    return true;
  }

  // The grammar after `rest`, or null where it does not allow it.
  SamplerHandle follow(const std::string& rest) const {
    const Library& library = model_.library();
    SamplerHandle grammar(library.llama_sampler_clone(grammar_.get()), FreeSampler{&library});
    for (const int32_t token : model_.tokenize(rest, false)) {
      if (!grammar_allows(grammar.get(), token)) return SamplerHandle(nullptr, FreeSampler{&library});
      library.llama_sampler_accept(grammar.get(), token);
    }
    return grammar;
  }

  const LlamaModel& model_;
  SamplerHandle grammar_;
  std::string trigger_;
  bool holds_;
  std::vector<llama_token_data> candidates_;
};

}  // namespace

TokenConstraintFactory make_grammar_factory(const LlamaModel& model, const std::string& grammar,
                                            const std::string& trigger, std::string* error) {
  const Library& library = model.library();
  Library::take_log();
  std::shared_ptr<llama_sampler> parsed(library.llama_sampler_init_grammar(model.vocab(), grammar.c_str(), "root"),
                                        [&library](llama_sampler* sampler) {
                                          if (sampler) library.llama_sampler_free(sampler);
                                        });
  if (!parsed) {
    *error = Library::take_log();
    if (error->empty()) *error = "the grammar does not parse or has no rule `root`";
    return {};
  }
  return [&model, parsed, trigger]() -> std::unique_ptr<TokenConstraint> {
    const Library& l = model.library();
    return std::make_unique<LlamaGrammar>(
        model, SamplerHandle(l.llama_sampler_clone(parsed.get()), FreeSampler{&l}), trigger);
  };
}

}  // namespace pgenrm
