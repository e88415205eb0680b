// Attention against a plain reference: random shapes, masks and groups of rows, on every set of instructions that runs here.
//   attention_test [runs] [seed]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "core/attention.h"
#include "core/simd.h"
#include "expect.h"

namespace pgenrm {
namespace {

using Random = std::mt19937;

size_t between(Random& random, size_t low, size_t high) { return std::uniform_int_distribution<size_t>(low, high)(random); }

constexpr uint16_t NOTHING = 0xfc00;  // -inf

struct Case {
  size_t n_rows, n_cells, stride, heads_per_kv, kv_heads, dim, value_dim;
  std::vector<uint16_t> mask;  // [n_rows x stride]
  bool sees(size_t row, size_t cell) const { return mask[row * stride + cell] == 0; }
};

// Prompts that several rows see, cells of single rows, rows one after the other of one text, rows that see nothing.
Case made_up(Random& random) {
  Case c;
  c.n_rows = between(random, 1, 40);
  c.n_cells = between(random, 1, 400);
  c.stride = c.n_cells + between(random, 0, 3);
  c.heads_per_kv = between(random, 1, 5);
  c.kv_heads = between(random, 1, 3);
  c.dim = ATTENTION_STEP * between(random, 1, 9);
  c.value_dim = between(random, 0, 1) ? c.dim : ATTENTION_STEP * between(random, 1, 9);
  c.mask.assign(c.n_rows * c.stride, NOTHING);
  for (size_t r = 0; r < c.n_rows;) {
    const size_t together = std::min(between(random, 1, 20), c.n_rows - r);
    const size_t first = between(random, 0, c.n_cells - 1), last = between(random, first, c.n_cells);
    const size_t kind = between(random, 0, 3);
    for (size_t i = 0; i < together; ++i, ++r) {
      uint16_t* row = c.mask.data() + r * c.stride;
      if (kind == 0) continue;
      for (size_t cell = first; cell < last; ++cell) row[cell] = 0;
      if (kind == 1) {
        for (size_t cell = last; cell < std::min(last + i, c.n_cells); ++cell) row[cell] = 0;
      }
      if (kind == 2) {
        for (size_t k = between(random, 0, 80); k-- > 0;) row[between(random, 0, c.n_cells - 1)] = 0;
      }
    }
  }
  return c;
}

// Every row belongs to one group, in order; the parts that are its have the cells that it sees, each once. Parts of several
// rows differ in their rows, so that nothing which rows see together is listed twice, but a little.
void check_rows(const Case& c, const AttentionRows& rows, size_t most) {
  size_t next = 0;
  for (size_t g = 0; g < rows.n_groups(); ++g) {
    const AttentionGroup group = rows.group(g);
    EXPECT(group.first_row == next && group.n_rows == std::min(most, c.n_rows - next));
    next += group.n_rows;
    std::set<uint64_t> kinds;
    for (const AttentionPart& part : group.parts) {
      EXPECT(!part.cells.empty() && part.rows != 0 && (group.n_rows == 64 || part.rows >> group.n_rows == 0));
      EXPECT(kinds.insert(part.rows).second);
    }
    for (size_t i = 0; i < group.n_rows; ++i) {
      std::set<uint32_t> listed;
      size_t n_listed = 0;
      for (const AttentionPart& part : group.parts) {
        if (!(part.rows >> i & 1)) continue;
        listed.insert(part.cells.begin(), part.cells.end());
        n_listed += part.cells.size();
      }
      EXPECT(listed.size() == n_listed);
      size_t seen = 0;
      for (uint32_t cell = 0; cell < c.n_cells; ++cell) {
        if (!c.sees(group.first_row + i, cell)) continue;
        seen += 1;
        EXPECT(listed.count(cell) == 1);
      }
      EXPECT(seen == listed.size());
    }
  }
  EXPECT(next == c.n_rows);
}

// Two prompts with one beginning, three samples of one of them and two of the other one, a row of something else between
// them: each stretch is listed once, for the rows that see it.
void check_tree() {
  constexpr size_t CELLS = 1000;
  const auto row = [](std::vector<std::pair<size_t, size_t>> stretches) {
    std::vector<uint16_t> mask(CELLS, NOTHING);
    for (const auto& [from, to] : stretches) std::fill(mask.begin() + static_cast<ptrdiff_t>(from), mask.begin() + static_cast<ptrdiff_t>(to), uint16_t{0});
    return mask;
  };
  std::vector<uint16_t> mask;
  for (const auto& one : {row({{0, 100}, {100, 300}, {500, 503}}), row({{0, 100}, {100, 300}, {503, 506}}), row({{600, 990}}),
                          row({{0, 100}, {300, 450}, {506, 509}}), row({{0, 100}, {300, 450}}), row({{0, 100}, {100, 300}})}) {
    mask.insert(mask.end(), one.begin(), one.end());
  }
  AttentionRows rows;
  rows.read(mask.data(), CELLS, 6, CELLS, 16);
  EXPECT(rows.n_groups() == 1);
  std::map<uint64_t, size_t> sizes;
  for (const AttentionPart& part : rows.group(0).parts) sizes[part.rows] = part.cells.size();
  EXPECT((sizes == std::map<uint64_t, size_t>{{0b111011, 100}, {0b100011, 200}, {0b011000, 150}, {0b000001, 3}, {0b000010, 3}, {0b000100, 390}, {0b001000, 3}}));
}

struct Numbers {
  std::vector<float> queries, out;
  std::vector<uint16_t> keys, values;
};

Numbers made_up(const Case& c, Random& random) {
  std::normal_distribution<float> normal;
  Numbers n;
  const size_t heads = c.heads_per_kv * c.kv_heads;
  n.queries.resize(c.n_rows * heads * c.dim);
  for (float& x : n.queries) x = normal(random);
  n.keys.resize(c.n_cells * c.kv_heads * c.dim);
  n.values.resize(c.n_cells * c.kv_heads * c.value_dim);
  for (uint16_t& x : n.keys) x = f32_to_f16(normal(random));
  for (uint16_t& x : n.values) x = f32_to_f16(normal(random));
  // What no row sees must not be read as a number.
  for (size_t cell = 0; cell < c.n_cells; ++cell) {
    bool seen = false;
    for (size_t r = 0; r < c.n_rows; ++r) seen = seen || c.sees(r, cell);
    if (seen) continue;
    std::fill_n(n.keys.begin() + static_cast<ptrdiff_t>(cell * c.kv_heads * c.dim), c.kv_heads * c.dim, uint16_t{0x7e00});
    std::fill_n(n.values.begin() + static_cast<ptrdiff_t>(cell * c.kv_heads * c.value_dim), c.kv_heads * c.value_dim, uint16_t{0x7e00});
  }
  n.out.assign(c.n_rows * heads * c.value_dim, NAN);
  return n;
}

double worst_error(const Case& c, const Numbers& n, float scale) {
  const size_t heads = c.heads_per_kv * c.kv_heads;
  double worst = 0;
  std::vector<double> products(c.n_cells), sum(c.value_dim);
  for (size_t r = 0; r < c.n_rows; ++r) {
    for (size_t h = 0; h < heads; ++h) {
      const size_t kv = h / c.heads_per_kv;
      double greatest = -INFINITY, weight = 0;
      for (size_t cell = 0; cell < c.n_cells; ++cell) {
        if (!c.sees(r, cell)) continue;
        double product = 0;
        for (size_t d = 0; d < c.dim; ++d) {
          product += static_cast<double>(n.queries[(r * heads + h) * c.dim + d]) * f16_to_f32(n.keys[(cell * c.kv_heads + kv) * c.dim + d]);
        }
        products[cell] = product * scale;
        greatest = std::max(greatest, products[cell]);
      }
      std::ranges::fill(sum, 0.0);
      for (size_t cell = 0; cell < c.n_cells; ++cell) {
        if (!c.sees(r, cell)) continue;
        const double w = std::exp(products[cell] - greatest);
        weight += w;
        for (size_t d = 0; d < c.value_dim; ++d) sum[d] += w * f16_to_f32(n.values[(cell * c.kv_heads + kv) * c.value_dim + d]);
      }
      for (size_t d = 0; d < c.value_dim; ++d) {
        const double exact = weight > 0 ? sum[d] / weight : 0.0;
        const double error = std::abs(exact - n.out[(r * heads + h) * c.value_dim + d]);
        worst = std::isnan(error) ? INFINITY : std::max(worst, error);
      }
    }
  }
  return worst;
}

void check(Random& random, double* worst) {
  const Case c = made_up(random);
  const size_t most = between(random, 1, std::min<size_t>(20, ATTENTION_QUERIES / c.heads_per_kv));
  AttentionRows rows;
  rows.read(c.mask.data(), c.stride, c.n_rows, c.n_cells, most);
  check_rows(c, rows, most);
  // Read again in smaller: nothing is left of the first time.
  rows.read(c.mask.data(), c.stride, c.n_rows, c.n_cells, 1);
  check_rows(c, rows, 1);
  rows.read(c.mask.data(), c.stride, c.n_rows, c.n_cells, most);
  const size_t heads = c.heads_per_kv * c.kv_heads;
  const float scale = between(random, 0, 1) ? 1.0f / std::sqrt(static_cast<float>(c.dim)) : 3.0f;
  for (const SimdKernels* set : {simd_avx512(), simd_avx2(), simd_neon()}) {
    if (!set) continue;
    Numbers n = made_up(c, random);
    const AttentionLayer layer{n.queries.data(), heads * c.dim, c.dim, n.keys.data(), c.kv_heads * c.dim, c.dim,
                               n.values.data(), c.kv_heads * c.value_dim, c.value_dim, n.out.data(), heads * c.value_dim,
                               c.value_dim, c.dim, c.value_dim, c.heads_per_kv, scale};
    // Just as much as is asked for, so that a sanitizer sees what is beyond.
    const size_t n_scratch = attention_scratch(layer, most);
    float* scratch = static_cast<float*>(std::aligned_alloc(64, (n_scratch * sizeof(float) + 63) / 64 * 64));
    for (size_t g = 0; g < rows.n_groups(); ++g) {
      for (size_t h = 0; h < c.kv_heads; ++h) set->attend(layer, rows.group(g), h, scratch);
    }
    std::free(scratch);
    const double error = worst_error(c, n, scale);
    *worst = std::max(*worst, error);
    if (!(error < 1e-4)) std::printf("%s: error %g, %zu rows, %zu cells, dim %zu\n", set->name, error, c.n_rows, c.n_cells, c.dim);
    EXPECT(error < 1e-4);
  }
}

}  // namespace
}  // namespace pgenrm

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 200;
  pgenrm::Random random(argc > 2 ? static_cast<uint32_t>(std::atoi(argv[2])) : 1u);
  pgenrm::check_tree();
  double worst = 0;
  for (int i = 0; i < runs; ++i) pgenrm::check(random, &worst);
  std::printf("attention: %d cases, worst error %.2g\n", runs, worst);
  return 0;
}
