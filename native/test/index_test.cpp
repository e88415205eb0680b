// The vector index: built by several threads, asked and changed at once, saved, and read back from damaged files.
// One argument: how many damaged files of each kind, beside one for each byte; 0 leaves those out.
#include <atomic>
#include <cmath>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "core/byte_stream.h"
#include "core/vector_index.h"
#include "test/expect.h"
#include "test/made_vectors.h"

namespace {

using namespace pgenrm;
using namespace pgenrm::test;

struct Kind {
  Metric metric;
  Storage storage;
  bool quantized;
};

const Kind KINDS[] = {
    {Metric::cosine, Storage::f32, true},  {Metric::cosine, Storage::f32, false}, {Metric::cosine, Storage::f16, false},
    {Metric::cosine, Storage::int8, false}, {Metric::l2, Storage::f32, true},      {Metric::l2, Storage::f32, false},
    {Metric::l2, Storage::f16, false},      {Metric::l2, Storage::int8, false},
};

struct Answer {
  std::vector<uint32_t> labels;
  std::vector<float> distances;
  bool operator==(const Answer&) const = default;
};

SearchParams asked(size_t k, size_t effort, bool exact, uint32_t threads) {
  return {k, effort, exact, threads, nullptr, 0, 0, nullptr, 0};
}

Answer search(const VectorIndex& index, std::vector<float> queries, const SearchParams& params) {
  const size_t n = queries.size() / index.params().dim;
  Answer answer{std::vector<uint32_t>(n * params.k), std::vector<float>(n * params.k)};
  EXPECT(index.search(queries.data(), n, params, answer.labels.data(), answer.distances.data()).ok());
  return answer;
}

std::vector<uint32_t> labels_from(uint32_t first, size_t n) {
  std::vector<uint32_t> labels(n);
  for (size_t i = 0; i < n; ++i) labels[i] = first + static_cast<uint32_t>(i);
  return labels;
}

std::vector<float> part(const std::vector<float>& rows, size_t dim, size_t begin, size_t end) {
  return {rows.begin() + static_cast<std::ptrdiff_t>(begin * dim), rows.begin() + static_cast<std::ptrdiff_t>(end * dim)};
}

void add(VectorIndex& index, uint32_t first, std::vector<float> rows, uint32_t threads) {
  const size_t n = rows.size() / index.params().dim;
  EXPECT(index.add(labels_from(first, n).data(), rows.data(), n, threads).ok());
}

// Each answer is sorted, names live labels once, and tells the distance to the vector that the index holds.
void expect_sound(const VectorIndex& index, const std::vector<float>& queries, const Answer& answer, size_t k) {
  const size_t dim = index.params().dim;
  std::vector<float> query(dim), stored(dim);
  for (size_t q = 0; q * dim < queries.size(); ++q) {
    query = part(queries, dim, q, q + 1);
    if (index.params().metric == Metric::cosine) normalise_row(query.data(), dim);
    std::set<uint32_t> seen;
    for (size_t i = q * k; i < (q + 1) * k; ++i) {
      if (i > q * k) EXPECT(answer.distances[i] >= answer.distances[i - 1]);
      if (answer.labels[i] == NO_LABEL) {
        EXPECT(std::isinf(answer.distances[i]));
        continue;
      }
      EXPECT(seen.insert(answer.labels[i]).second);
      EXPECT(index.vector(answer.labels[i], stored.data()));
      if (std::isinf(answer.distances[i])) continue;
      const double truth = slow_distance(index.params().metric, query.data(), stored.data(), dim);
      const double scale = slow_dot(query.data(), query.data(), dim) + slow_dot(stored.data(), stored.data(), dim);
      EXPECT(std::fabs(truth - answer.distances[i]) <= 1e-5 * std::max(1.0, scale));
    }
  }
}

double recall(const Answer& found, const Answer& truth, size_t k) {
  size_t hits = 0;
  for (size_t q = 0; q * k < truth.labels.size(); ++q) {
    const std::set<uint32_t> expected(&truth.labels[q * k], &truth.labels[q * k] + k);
    for (size_t i = q * k; i < (q + 1) * k; ++i) hits += expected.count(found.labels[i]);
  }
  return static_cast<double>(hits) / static_cast<double>(truth.labels.size());
}

void check_parallel_build(const Kind& kind) {
  const size_t dim = 20, n = 1200, n_queries = 40, k = 8;
  const std::vector<float> rows = clustered_rows(n, dim, 5), queries = clustered_rows(n_queries, dim, 5);
  VectorIndex index({kind.metric, kind.storage, dim, 8, 60, 7, kind.quantized});
  for (size_t begin = 0; begin < n; begin += n / 3) {
    add(index, static_cast<uint32_t>(begin), part(rows, dim, begin, begin + n / 3), 4);
  }
  EXPECT(index.size() == n && index.removed() == 0);
  const Answer one = search(index, queries, asked(k, 40, false, 1));
  EXPECT(one == search(index, queries, asked(k, 40, false, 4)));
  const Answer exact = search(index, queries, asked(k, 40, true, 4));
  expect_sound(index, queries, one, k);
  expect_sound(index, queries, exact, k);
  EXPECT(recall(one, exact, k) > 0.8);
  // So much effort that all are scanned by what is stored.
  const Answer scanned = search(index, queries, asked(k, 80, false, 4));
  EXPECT(scanned == search(index, queries, asked(k, 80, false, 1)));
  expect_sound(index, queries, scanned, k);
  EXPECT(recall(scanned, exact, k) >= 0.98);
}

void check_filters(const Kind& kind) {
  const size_t dim = 12, n = 900, n_queries = 30, k = 6;
  const std::vector<float> queries = clustered_rows(n_queries, dim, 9);
  VectorIndex index({kind.metric, kind.storage, dim, 8, 60, 7, kind.quantized});
  add(index, 0, clustered_rows(n, dim, 9), 4);
  std::vector<uint8_t> allow(n / 8, 0xaa);
  const uint32_t exclude[] = {1, 5, 7, 101};
  const uint32_t removed[] = {3, 9, 11};
  EXPECT(index.remove(removed, 3).ok() && !index.has(3) && index.removed() == 3);
  for (const bool exact : {false, true}) {
    const SearchParams params{k, 20, exact, 3, allow.data(), allow.size(), 0, exclude, 4};
    const Answer found = search(index, queries, params);
    expect_sound(index, queries, found, k);
    for (const uint32_t label : found.labels) {
      EXPECT(label != NO_LABEL && label % 2 == 1 && label < n / 8 * 8);
      EXPECT(std::find(exclude, exclude + 4, label) == exclude + 4);
    }
  }
  EXPECT(index.remove(removed, 1).code == Code::unknown_label);
}

// Readers and writers of one index at once: each answer belongs to one moment of it.
void check_concurrent(const Kind& kind) {
  const size_t dim = 8, n = 200, k = 4;
  const std::vector<float> rows = clustered_rows(2 * n, dim, 3), queries = clustered_rows(6, dim, 3);
  VectorIndex index({kind.metric, kind.storage, dim, 6, 30, 7, kind.quantized});
  add(index, 0, part(rows, dim, 0, n), 2);
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&, t] {
      std::vector<float> vector(dim);
      while (!done) {
        const Answer found = search(index, queries, asked(k, 10, t == 1, 2));
        for (const uint32_t label : found.labels) EXPECT(label < 2 * n);
        EXPECT(index.size() >= n - 20 && index.memory_bytes() > 0);
        EXPECT(index.has(100) && index.vector(100, vector.data()));
        MemorySink sink;
        if (t == 2) EXPECT(index.save(sink).ok());
      }
    });
  }
  for (size_t begin = n; begin < 2 * n; begin += 10) {
    add(index, static_cast<uint32_t>(begin), part(rows, dim, begin, begin + 10), 3);
    const auto gone = static_cast<uint32_t>((begin - n) / 10);
    EXPECT(index.remove(&gone, 1).ok());
  }
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT(index.size() == 2 * n - 20 && index.removed() == 20);
}

std::vector<uint8_t> small_file(const Kind& kind, size_t dim) {
  const size_t n = 30;
  VectorIndex index({kind.metric, kind.storage, dim, 3, 20, 7, kind.quantized});
  add(index, 40, clustered_rows(n, dim, 11), 1);
  const uint32_t removed[] = {41, 60};
  EXPECT(index.remove(removed, 2).ok());
  MemorySink sink;
  EXPECT(index.save(sink).ok());
  return sink.bytes;
}

// What a damaged file gives: a status, or an index that answers soundly of what it holds.
bool open_damaged(const std::vector<uint8_t>& bytes, const Kind& kind, size_t dim) {
  // A copy of just this length: reading past its end is seen.
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  MemorySource source(exact.data(), exact.size());
  std::unique_ptr<VectorIndex> index;
  const Status status = VectorIndex::load(source, kind.metric, dim, kind.quantized, index);
  EXPECT(status.ok() == (index != nullptr));
  if (!status.ok()) return false;
  const std::vector<float> queries = clustered_rows(3, dim, 11);
  for (const bool exhaustive : {false, true}) {
    expect_sound(*index, queries, search(*index, queries, asked(5, 6, exhaustive, 1)), 5);
  }
  const uint32_t fresh = 7'000'000;
  if (!index->has(fresh)) {
    add(*index, fresh, part(queries, dim, 0, 1), 1);
    EXPECT(index->has(fresh));
  }
  MemorySink again;
  EXPECT(index->save(again).ok());
  return true;
}

void check_damaged(const Kind& kind, uint32_t n_random) {
  const size_t dim = 6;
  const std::vector<uint8_t> whole = small_file(kind, dim);
  EXPECT(open_damaged(whole, kind, dim));
  for (size_t at = 0; at < whole.size(); ++at) {
    auto bytes = whole;
    bytes[at] ^= static_cast<uint8_t>(1u << (at % 8));
    open_damaged(bytes, kind, dim);
    bytes = whole;
    bytes.resize(at);
    EXPECT(!open_damaged(bytes, kind, dim));
  }
  Xoshiro128 random(static_cast<uint32_t>(kind.storage) + 5, 13);
  for (uint32_t round = 0; round < n_random; ++round) {
    auto bytes = whole;
    const auto size = static_cast<uint32_t>(bytes.size());
    for (uint32_t i = 0; i <= random.below(4); ++i) bytes[random.below(size)] = static_cast<uint8_t>(random.next());
    const uint32_t from = random.below(size), to = random.below(size), n = random.below(24);
    switch (random.below(4)) {
      case 0: bytes.resize(from); break;
      case 1: bytes.resize(size + n, static_cast<uint8_t>(random.next())); break;
      case 2:
        for (uint32_t i = 0; i < n && from + i < size && to + i < size; ++i) bytes[to + i] = whole[from + i];
        break;
      default: break;
    }
    open_damaged(bytes, kind, dim);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto n_random = static_cast<uint32_t>(argc > 1 ? std::atoi(argv[1]) : 200);
  for (const Kind& kind : KINDS) {
    check_parallel_build(kind);
    check_filters(kind);
    check_concurrent(kind);
    if (n_random > 0) check_damaged(kind, n_random);
  }
  std::printf("vector index: %zu kinds, %u damaged files of each\n", std::size(KINDS), n_random);
}
