// SPDX-License-Identifier: Apache-2.0
// `plinth model bench FILE`: tokens per second of prefill and of decode, through the engine's door.
// The vocabulary need not make sense: tokens are drawn at random, and end of sequence is not
// honoured.
#include <CLI/CLI.hpp>
#include <algorithm>

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
  int threads = 0;
  int repetitions = 3;
  std::string cache_folder;
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

Result<Json> bench(const BenchOptions& options) {
  engine::EngineOptions load;
  load.path = options.path;
  load.threads = options.threads;
  load.sequences_max = *std::max_element(options.batches.begin(), options.batches.end());
  load.context_tokens_max = std::max(options.prefill + 1, kDecodePromptTokens + options.decode + 1);
  options.compute.apply(load);
  load.cache_folder = options.cache_folder;
  const SystemClock clock;
  const MonotonicTime begin = clock.now();
  const auto engine = TRY(engine::Engine::load(load));
  Bench bench(*engine);
  TRY(bench.time(1, kDecodePromptTokens, 1));
  const double first_token = std::chrono::duration<double>(clock.now() - begin).count();
  TRY(bench.time(1, kDecodePromptTokens, 2));  // first touch of what a decode needs
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
  const double bandwidth = engine->measure_read_bandwidth();
  const auto bytes = static_cast<double>(engine->weight_bytes_per_token());
  return Json::object({{"file", options.path},
                       {"quantization", engine->summary().quantization},
                       {"read_gb_per_s", bandwidth / 1e9},
                       {"roofline_tokens_per_s", bandwidth / bytes},
                       {"first_token_ms", first_token * 1000},
                       {"rows", std::move(rows)}});
}

void print_bench(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& row : body["rows"].items()) {
    char rate[64];
    std::snprintf(rate, sizeof(rate), "%.1f (%.1f to %.1f)", row["tokens_per_s"].as_double(),
                  row["tokens_per_s_min"].as_double(), row["tokens_per_s_max"].as_double());
    rows.push_back({row["test"].as_string(), std::to_string(row["tokens"].as_int()),
                    std::to_string(row["batch"].as_int()), rate});
  }
  print_table({"test", "tokens", "batch", "tokens per second"}, rows);
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
  app.add_option("--batch", options->batches, "sequences decoded together, such as 1,4,16")
      ->delimiter(',')
      ->check(CLI::Range(1, 256));
  app.add_option("--threads", options->threads, "0: one per core")->check(CLI::Range(0, 256));
  app.add_option("--repetitions", options->repetitions, "of each test; the median is printed")
      ->check(CLI::Range(1, 100));
  app.add_option("--cache", options->cache_folder, "folder of packed weights, kept for next time");
  options->compute.declare(app);
  app.callback([&context, options] { show(context, bench(*options), print_bench); });
}

}  // namespace plinth::cli::commands
