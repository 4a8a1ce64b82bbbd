// SPDX-License-Identifier: Apache-2.0
// `plinth model bench FILE`: tokens per second of prefill and of decode, through the engine's door.
// The vocabulary need not make sense: tokens are drawn at random, and end of sequence is not
// honoured. With --contexts instead: what a token of a long prompt costs, by its position.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>

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
  ComputeOptions compute;
};

class Bench {
 public:
  Bench(engine::Engine& engine) : engine_(engine) {}

  // Seconds for `sequences` prompts of `prompt` fresh tokens, answered with `reply` tokens each.
  Result<double> time(int sequences, int64_t prompt, int64_t reply) {
    left_ = sequences;
    failure_ = ok();
    const MonotonicTime begin = clock_.now();
    for (int i = 0; i < sequences; ++i) {
      engine::GenerateRequest request;
      request.prompt = draw(prompt);
      request.sampling.temperature = 0;
      request.max_tokens = reply;
      request.is_end_honoured = false;
      TRY(engine_.submit(std::move(request), [this](engine::GenerateEvent event) { note(event); }));
    }
    MutexLock lock(mutex_);
    while (left_ > 0) changed_.wait(mutex_);
    TRY(failure_);
    return std::chrono::duration<double>(clock_.now() - begin).count();
  }

 private:
  std::vector<engine::Token> draw(int64_t count) {
    const auto vocabulary = static_cast<uint64_t>(engine_.summary().vocabulary);
    std::vector<engine::Token> tokens(static_cast<size_t>(count));
    for (engine::Token& token : tokens)
      token = static_cast<engine::Token>(random_.below(vocabulary));
    return tokens;
  }
  void note(const engine::GenerateEvent& event) {
    using Kind = engine::GenerateEvent::Kind;
    if (event.kind != Kind::finished && event.kind != Kind::failed) return;
    MutexLock lock(mutex_);
    if (event.kind == Kind::failed) failure_ = event.error;
    --left_;
    changed_.notify_all();
  }

  engine::Engine& engine_;
  SystemClock clock_;
  SeededRandom random_{1};
  Mutex mutex_;
  Condition changed_;
  int left_ = 0;
  Status failure_ = ok();
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
  std::vector<Cost> costs;
  for (const int64_t context : contexts) {
    double wall = 0;
    double cpu = 0;
    for (int i = 0; i < options.repetitions; ++i) {
      const std::clock_t begin = std::clock();
      const double seconds = TRY(bench.time(1, context - 1, 1));
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

Result<Json> bench(const BenchOptions& options) {
  engine::EngineOptions load;
  load.path = options.path;
  load.threads = options.threads;
  load.sequences_max = *std::max_element(options.batches.begin(), options.batches.end());
  load.context_tokens_max = std::max(options.prefill + 1, kDecodePromptTokens + options.decode + 1);
  if (!options.contexts.empty()) load.context_tokens_max = kDecodePromptTokens + 2;
  for (const int64_t context : options.contexts) {
    load.context_tokens_max = std::max(load.context_tokens_max, context);
  }
  options.compute.apply(load);
  const auto engine = TRY(engine::Engine::load(load));
  Bench bench(*engine);
  TRY(bench.time(1, kDecodePromptTokens, 2));  // first touch of weights and caches
  if (!options.contexts.empty()) {
    Json body = TRY(bench_contexts(bench, options));
    body.set("file", options.path);
    return body;
  }
  Json rows = Json::array();
  if (options.prefill > 0) {
    std::vector<double> rates;
    for (int i = 0; i < options.repetitions; ++i) {
      rates.push_back(static_cast<double>(options.prefill) /
                      TRY(bench.time(1, options.prefill, 1)));
    }
    rows.push(row_of("prefill", options.prefill, 1, rates));
  }
  for (const int batch : options.batches) {
    if (options.decode == 0) break;
    std::vector<double> rates;
    for (int i = 0; i < options.repetitions; ++i) {
      // What the prompts and the first tokens take is measured apart and taken off.
      const double first = TRY(bench.time(batch, kDecodePromptTokens, 1));
      const double all = TRY(bench.time(batch, kDecodePromptTokens, 1 + options.decode));
      rates.push_back(static_cast<double>(batch * options.decode) / (all - first));
    }
    rows.push(row_of("decode", options.decode, batch, rates));
  }
  return Json::object({{"file", options.path},
                       {"quantization", engine->summary().quantization},
                       {"rows", std::move(rows)}});
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
    rows.push_back({row["test"].as_string(), std::to_string(row["tokens"].as_int()),
                    std::to_string(row["batch"].as_int()), rate});
  }
  print_table({"test", "tokens", "batch", "tokens per second"}, rows);
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
  options->compute.declare(app);
  app.callback([&context, options] { show(context, bench(*options), print_bench); });
}

}  // namespace plinth::cli::commands
