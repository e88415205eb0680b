// A Decoder without a model: it keeps every cell, checks every call, and its logits depend on the whole sequence.
// What it checks fails the test at once.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/decoder.h"

#define EXPECT(condition)                                                              \
  do {                                                                                 \
    if (!(condition)) {                                                                \
      std::fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition);    \
      std::abort();                                                                    \
    }                                                                                  \
  } while (false)

namespace pgenrm::test {

constexpr int32_t kVocabulary = 24;
constexpr int32_t kEndToken = 23;

// Logits after a sequence of tokens: a pure function of all of them. [kVocabulary]
inline std::vector<float> mock_logits(const std::vector<int32_t>& tokens) {
  uint64_t hash = 1469598103934665603ULL;
  for (const int32_t token : tokens) hash = (hash ^ static_cast<uint64_t>(token + 1)) * 1099511628211ULL;
  std::vector<float> logits(kVocabulary);
  for (int32_t i = 0; i < kVocabulary; ++i) {
    const uint64_t mixed = (hash ^ (static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15ULL)) * 0xff51afd7ed558ccdULL;
    logits[static_cast<size_t>(i)] = static_cast<float>((mixed >> 33) % 1000) / 250.0f;
  }
  return logits;
}

inline std::string mock_piece(int32_t token) { return std::string(1, static_cast<char>('a' + token)); }

class MockDecoder : public Decoder {
 public:
  explicit MockDecoder(const DecoderLimits& limits)
      : limits_(limits), sequences_(static_cast<size_t>(limits.n_sequences)) {}

  const DecoderLimits& limits() const override { return limits_; }

  void use_threads(int32_t n) override { EXPECT(n >= 1); }
  int64_t n_cells_read() const override { return n_read; }

  DecodeStatus decode(std::span<const DecodeRow> rows) override {
    EXPECT(!rows.empty());
    EXPECT(static_cast<int32_t>(rows.size()) <= limits_.n_batch);
    if (fail_next != DecodeStatus::kOk) {
      const DecodeStatus status = fail_next;
      fail_next = DecodeStatus::kOk;
      return status;
    }
    if (n_cells_used() + static_cast<int32_t>(rows.size()) > limits_.n_cells) return DecodeStatus::kNoSlot;
    outputs_.clear();
    EXPECT(std::ranges::count_if(rows, &DecodeRow::wants_logits) <= limits_.n_sequences);
    n_calls += 1;
    n_read += static_cast<int64_t>(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      auto& sequence = sequences_.at(static_cast<size_t>(rows[i].sequence));
      EXPECT(rows[i].position == static_cast<int32_t>(sequence.size()));
      const int64_t cell = next_cell_++;
      cells_[cell] = {rows[i].token, 1};
      sequence.push_back(cell);
      if (rows[i].wants_logits) outputs_[static_cast<int32_t>(i)] = mock_logits(tokens_of(rows[i].sequence));
    }
    n_rows += static_cast<int64_t>(rows.size());
    batch_sizes.push_back(static_cast<int32_t>(rows.size()));
    return DecodeStatus::kOk;
  }

  const float* logits(int32_t row) override {
    EXPECT(outputs_.count(row) == 1);
    return outputs_[row].data();
  }

  void sequence_remove(int32_t sequence, int32_t from) override {
    auto& cells = sequences_.at(static_cast<size_t>(sequence));
    while (static_cast<int32_t>(cells.size()) > from) {
      drop(cells.back());
      cells.pop_back();
    }
  }

  void sequence_copy(int32_t source, int32_t target, int32_t to) override {
    EXPECT(source != target);
    const auto& from = sequences_.at(static_cast<size_t>(source));
    auto& into = sequences_.at(static_cast<size_t>(target));
    EXPECT(into.empty());
    EXPECT(to <= static_cast<int32_t>(from.size()));
    into.assign(from.begin(), from.begin() + to);
    for (const int64_t cell : into) cells_[cell].n_users += 1;
  }

  std::string piece(int32_t token) const override { return token == kEndToken ? "" : mock_piece(token); }
  std::vector<int32_t> tokenize(std::string_view text) const override {
    std::vector<int32_t> tokens;
    for (const char letter : text) tokens.push_back(letter - 'a');
    return tokens;
  }
  bool is_end_of_generation(int32_t token) const override { return token == kEndToken; }

  int32_t n_cells_used() const { return static_cast<int32_t>(cells_.size()); }

  DecodeStatus fail_next = DecodeStatus::kOk;
  int64_t n_rows = 0;
  int64_t n_calls = 0;
  int64_t n_read = 0;  // stands for cells that attention read: a row, a cell
  std::vector<int32_t> batch_sizes;  // rows of each call

 private:
  struct Cell {
    int32_t token;
    int32_t n_users;
  };

  std::vector<int32_t> tokens_of(int32_t sequence) const {
    std::vector<int32_t> tokens;
    for (const int64_t cell : sequences_[static_cast<size_t>(sequence)]) tokens.push_back(cells_.at(cell).token);
    return tokens;
  }

  void drop(int64_t cell) {
    if (--cells_.at(cell).n_users == 0) cells_.erase(cell);
  }

  DecoderLimits limits_;
  std::vector<std::vector<int64_t>> sequences_;  // cells by position
  std::map<int64_t, Cell> cells_;
  std::map<int32_t, std::vector<float>> outputs_;
  int64_t next_cell_ = 0;
};

}  // namespace pgenrm::test
