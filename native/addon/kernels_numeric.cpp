// Arguments become plain structs, kernels run, results become typed arrays.
#include "addon/kernels_numeric.h"

#include "addon/kernels_arguments.h"
#include "addon/kernels_work.h"
#include "core/aggregate.h"
#include "core/kmeans.h"
#include "core/refine.h"
#include "core/resample.h"
#include "core/vectors.h"

namespace pgenrm {
namespace {

using namespace kernels;

Metric metric_of(const Napi::CallbackInfo& info, size_t at) { return static_cast<Metric>(uint32(info, at)); }

// (vectors, dim): scales in place; returns the status.
Napi::Value normalise(const Napi::CallbackInfo& info) {
  const auto vectors = float32_array(info, 0);
  const size_t dim = uint32(info, 1);
  return new_status(info.Env(), normalise_rows(vectors.data, vectors.size / dim, dim));
}

// (vectors, dim): the status of check_finite.
Napi::Value finite(const Napi::CallbackInfo& info) {
  const auto vectors = float32_array(info, 0);
  const size_t dim = uint32(info, 1);
  return new_status(info.Env(), check_finite(vectors.data, vectors.size / dim, dim));
}

// (metric, queries, rows, dim)
Napi::Value all_distances(const Napi::CallbackInfo& info) {
  const auto queries = float32_array(info, 1);
  const auto rows = float32_array(info, 2);
  const size_t dim = uint32(info, 3);
  const size_t n_queries = queries.size / dim, n_rows = rows.size / dim;
  auto out = Napi::Float32Array::New(info.Env(), n_queries * n_rows);
  distances(metric_of(info, 0), queries.data, n_queries, rows.data, n_rows, dim, out.Data());
  return out;
}

struct ExactSearchJob : Job {
  Metric metric;
  std::vector<float> queries, rows;
  size_t dim, k;
  uint32_t threads;
  std::vector<uint32_t> labels;
  std::vector<float> found;
  Status status;
  const char* at_fault = "";

  void execute() override {
    const size_t n_queries = queries.size() / dim, n_rows = rows.size() / dim;
    const auto check = metric == Metric::cosine ? [](float* v, size_t n, size_t d) { return normalise_rows(v, n, d); }
                                                : [](float* v, size_t n, size_t d) { return check_finite(v, n, d); };
    at_fault = "queries";
    status = check(queries.data(), n_queries, dim);
    if (!status.ok()) return;
    at_fault = "rows";
    status = check(rows.data(), n_rows, dim);
    if (!status.ok()) return;
    try {
      labels.resize(n_queries * k);
      found.resize(n_queries * k);
      exact_search(metric, queries.data(), n_queries, rows.data(), n_rows, dim, k, threads, labels.data(),
                   found.data());
    } catch (...) {
      status = {Code::out_of_memory, 0};
    }
  }

  Napi::Value answer(Napi::Env env) override {
    Napi::Object object = new_status(env, status);
    object["name"] = at_fault;
    object["labels"] = new_uint32(env, labels);
    object["distances"] = new_float32(env, found);
    return object;
  }
};

// (metric, queries, rows, dim, k, threads)
Napi::Value search_exactly(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<ExactSearchJob>();
  job->metric = metric_of(info, 0);
  job->queries = float32_array(info, 1).copied();
  job->rows = float32_array(info, 2).copied();
  job->dim = uint32(info, 3);
  job->k = uint32(info, 4);
  job->threads = uint32(info, 5);
  return run_off_loop(info.Env(), std::move(job));
}

struct KMeansJob : Job {
  std::vector<float> vectors, centres;
  std::vector<uint32_t> assignment;
  size_t dim;
  KMeansParams params;
  KMeansFit fit;
  Status status;

  void execute() override {
    try {
      const size_t n_rows = vectors.size() / dim;
      centres.resize(params.k * dim);
      assignment.resize(n_rows);
      fit.centres = centres.data();
      fit.assignment = assignment.data();
      status = kmeans_fit(vectors.data(), n_rows, dim, params, fit);
    } catch (...) {
      status = {Code::out_of_memory, 0};
    }
  }

  Napi::Value answer(Napi::Env env) override {
    Napi::Object object = new_status(env, status);
    if (!status.ok()) return object;
    object["centres"] = new_float32(env, centres);
    object["assignment"] = new_uint32(env, assignment);
    object["inertia"] = fit.inertia;
    object["iterations"] = fit.iterations;
    object["totalIterations"] = fit.total_iterations;
    return object;
  }
};

// (vectors, dim, k, seed, restarts, maxIterations, tolerance, threads)
Napi::Value fit_kmeans(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<KMeansJob>();
  job->vectors = float32_array(info, 0).copied();
  job->dim = uint32(info, 1);
  job->params = {uint32(info, 2), uint32(info, 3), uint32(info, 4), uint32(info, 5), number(info, 6), uint32(info, 7)};
  return run_off_loop(info.Env(), std::move(job));
}

struct RefinementJob : Job {
  size_t dim;
  std::vector<float> prototypes, query, chosen, rejected, history_query, history_chosen, history_rejected, weights;
  std::vector<uint32_t> assignment, history_start;
  RefinementParams params;
  std::vector<double> losses;
  Status status;

  void execute() override {
    const RefinementData data{dim,
                              prototypes.size() / dim,
                              assignment.size(),
                              assignment.data(),
                              query.data(),
                              chosen.data(),
                              rejected.data(),
                              history_start.data(),
                              history_query.data(),
                              history_chosen.data(),
                              history_rejected.data()};
    status = refine_prototypes(data, params, prototypes.data(), weights.data(), losses.data());
  }

  Napi::Value answer(Napi::Env env) override {
    Napi::Object object = new_status(env, status);
    object["prototypes"] = new_float32(env, prototypes);
    object["losses"] = new_float64(env, losses);
    object["weights"] = new_float32(env, weights);
    return object;
  }
};

// (dim, prototypes, assignment, query, chosen, rejected, historyStart, historyQuery, historyChosen, historyRejected,
//  weights, epochs, batchSize, learningRate, weightDecay, queryPull, queryWeight, summaryWeight, steps, threads)
Napi::Value refine(const Napi::CallbackInfo& info) {
  auto job = std::make_unique<RefinementJob>();
  job->dim = uint32(info, 0);
  job->prototypes = float32_array(info, 1).copied();
  job->assignment = uint32_array(info, 2).copied();
  job->query = float32_array(info, 3).copied();
  job->chosen = float32_array(info, 4).copied();
  job->rejected = float32_array(info, 5).copied();
  job->history_start = uint32_array(info, 6).copied();
  job->history_query = float32_array(info, 7).copied();
  job->history_chosen = float32_array(info, 8).copied();
  job->history_rejected = float32_array(info, 9).copied();
  job->weights = float32_array(info, 10).copied();
  job->params = {uint32(info, 11),
                 uint32(info, 12),
                 static_cast<float>(number(info, 13)),
                 static_cast<float>(number(info, 14)),
                 static_cast<float>(number(info, 15)),
                 static_cast<float>(number(info, 16)),
                 static_cast<float>(number(info, 17)),
                 uint32(info, 19)};
  job->losses.resize(static_cast<size_t>(number(info, 18)));
  return run_off_loop(info.Env(), std::move(job));
}

// (individual, individualWeights, prototype, prototypeWeights, candidates, method, trim, individualShare)
Napi::Value aggregate(const Napi::CallbackInfo& info) {
  const auto own = float64_array(info, 0), own_weights = float64_array(info, 1);
  const auto similar = float64_array(info, 2), similar_weights = float64_array(info, 3);
  const AggregateParams params{uint32(info, 4), static_cast<AggregateMethod>(uint32(info, 5)), number(info, 6),
                               number(info, 7)};
  std::vector<double> scores(params.n_candidates), individual(scores), prototype(scores);
  Aggregate out{scores.data(), individual.data(), prototype.data(), 0, 0};
  aggregate_scores({own.data, own_weights.data, own_weights.size},
                   {similar.data, similar_weights.data, similar_weights.size}, params, out);
  Napi::Object object = Napi::Object::New(info.Env());
  object["scores"] = new_float64(info.Env(), scores);
  object["individual"] = new_float64(info.Env(), individual);
  object["prototype"] = new_float64(info.Env(), prototype);
  object["usableIndividual"] = out.n_usable_individual;
  object["usablePrototype"] = out.n_usable_prototype;
  return object;
}

// (scores, candidates, tolerance)
Napi::Value wins_of(const Napi::CallbackInfo& info) {
  const auto scores = float64_array(info, 0);
  const size_t n_candidates = uint32(info, 1);
  std::vector<uint32_t> wins(n_candidates);
  WinCounts out{wins.data(), 0, 0};
  count_wins(scores.data, scores.size / n_candidates, n_candidates, number(info, 2), out);
  Napi::Object object = Napi::Object::New(info.Env());
  object["wins"] = new_uint32(info.Env(), wins);
  object["ties"] = out.n_ties;
  object["unusable"] = out.n_unusable;
  return object;
}

struct ResampleJob : Job {
  std::vector<double> sums, counts, means;
  size_t n_rounds;
  uint32_t seed, threads;
  bool permutation;
  PermutationTest test{0, 0};
  Status status;

  void execute() override {
    const ClusterSums clusters{sums.data(), counts.data(), sums.size()};
    try {
      if (permutation) {
        test = permutation_test(clusters, n_rounds, seed, threads);
      } else {
        means.resize(n_rounds);
        bootstrap_means(clusters, n_rounds, seed, threads, means.data());
      }
    } catch (...) {
      status = {Code::out_of_memory, 0};
    }
  }

  Napi::Value answer(Napi::Env env) override {
    Napi::Object object = new_status(env, status);
    if (permutation) {
      object["difference"] = test.difference;
      object["pValue"] = test.p_value;
    } else {
      object["means"] = new_float64(env, means);
    }
    return object;
  }
};

// (sums, counts, rounds, seed, threads)
Napi::Value resample(const Napi::CallbackInfo& info, bool permutation) {
  auto job = std::make_unique<ResampleJob>();
  job->sums = float64_array(info, 0).copied();
  job->counts = float64_array(info, 1).copied();
  job->n_rounds = uint32(info, 2);
  job->seed = uint32(info, 3);
  job->threads = uint32(info, 4);
  job->permutation = permutation;
  return run_off_loop(info.Env(), std::move(job));
}

}  // namespace

void register_numeric_kernels(Napi::Env env, Napi::Object kernels) {
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    kernels[name] = Napi::Function::New(env, function, name);
  };
  add("normaliseRows", normalise);
  add("checkFinite", finite);
  add("distances", all_distances);
  add("exactSearch", search_exactly);
  add("kmeansFit", fit_kmeans);
  add("refinePrototypes", refine);
  add("aggregateScores", aggregate);
  add("countWins", wins_of);
  add("bootstrapMeans", [](const Napi::CallbackInfo& info) { return resample(info, false); });
  add("permutationTest", [](const Napi::CallbackInfo& info) { return resample(info, true); });
}

}  // namespace pgenrm
