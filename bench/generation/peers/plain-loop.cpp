// The loop that one would write by hand on llama.h: decode a prompt once, share it among its samples, step them all,
// sample row by row. One process that takes orders on stdin and answers each with a line of JSON on stdout.
//   plain-loop MODEL THREADS CELLS SEQUENCES UBATCH unified|streams f16|bf16|f32|q8_0 auto|on|off GPU_LAYERS
//   group WAVE SAMPLES TOKEN...        a prompt and its number of samples; groups of one wave run together
//   clear                              forgets the groups
//   run TOKENS TEMPERATURE SEED        runs all waves in turn, each sample to exactly TOKENS tokens
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "ggml-backend.h"
#include "llama.h"

namespace {

struct Group {
  int n_samples;
  std::vector<llama_token> prompt;
};

struct Row {
  llama_seq_id sequence;
  llama_pos position;
  llama_token token;
  llama_sampler* sampler;
};

void fail(const std::string& message) {
  std::cerr << "plain-loop: " << message << std::endl;
  std::exit(1);
}

class Loop {
 public:
  Loop(int argc, char** argv) {
    if (argc != 10) {
      fail("usage: plain-loop MODEL THREADS CELLS SEQUENCES UBATCH unified|streams f16|bf16|f32|q8_0 auto|on|off GPU_LAYERS");
    }
    ggml_backend_load_all();
    llama_backend_init();
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    llama_model_params model_params = llama_model_default_params();
    model_params.n_gpu_layers = std::atoi(argv[9]);
    model_ = llama_model_load_from_file(argv[1], model_params);
    if (!model_) fail(std::string("cannot load ") + argv[1]);
    vocab_ = llama_model_get_vocab(model_);
    llama_context_params params = llama_context_default_params();
    params.n_threads = params.n_threads_batch = std::atoi(argv[2]);
    params.n_ctx = static_cast<uint32_t>(std::atoi(argv[3]));
    params.n_seq_max = static_cast<uint32_t>(std::atoi(argv[4]));
    params.n_batch = params.n_ubatch = static_cast<uint32_t>(n_batch_ = std::atoi(argv[5]));
    params.kv_unified = std::string(argv[6]) == "unified";
    const std::map<std::string, ggml_type> types = {
        {"f16", GGML_TYPE_F16}, {"bf16", GGML_TYPE_BF16}, {"f32", GGML_TYPE_F32}, {"q8_0", GGML_TYPE_Q8_0}};
    if (types.count(argv[7]) == 0) fail(std::string("unknown type ") + argv[7]);
    params.type_k = params.type_v = types.at(argv[7]);
    if (std::string(argv[8]) == "on") params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_ENABLED;
    if (std::string(argv[8]) == "off") params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    context_ = llama_init_from_model(model_, params);
    if (!context_) fail("no memory for the context");
    batch_ = llama_batch_init(n_batch_, 0, 1);
  }

  void add_group(int wave, Group&& group) { waves_[wave].push_back(std::move(group)); }
  void clear() { waves_.clear(); }

  void run(int n_tokens, float temperature, uint32_t seed) {
    n_prompt_ = n_generated_ = 0;
    first_text_.clear();
    first_rows_us_ = 0;
    const auto start = std::chrono::steady_clock::now();
    for (const auto& [wave, groups] : waves_) run_wave(groups, n_tokens, temperature, seed);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::printf("{\"seconds\":%.6f,\"prefillSeconds\":%.6f,\"promptTokens\":%lld,\"generatedTokens\":%lld,\"textHex\":\"",
                seconds, first_rows_us_ / 1e6, static_cast<long long>(n_prompt_), static_cast<long long>(n_generated_));
    for (const unsigned char byte : first_text_) std::printf("%02x", byte);
    std::printf("\"}\n");
    std::fflush(stdout);
  }

 private:
  void push(llama_token token, llama_pos position, llama_seq_id sequence, bool logits) {
    const int i = batch_.n_tokens++;
    batch_.token[i] = token;
    batch_.pos[i] = position;
    batch_.n_seq_id[i] = 1;
    batch_.seq_id[i][0] = sequence;
    batch_.logits[i] = logits;
  }

  void decode() {
    const int status = llama_decode(context_, batch_);
    if (status != 0) fail("llama_decode answered " + std::to_string(status));
    batch_.n_tokens = 0;
  }

  llama_token draw(const Row& row, int output) {
    const llama_token token = llama_sampler_sample(row.sampler, context_, output);
    n_generated_ += 1;
    return token;
  }

  void keep_text(const Row& row) {
    if (row.sequence != 0) return;
    char piece[256];
    const int n = llama_token_to_piece(vocab_, row.token, piece, sizeof piece, 0, false);
    first_text_.append(piece, static_cast<size_t>(std::max(0, n)));
  }

  void run_wave(const std::vector<Group>& groups, int n_tokens, float temperature, uint32_t seed) {
    const auto start = std::chrono::steady_clock::now();
    llama_memory_t memory = llama_get_memory(context_);
    llama_memory_clear(memory, false);
    std::vector<Row> rows;
    for (const Group& group : groups) {
      const auto first = static_cast<llama_seq_id>(rows.size());
      const int n = static_cast<int>(group.prompt.size());
      for (int at = 0; at < n; ++at) {
        push(group.prompt[static_cast<size_t>(at)], at, first, at == n - 1);
        if (batch_.n_tokens == n_batch_ && at < n - 1) decode();
      }
      const int last = batch_.n_tokens - 1;
      decode();
      n_prompt_ += n;
      for (int i = 0; i < group.n_samples; ++i) {
        const llama_seq_id sequence = first + i;
        if (i > 0) llama_memory_seq_cp(memory, first, sequence, -1, -1);
        llama_sampler* sampler = llama_sampler_chain_init(llama_sampler_chain_default_params());
        if (temperature > 0) {
          llama_sampler_chain_add(sampler, llama_sampler_init_temp(temperature));
          llama_sampler_chain_add(sampler, llama_sampler_init_dist(seed + static_cast<uint32_t>(sequence)));
        } else {
          llama_sampler_chain_add(sampler, llama_sampler_init_greedy());
        }
        rows.push_back({sequence, n, 0, sampler});
        rows.back().token = draw(rows.back(), last);
      }
    }
    if (first_rows_us_ == 0) {
      first_rows_us_ = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
    }
    const bool keeps = first_text_.empty();
    if (keeps) keep_text(rows[0]);
    for (int step = 1; step < n_tokens; ++step) {
      for (Row& row : rows) push(row.token, row.position++, row.sequence, true);
      decode();
      for (size_t i = 0; i < rows.size(); ++i) rows[i].token = draw(rows[i], static_cast<int>(i));
      if (keeps) keep_text(rows[0]);
    }
    for (const Row& row : rows) llama_sampler_free(row.sampler);
  }

  llama_model* model_;
  const llama_vocab* vocab_;
  llama_context* context_;
  llama_batch batch_;
  int n_batch_;
  std::map<int, std::vector<Group>> waves_;
  int64_t n_prompt_ = 0;
  int64_t n_generated_ = 0;
  int64_t first_rows_us_ = 0;
  std::string first_text_;  // of sample 0 of the first wave
};

}  // namespace

int main(int argc, char** argv) {
  Loop loop(argc, argv);
  std::printf("{\"ready\":true}\n");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string order;
    words >> order;
    if (order == "group") {
      int wave;
      Group group;
      words >> wave >> group.n_samples;
      for (llama_token token; words >> token;) group.prompt.push_back(token);
      if (group.n_samples < 1 || group.prompt.empty()) fail("a group needs samples and a prompt");
      loop.add_group(wave, std::move(group));
    } else if (order == "clear") {
      loop.clear();
    } else if (order == "run") {
      int n_tokens;
      float temperature;
      uint32_t seed;
      if (!(words >> n_tokens >> temperature >> seed)) fail("run needs TOKENS TEMPERATURE SEED");
      loop.run(n_tokens, temperature, seed);
    } else {
      fail("unknown order " + order);
    }
  }
}
