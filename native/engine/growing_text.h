// The text of a sample while it grows: stop strings are found and cut off, and what can no longer change is told apart
// from what may still be the beginning of a stop string or of a UTF-8 character. Bytes; knows no tokens.
#pragma once

#include <algorithm>
#include <span>
#include <string>

namespace pgenrm {

class GrowingText {
 public:
  const std::string& text() const { return text_; }
  std::string take() { return std::move(text_); }

  // Adds a piece; true where it completed a stop string, which is then cut off with all that follows it.
  bool append(const std::string& piece, std::span<const std::string> stops) {
    const size_t n_before = text_.size();
    add(piece);
    return cut_at_stop(stops, n_before, 0);
  }

  void add(const std::string& piece) { text_ += piece; }

  // Whether a stop string ends behind `n_before` and begins at `from_least` or later; it is then cut off with all that follows it.
  bool cut_at_stop(std::span<const std::string> stops, size_t n_before, size_t from_least) {
    size_t cut = std::string::npos;
    for (const std::string& stop : stops) {
      const size_t from = n_before >= stop.size() ? n_before - stop.size() + 1 : 0;
      cut = std::min(cut, text_.find(stop, std::max(from, from_least)));
    }
    if (cut == std::string::npos) return false;
    text_.resize(cut);
    return true;
  }

  // Drops the beginning of a character at the end.
  void cut_to_characters() { text_.resize(complete_characters(text_.size())); }

  // What was not handed out yet and cannot change any more; with `last` all of the rest.
  std::string take_settled(std::span<const std::string> stops, bool last) {
    size_t end = text_.size();
    if (!last) {
      size_t held = 0;
      for (const std::string& stop : stops) held = std::max(held, longest_beginning(stop));
      end = complete_characters(end - held);
    }
    if (end <= n_handed_out_) return {};
    std::string settled = text_.substr(n_handed_out_, end - n_handed_out_);
    n_handed_out_ = end;
    return settled;
  }

 private:
  // Length of the longest end of the text that a stop string begins with.
  size_t longest_beginning(const std::string& stop) const {
    for (size_t n = std::min(stop.size() - 1, text_.size()); n > 0; --n) {
      if (text_.compare(text_.size() - n, n, stop, 0, n) == 0) return n;
    }
    return 0;
  }

  // `end`, or the start of the character that [0, end) breaks off in.
  size_t complete_characters(size_t end) const {
    for (size_t back = 1; back <= 3 && back <= end; ++back) {
      const auto byte = static_cast<unsigned char>(text_[end - back]);
      if ((byte & 0xC0) == 0x80) continue;
      const size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
      return length > back ? end - back : end;
    }
    return end;
  }

  std::string text_;
  size_t n_handed_out_ = 0;
};

}  // namespace pgenrm
