#include "engine/token_joins.h"

#include <algorithm>

namespace pgenrm {
namespace {

// Tokens before a text that are looked at: a tokenizer joins letters to words, and a word has few tokens.
constexpr size_t kWindow = 8;
constexpr size_t kMostSpelled = 1 << 14;

size_t common_length(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

bool is_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const size_t n = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
    if (n == 0 || at + n > text.size()) return false;
    uint32_t value = n == 1 ? lead : lead & (0x7FU >> n);
    for (size_t i = 1; i < n; ++i) {
      const auto next = static_cast<unsigned char>(text[at + i]);
      if ((next & 0xC0) != 0x80) return false;
      value = (value << 6) | (next & 0x3FU);
    }
    constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < kLeast[n] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return false;
    at += n;
  }
  return true;
}

}  // namespace

const std::string& TokenJoins::piece(int32_t token) {
  if (pieces_.empty()) {
    pieces_.reserve(static_cast<size_t>(vocabulary_.n_vocab()));
    for (int32_t t = 0; t < vocabulary_.n_vocab(); ++t) pieces_.push_back(vocabulary_.piece(t));
  }
  return pieces_[static_cast<size_t>(token)];
}

const std::vector<int32_t>* TokenJoins::spell(std::string_view text) {
  std::string key(text);
  auto found = spelled_.find(key);
  if (found == spelled_.end()) {
    adds_space();
    if (spelled_.size() >= kMostSpelled) spelled_.clear();
    std::optional<std::vector<int32_t>> tokens;
    if (is_utf8(text)) tokens = tokenize(text);
    found = spelled_.emplace(std::move(key), std::move(tokens)).first;
  }
  return found->second ? &*found->second : nullptr;
}

std::optional<TokenJoin> TokenJoins::join(std::span<const int32_t> before, std::string_view text) {
  std::string around;
  for (size_t n = std::min(before.size(), kWindow); n > 0; --n) {
    const auto window = before.last(n);
    around.clear();
    for (const int32_t token : window) around += piece(token);
    const std::vector<int32_t>* own = spell(around);
    if (!own || !std::ranges::equal(*own, window)) continue;
    const std::vector<int32_t>* whole = spell(around.append(text));
    if (!whole) continue;
    const size_t n_same = common_length(window, *whole);
    return TokenJoin{static_cast<int32_t>(before.size() - n + n_same),
                     {whole->begin() + static_cast<ptrdiff_t>(n_same), whole->end()}};
  }
  const std::vector<int32_t>* alone = spell(text);
  if (!alone) return std::nullopt;
  return TokenJoin{static_cast<int32_t>(before.size()), *alone, before.empty()};
}

bool TokenJoins::would_join(int32_t token, std::string_view text) {
  const std::string& before = piece(token);
  if (before.empty()) return false;
  const std::optional<TokenJoin> join = this->join({&token, 1}, text);
  return join && (join->n_kept == 0 || !join->joined);
}

// A tokenizer that puts a space before every text is given one that ends in a place where it joins nothing.
std::optional<std::vector<int32_t>> TokenJoins::tokenize(std::string_view text) const {
  if (!*adds_space_) {
    std::vector<int32_t> tokens = vocabulary_.tokenize(text);
    if (!writes(tokens, text)) return std::nullopt;
    return tokens;
  }
  for (const char* anchor : {"\n", ".", "a"}) {
    const std::vector<int32_t> before = vocabulary_.tokenize(anchor);
    std::vector<int32_t> whole = vocabulary_.tokenize(std::string(anchor).append(text));
    if (common_length(before, whole) < before.size()) continue;
    whole.erase(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(before.size()));
    if (writes(whole, text)) return whole;
  }
  return std::nullopt;
}

bool TokenJoins::writes(std::span<const int32_t> tokens, std::string_view text) const {
  size_t at = 0;
  for (const int32_t token : tokens) {
    const std::string& written = pieces_[static_cast<size_t>(token)];
    if (text.compare(at, written.size(), written) != 0) return false;
    at += written.size();
  }
  return at == text.size();
}

bool TokenJoins::adds_space() {
  if (!adds_space_) {
    std::string written;
    for (const int32_t token : vocabulary_.tokenize("a")) written += piece(token);
    piece(0);
    adds_space_ = written.size() > 1 && written[0] == ' ';
  }
  return *adds_space_;
}

}  // namespace pgenrm
