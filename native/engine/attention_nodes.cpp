#include "engine/attention_nodes.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "core/attention.h"
#include "core/simd.h"

namespace pgenrm {

// The cells that rows see, of one mask, stream by stream, in groups of at most `most` rows.
struct AttentionNodes::Seen {
  const void* mask = nullptr;
  size_t most = 0;
  std::vector<AttentionRows> streams;
  std::vector<std::pair<uint32_t, uint32_t>> groups;  // of all streams: the stream, and the group's number in it
};

// An attention operation and what it was before it was taken.
struct AttentionNodes::Taken {
  ggml_tensor* node = nullptr;
  std::array<char, GGML_MAX_OP_PARAMS> params{};  // its own
  std::array<char, GGML_MAX_OP_PARAMS> custom{};  // of the custom operation, which point here
  const Seen* seen = nullptr;
  const std::vector<std::vector<float>>* scratch = nullptr;
  std::atomic<size_t> next{0};  // part of the work that no thread has begun
};

namespace {

// Rows that share what is converted of the cache; more gained nothing.
constexpr size_t ROWS_OF_A_GROUP = 16;
constexpr size_t ALIGNMENT = 64;

// A flash attention's own parameters, as ggml lays them out.
struct Params {
  float scale, alibi, cap;
  explicit Params(const void* params) { std::memcpy(this, params, sizeof *this); }
};

size_t heads_per_kv(const ggml_tensor* node) { return static_cast<size_t>(node->src[0]->ne[2] / node->src[1]->ne[2]); }

AttentionLayer layer_of(const ggml_tensor* node, float scale, int64_t stream) {
  const ggml_tensor &q = *node->src[0], &k = *node->src[1], &v = *node->src[2];
  // Streams of queries that share one of keys follow on each other.
  const auto begins = [&](const ggml_tensor& t) {
    return static_cast<char*>(t.data) + stream / (q.ne[3] / t.ne[3]) * static_cast<int64_t>(t.nb[3]);
  };
  constexpr size_t F32 = sizeof(float), F16 = sizeof(uint16_t);
  return {reinterpret_cast<const float*>(begins(q)),
          q.nb[1] / F32,
          q.nb[2] / F32,
          reinterpret_cast<const uint16_t*>(begins(k)),
          k.nb[1] / F16,
          k.nb[2] / F16,
          reinterpret_cast<const uint16_t*>(begins(v)),
          v.nb[1] / F16,
          v.nb[2] / F16,
          reinterpret_cast<float*>(begins(*node)),
          node->nb[2] / F32,
          node->nb[1] / F32,
          static_cast<size_t>(k.ne[0]),
          static_cast<size_t>(v.ne[0]),
          heads_per_kv(node),
          scale};
}

bool can_be_taken(const ggml_tensor* node) {
  const ggml_tensor *q = node->src[0], *k = node->src[1], *v = node->src[2], *mask = node->src[3], *sinks = node->src[4];
  const auto is = [](const ggml_tensor* t, ggml_type type, size_t size) { return t->type == type && t->nb[0] == size; };
  const auto whole = [](int64_t n) { return n % static_cast<int64_t>(ATTENTION_STEP) == 0; };
  const Params params(node->op_params);
  // The mask has to be there before the graph is computed, and to say no more than which cells a row sees.
  return params.alibi == 0.0f && params.cap == 0.0f && !sinks && mask && mask->op == GGML_OP_NONE &&
         is(mask, GGML_TYPE_F16, sizeof(uint16_t)) && mask->ne[2] == 1 && mask->ne[3] == q->ne[3] &&
         is(q, GGML_TYPE_F32, sizeof(float)) && is(k, GGML_TYPE_F16, sizeof(uint16_t)) &&
         is(v, GGML_TYPE_F16, sizeof(uint16_t)) && is(node, GGML_TYPE_F32, sizeof(float)) && whole(k->ne[0]) &&
         whole(v->ne[0]) && k->ne[2] == v->ne[2] && q->ne[2] % k->ne[2] == 0 && q->ne[3] % k->ne[3] == 0 &&
         q->ne[3] % v->ne[3] == 0 && heads_per_kv(node) <= ATTENTION_QUERIES;
}

// Rows of a group: fewer where threads would be without one.
size_t most_rows(const ggml_tensor* node, int n_threads) {
  const ggml_tensor &q = *node->src[0], &k = *node->src[1];
  size_t most = std::clamp<size_t>(ATTENTION_QUERIES / heads_per_kv(node), 1, ROWS_OF_A_GROUP);
  const auto units = [&](size_t rows) {
    return static_cast<size_t>(q.ne[3] * k.ne[2]) * ((static_cast<size_t>(q.ne[1]) + rows - 1) / rows);
  };
  while (most > 1 && n_threads > 1 && units(most) < 2 * static_cast<size_t>(n_threads)) most /= 2;
  return most;
}

// On each of several threads at once. They take groups of rows and heads as they come free, for rows see more or fewer cells.
void attend(ggml_tensor* node, int thread, int, void* data) {
  auto& taken = *static_cast<AttentionNodes::Taken*>(data);
  const AttentionNodes::Seen& seen = *taken.seen;
  const float scale = Params(taken.params.data()).scale;
  auto scratch = reinterpret_cast<uintptr_t>((*taken.scratch)[static_cast<size_t>(thread)].data());
  scratch = (scratch + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  const auto n_heads = static_cast<size_t>(node->src[1]->ne[2]);
  for (size_t i; (i = taken.next.fetch_add(1, std::memory_order_relaxed)) < seen.groups.size() * n_heads;) {
    const auto [stream, group] = seen.groups[i / n_heads];
    simd().attend(layer_of(node, scale, stream), seen.streams[stream].group(group), i % n_heads,
                  reinterpret_cast<float*>(scratch));
  }
}

}  // namespace

AttentionNodes::AttentionNodes(const Library& library) : library_(library) {}
AttentionNodes::~AttentionNodes() = default;

void AttentionNodes::take(ggml_cgraph* graph, int n_threads, int64_t* n_taken, int64_t* n_left) {
  n_taken_ = n_seen_ = 0;
  scratch_.resize(std::max(scratch_.size(), static_cast<size_t>(n_threads)));
  for (int i = 0; i < library_.ggml_graph_n_nodes(graph); ++i) {
    ggml_tensor* node = library_.ggml_graph_node(graph, i);
    if (node->op != GGML_OP_FLASH_ATTN_EXT) continue;
    if (!can_be_taken(node)) {
      *n_left += 1;
      continue;
    }
    Taken& taken = slot(n_taken_++);
    taken.node = node;
    taken.seen = &seen_by(node, n_threads);
    taken.next = 0;
    std::memcpy(taken.params.data(), node->op_params, taken.params.size());
    const size_t n = attention_scratch(layer_of(node, 1.0f, 0), taken.seen->most) + ALIGNMENT / sizeof(float);
    for (std::vector<float>& scratch : scratch_) {
      if (scratch.size() < n) scratch.resize(n);
    }
    node->op = GGML_OP_CUSTOM;
    std::memcpy(node->op_params, taken.custom.data(), taken.custom.size());
  }
  *n_taken += static_cast<int64_t>(n_taken_);
}

void AttentionNodes::give_back() {
  for (size_t i = 0; i < n_taken_; ++i) {
    taken_[i]->node->op = GGML_OP_FLASH_ATTN_EXT;
    std::memcpy(taken_[i]->node->op_params, taken_[i]->params.data(), taken_[i]->params.size());
  }
  n_taken_ = 0;
}

AttentionNodes::Taken& AttentionNodes::slot(size_t i) {
  if (i < taken_.size()) return *taken_[i];
  taken_.push_back(std::make_unique<Taken>());
  Taken& slot = *taken_.back();
  slot.scratch = &scratch_;
  // How a custom operation keeps its function is llama.cpp's affair: one is made to be copied.
  ggml_context* context = library_.ggml_init({library_.ggml_tensor_overhead() * 2, nullptr, true});
  const ggml_tensor* custom =
      library_.ggml_custom_4d(context, GGML_TYPE_F32, 1, 1, 1, 1, nullptr, 0, attend, GGML_N_TASKS_MAX, &slot);
  std::memcpy(slot.custom.data(), custom->op_params, slot.custom.size());
  library_.ggml_free(context);
  return slot;
}

const AttentionNodes::Seen& AttentionNodes::seen_by(const ggml_tensor* node, int n_threads) {
  const ggml_tensor &q = *node->src[0], &k = *node->src[1], &mask = *node->src[3];
  const size_t most = most_rows(node, n_threads);
  for (size_t i = 0; i < n_seen_; ++i) {
    if (seen_[i]->mask == mask.data && seen_[i]->most == most) return *seen_[i];
  }
  if (n_seen_ == seen_.size()) seen_.push_back(std::make_unique<Seen>());
  Seen& seen = *seen_[n_seen_++];
  seen.mask = mask.data;
  seen.most = most;
  seen.streams.resize(static_cast<size_t>(mask.ne[3]));
  seen.groups.clear();
  for (size_t s = 0; s < seen.streams.size(); ++s) {
    const auto* rows = reinterpret_cast<const uint16_t*>(static_cast<const char*>(mask.data) + s * mask.nb[3]);
    seen.streams[s].read(rows, mask.nb[1] / sizeof(uint16_t), static_cast<size_t>(q.ne[1]), static_cast<size_t>(k.ne[1]),
                         most);
    for (size_t g = 0; g < seen.streams[s].n_groups(); ++g) {
      seen.groups.emplace_back(s, g);
      for (const AttentionPart& part : seen.streams[s].group(g).parts) n_cells_read_ += static_cast<int64_t>(part.cells.size());
    }
  }
  return seen;
}

}  // namespace pgenrm
