// Where in a sample's text the model thinks: from the start or an opening mark there, to the first closing mark. Until that
// is written no stop string ends the sample and no grammar holds. Bytes; knows no tokens.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgenrm {

// Of a request; without a closing mark there are no thoughts.
struct ThoughtMarks {
  bool opened = false;  // the prompt ends inside thoughts
  std::vector<std::string> open;
  std::vector<std::string> close;
  // Control tokens that stand in a mark, by id, and the text that they leave.
  std::vector<std::pair<int32_t, std::string>> shown;

  // The text of a token that is shown; null of all others.
  const std::string* text_of(int32_t token) const {
    const auto found = std::ranges::find(shown, token, [](const auto& one) { return one.first; });
    return found == shown.end() ? nullptr : &found->second;
  }
};

class Thoughts {
 public:
  Thoughts() = default;
  explicit Thoughts(const ThoughtMarks& marks)
      : state_(marks.close.empty() ? State::kOver : marks.opened ? State::kInside : State::kUndecided) {}

  bool inside() const { return state_ == State::kInside; }
  // Position behind the thoughts; 0 where there were none.
  size_t answer_from() const { return answer_from_; }

  // Takes note of what was added to the text.
  void follow(std::string_view text, const ThoughtMarks& marks) {
    if (state_ == State::kUndecided) decide(text, marks);
    if (state_ == State::kInside) seek_end(text, marks);
  }

 private:
  enum class State { kUndecided, kInside, kOver };

  void decide(std::string_view text, const ThoughtMarks& marks) {
    const size_t at = text.find_first_not_of(" \t\r\n");
    if (at == std::string_view::npos) return;
    const std::string_view begun = text.substr(at);
    bool may_open = false;
    for (const std::string& mark : marks.open) {
      if (begun.starts_with(mark)) {
        state_ = State::kInside;
        scanned_ = at + mark.size();
        return;
      }
      may_open = may_open || std::string_view(mark).starts_with(begun);
    }
    if (!may_open) state_ = State::kOver;
  }

  void seek_end(std::string_view text, const ThoughtMarks& marks) {
    size_t first = std::string_view::npos;
    size_t longest = 1;
    for (const std::string& mark : marks.close) {
      longest = std::max(longest, mark.size());
      const size_t at = text.find(mark, scanned_);
      if (at >= first) continue;
      first = at;
      answer_from_ = at + mark.size();
    }
    if (first != std::string_view::npos) {
      state_ = State::kOver;
    } else if (text.size() >= scanned_ + longest) {
      scanned_ = text.size() - longest + 1;
    }
  }

  State state_ = State::kOver;
  size_t scanned_ = 0;  // no closing mark begins before
  size_t answer_from_ = 0;
};

}  // namespace pgenrm
