// SPDX-License-Identifier: Apache-2.0
// `plinth model bench FILE`: tokens per second of prefill and of decode, through the engine's door.
// The vocabulary need not make sense: tokens are drawn at random unless a prompt is given, and end
// of sequence is not honoured. Kinds of speculation are measured in turns, on the same prompts.
// With
// --contexts instead: what a token of a long prompt costs, by its position.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>

#include "base/check.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "cli/commands/compute_options.h"
#include "cli/output.h"
#include "engine/engine.h"

namespace plinth::cli::commands {

namespace {

constexpr int64_t kDecodePromptTokens = 8;

struct BenchOptions {
  std::string path;
  int64_t prefill = 512;
  int64_t decode = 128;
  std::vector<int> batches = {1};
  std::vector<int64_t> contexts;  // not empty: these alone
  int threads = 0;
  int repetitions = 3;
  std::string cache_folder;
  ComputeOptions compute;
  std::vector<std::string> speculations = {"off"};
  std::string draft_path;
  std::string prompt;  // empty: random tokens
  double temperature = 0;
};

// What is decoded, and what it took.
struct Work {
  int sequences = 1;
  int64_t prompt = 0;
  int64_t reply = 0;
  engine::Speculation speculation = engine::Speculation::off;
  uint64_t seed = 1;  // of the prompts and of draws
};

struct Measured {
  double seconds = 0;
  int64_t cached = 0;  // tokens of prompts that were not computed
  int64_t proposed = 0;
  int64_t accepted = 0;
};

class Bench {
 public:
  Bench(engine::Engine& engine, const BenchOptions& options) : engine_(engine), options_(options) {}

  // All sequences at once.
  Result<Measured> time(const Work& work) {
    left_ = work.sequences;
    failure_ = ok();
    measured_ = {};
    SeededRandom random(work.seed);
    const MonotonicTime begin = clock_.now();
    for (int i = 0; i < work.sequences; ++i) {
      engine::GenerateRequest request;
      request.prompt = draw(random, work.prompt);
      request.sampling.temperature = options_.temperature;
      request.sampling.seed = random.next();
      request.max_tokens = work.reply;
      request.is_end_honoured = false;
      request.speculation = work.speculation;
      TRY(engine_.submit(std::move(request), [this](engine::GenerateEvent event) { note(event); }));
    }
    MutexLock lock(mutex_);
    while (left_ > 0) changed_.wait(mutex_);
    TRY(failure_);
    measured_.seconds = std::chrono::duration<double>(clock_.now() - begin).count();
    return measured_;
  }

 private:
  std::vector<engine::Token> draw(SeededRandom& random, int64_t count) const {
    if (!options_.prompt.empty()) return engine_.tokenize(options_.prompt, true, true);
    const auto vocabulary = static_cast<uint64_t>(engine_.summary().vocabulary);
    std::vector<engine::Token> tokens(static_cast<size_t>(count));
    for (engine::Token& token : tokens)
      token = static_cast<engine::Token>(random.below(vocabulary));
    return tokens;
  }
  void note(const engine::GenerateEvent& event) {
    using Kind = engine::GenerateEvent::Kind;
    if (event.kind != Kind::finished && event.kind != Kind::failed) return;
    MutexLock lock(mutex_);
    if (event.kind == Kind::failed) failure_ = event.error;
    measured_.cached += event.cached_tokens;
    measured_.proposed += event.proposed_tokens;
    measured_.accepted += event.accepted_tokens;
    --left_;
    changed_.notify_all();
  }

  engine::Engine& engine_;
  const BenchOptions& options_;
  SystemClock clock_;
  Mutex mutex_;
  Condition changed_;
  int left_ = 0;
  Status failure_ = ok();
  Measured measured_;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Json row_of(const char* test, int64_t tokens, int batch, const std::vector<double>& rates) {
  return Json::object({{"test", test},
                       {"tokens", tokens},
                       {"batch", batch},
                       {"tokens_per_s", median(rates)},
                       {"tokens_per_s_min", *std::min_element(rates.begin(), rates.end())},
                       {"tokens_per_s_max", *std::max_element(rates.begin(), rates.end())}});
}

Result<std::vector<engine::Speculation>> speculations_of(const BenchOptions& options) {
  std::vector<engine::Speculation> kinds;
  for (const std::string& name : options.speculations) {
    const auto kind = engine::find_speculation(name);
    if (!kind) {
      return make_error(ErrorCode::invalid_argument,
                        "--speculation holds '" + name + "'; give off, lookup or draft");
    }
    kinds.push_back(*kind);
  }
  return kinds;
}

// Seconds that one prompt takes. A prompt seen before would measure the cache.
Result<double> time_prompt(Bench& bench, int64_t tokens, uint64_t seed) {
  const Measured measured = TRY(bench.time({1, tokens, 1, engine::Speculation::off, seed}));
  CHECK(measured.cached == 0);
  return measured.seconds;
}

// What a token costs at the position in the middle between two lengths of a prompt.
struct Cost {
  double position = 0;
  double wall_us = 0;
  double cpu_us = 0;  // of all threads: others on the machine do not count
};

struct Line {
  double base = 0;   // at position 0
  double slope = 0;  // per position
  double at(double position) const { return base + slope * position; }
};

// Least squares of the relative deviations, as costs span orders of magnitude.
Line fit(const std::vector<Cost>& costs) {
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (const Cost& cost : costs) {
    const double weight = 1 / (cost.cpu_us * cost.cpu_us);
    w += weight;
    wx += weight * cost.position;
    wy += weight * cost.cpu_us;
    wxx += weight * cost.position * cost.position;
    wxy += weight * cost.position * cost.cpu_us;
  }
  const double bottom = w * wxx - wx * wx;
  if (bottom == 0) return {wy / w, 0};
  const double slope = (w * wxy - wx * wy) / bottom;
  return {(wy - slope * wx) / w, slope};
}

// A prompt's tokens cost the same but for attention, whose work grows with the position: costs lie
// on a line, and none above it by more than noise.
Result<Json> bench_contexts(Bench& bench, const BenchOptions& options) {
  std::vector<int64_t> contexts = options.contexts;
  std::sort(contexts.begin(), contexts.end());
  double wall_before = 0;
  double cpu_before = 0;
  int64_t before = 0;
  uint64_t seed = 100;
  std::vector<Cost> costs;
  for (const int64_t context : contexts) {
    double wall = 0;
    double cpu = 0;
    for (int i = 0; i < options.repetitions; ++i) {
      const std::clock_t begin = std::clock();
      const double seconds = TRY(time_prompt(bench, context - 1, seed++));
      const double cpu_seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
      wall = i == 0 ? seconds : std::min(wall, seconds);
      cpu = i == 0 ? cpu_seconds : std::min(cpu, cpu_seconds);
    }
    const auto tokens = static_cast<double>(context - before);
    costs.push_back({static_cast<double>(context + before) / 2, (wall - wall_before) * 1e6 / tokens,
                     (cpu - cpu_before) * 1e6 / tokens});
    before = context;
    wall_before = wall;
    cpu_before = cpu;
  }
  const Line line = fit(costs);
  Json rows = Json::array();
  double above_max = 0;
  for (size_t i = 0; i < costs.size(); ++i) {
    const Cost& cost = costs[i];
    const double above = cost.cpu_us / line.at(cost.position) - 1;
    above_max = std::max(above_max, above);
    rows.push(Json::object({{"context", contexts[i]},
                            {"position", cost.position},
                            {"us_per_token", cost.wall_us},
                            {"cpu_us_per_token", cost.cpu_us},
                            {"above_line", above}}));
  }
  return Json::object({{"rows", std::move(rows)},
                       {"cpu_us_per_token_at_0", line.base},
                       {"cpu_us_per_token_per_1024_positions", line.slope * 1024},
                       {"above_line_max", above_max}});
}

Result<std::unique_ptr<engine::Engine>> load_for(const BenchOptions& options) {
  engine::EngineOptions load;
  load.path = options.path;
  load.draft_path = options.draft_path;
  load.threads = options.threads;
  load.sequences_max = *std::max_element(options.batches.begin(), options.batches.end());
  load.context_tokens_max = std::max(options.prefill + 1, kDecodePromptTokens + options.decode + 1);
  if (!options.prompt.empty()) load.context_tokens_max = 0;
  if (!options.contexts.empty()) load.context_tokens_max = kDecodePromptTokens + 2;
  for (const int64_t context : options.contexts) {
    load.context_tokens_max = std::max(load.context_tokens_max, context);
  }
  options.compute.apply(load);
  load.cache_folder = options.cache_folder;
  return engine::Engine::load(load);
}

// One row per kind of speculation.
Status bench_decode(Bench& bench, const BenchOptions& options, int batch,
                    const std::vector<engine::Speculation>& kinds, Json& rows) {
  std::vector<std::vector<double>> rates(kinds.size());
  std::vector<Measured> sums(kinds.size());
  for (int i = 0; i < options.repetitions; ++i) {
    for (size_t kind = 0; kind < kinds.size(); ++kind) {
      // What the prompts and the first tokens take is measured apart and taken off.
      const auto seed = uint64_t{1} + static_cast<uint64_t>(i);
      const Measured first = TRY(bench.time({batch, kDecodePromptTokens, 1, kinds[kind], seed}));
      const Measured all =
          TRY(bench.time({batch, kDecodePromptTokens, 1 + options.decode, kinds[kind], seed}));
      rates[kind].push_back(static_cast<double>(batch * options.decode) /
                            (all.seconds - first.seconds));
      sums[kind].proposed += all.proposed;
      sums[kind].accepted += all.accepted;
    }
  }
  for (size_t kind = 0; kind < kinds.size(); ++kind) {
    Json row = row_of("decode", options.decode, batch, rates[kind]);
    row.set("speculation", engine::speculation_name(kinds[kind]));
    row.set("proposed_tokens", sums[kind].proposed);
    row.set("accepted_tokens", sums[kind].accepted);
    rows.push(std::move(row));
  }
  return ok();
}

Result<Json> bench(const BenchOptions& options) {
  const auto kinds = TRY(speculations_of(options));
  const SystemClock clock;
  const MonotonicTime begin = clock.now();
  const auto engine = TRY(load_for(options));
  Bench bench(*engine, options);
  TRY(bench.time({1, kDecodePromptTokens, 1}));
  const double first_token = std::chrono::duration<double>(clock.now() - begin).count();
  TRY(bench.time({1, kDecodePromptTokens, 2}));  // first touch of what a decode needs
  if (!options.contexts.empty()) {
    Json contexts = TRY(bench_contexts(bench, options));
    contexts.set("file", options.path);
    return contexts;
  }
  Json rows = Json::array();
  if (options.prefill > 0) {
    std::vector<double> rates;
    for (int i = 0; i < options.repetitions; ++i) {
      const auto seed = uint64_t{100} + static_cast<uint64_t>(i);
      rates.push_back(static_cast<double>(options.prefill) /
                      TRY(time_prompt(bench, options.prefill, seed)));
    }
    rows.push(row_of("prefill", options.prefill, 1, rates));
  }
  for (const int batch : options.batches) {
    if (options.decode == 0) break;
    TRY(bench_decode(bench, options, batch, kinds, rows));
  }
  const double bandwidth = engine->measure_read_bandwidth();
  const auto bytes = static_cast<double>(engine->weight_bytes_per_token());
  return Json::object({{"file", options.path},
                       {"quantization", engine->summary().quantization},
                       {"read_gb_per_s", bandwidth / 1e9},
                       {"roofline_tokens_per_s", bandwidth / bytes},
                       {"first_token_ms", first_token * 1000},
                       {"rows", std::move(rows)}});
}

std::string acceptance_of(const Json& row) {
  const int64_t proposed = row["proposed_tokens"].as_int();
  if (proposed == 0) return "-";
  return std::to_string(row["accepted_tokens"].as_int()) + " of " + std::to_string(proposed);
}

void print_contexts(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  const auto number = [](const Json& value, const char* format) {
    char text[64];
    std::snprintf(text, sizeof(text), format, value.as_double());
    return std::string(text);
  };
  for (const Json& row : body["rows"].items()) {
    rows.push_back({std::to_string(row["context"].as_int()), number(row["position"], "%.0f"),
                    number(row["us_per_token"], "%.1f"), number(row["cpu_us_per_token"], "%.1f"),
                    number(row["above_line"], "%+.3f")});
  }
  print_table({"prompt", "position", "us per token", "cpu us per token", "above the line"}, rows);
}

void print_bench(const Json& body) {
  if (body.contains("above_line_max")) return print_contexts(body);
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : body["rows"].items()) {
    char rate[64];
    std::snprintf(rate, sizeof(rate), "%.1f (%.1f to %.1f)", row["tokens_per_s"].as_double(),
                  row["tokens_per_s_min"].as_double(), row["tokens_per_s_max"].as_double());
    const bool is_decode = row["speculation"].is_string();
    rows.push_back({row["test"].as_string(), std::to_string(row["tokens"].as_int()),
                    std::to_string(row["batch"].as_int()), rate,
                    is_decode ? row["speculation"].as_string() : "-",
                    is_decode ? acceptance_of(row) : "-"});
  }
  print_table({"test", "tokens", "batch", "tokens per second", "speculation", "accepted"}, rows);
  std::printf(
      "decode of one sequence is bounded by %.1f tokens per second: memory is read at %.1f GB/s\n",
      body["roofline_tokens_per_s"].as_double(), body["read_gb_per_s"].as_double());
  std::printf("first token %.0f ms after the load began\n", body["first_token_ms"].as_double());
}

}  // namespace

void model_bench(CLI::App& app, Context& context) {
  auto options = std::make_shared<BenchOptions>();
  app.add_option("FILE", options->path, "GGUF file")->required();
  app.add_option("--prefill", options->prefill, "tokens of the prompt; 0: no prefill test")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--decode", options->decode, "tokens per sequence; 0: no decode test")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option(
         "--contexts", options->contexts,
         "instead: what a token costs in contexts of these lengths that a prompt fills, such as "
         "1024,4096,16384")
      ->delimiter(',')
      ->check(CLI::Range(2, 1 << 20));
  app.add_option("--batch", options->batches, "sequences decoded together, such as 1,4,16")
      ->delimiter(',')
      ->check(CLI::Range(1, 256));
  app.add_option("--threads", options->threads, "0: one per core")->check(CLI::Range(0, 256));
  app.add_option("--repetitions", options->repetitions, "of each test; the median is printed")
      ->check(CLI::Range(1, 100));
  app.add_option("--cache", options->cache_folder, "folder of packed weights, kept for next time");
  options->compute.declare(app);
  app.add_option("--speculation", options->speculations,
                 "decode with each of these, such as off,lookup,draft")
      ->delimiter(',');
  app.add_option("--draft", options->draft_path, "GGUF file of the same vocabulary, for draft");
  app.add_option("--prompt", options->prompt, "text to decode after; else 8 random tokens");
  app.add_option("--temperature", options->temperature, "of decode; 0: greedy")
      ->check(CLI::Range(0.0, 100.0));
  app.callback([&context, options] { show(context, bench(*options), print_bench); });
}

}  // namespace plinth::cli::commands
