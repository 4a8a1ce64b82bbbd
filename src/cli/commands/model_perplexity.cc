// SPDX-License-Identifier: Apache-2.0
// `plinth model perplexity FILE`: exp of the mean surprise per token of the text on standard input.
// The text is cut into windows; of each only the second half is judged, so that every judged token
// has at least half a window before it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>

#include "cli/commands/compute_options.h"
#include "cli/output.h"
#include "engine/engine.h"

namespace plinth::cli::commands {

namespace {

struct PerplexityOptions {
  std::string path;
  int64_t window = 512;
  ComputeOptions compute;
};

double surprise(const std::vector<float>& logits, engine::Token token) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum) - static_cast<double>(logits[static_cast<size_t>(token)]);
}

struct Surprises {
  double sum = 0;
  double squares = 0;
  int64_t count = 0;
  void add(double value) {
    sum += value;
    squares += value * value;
    ++count;
  }
};

Status judge_window(engine::Engine& engine, const std::vector<engine::Token>& tokens,
                    Surprises& surprises) {
  // The logits of a few positions at a time: a vocabulary of 150,000 takes 600 KB each.
  constexpr int64_t kPositionsTogether = 128;
  const auto last = static_cast<int64_t>(tokens.size()) - 1;
  for (int64_t begin = last / 2; begin < last; begin += kPositionsTogether) {
    const int64_t end = std::min(last, begin + kPositionsTogether);
    std::vector<int64_t> positions;
    for (int64_t position = begin; position < end; ++position) positions.push_back(position);
    const std::vector<engine::Token> seen(tokens.begin(), tokens.begin() + end);
    const auto logits = TRY(engine.logits(seen, positions));
    for (size_t i = 0; i < positions.size(); ++i) {
      surprises.add(surprise(logits[i], tokens[static_cast<size_t>(positions[i] + 1)]));
    }
  }
  return ok();
}

Result<Json> perplexity(const PerplexityOptions& options) {
  engine::EngineOptions load;
  load.path = options.path;
  load.sequences_max = 1;
  load.context_tokens_max = options.window;
  options.compute.apply(load);
  const auto engine = TRY(engine::Engine::load(load));
  const std::string text = TRY(read_text("-"));
  const std::vector<engine::Token> tokens = engine->tokenize(text, true, false);
  const auto window = static_cast<size_t>(options.window);
  if (tokens.size() < window) {
    return make_error(ErrorCode::invalid_argument, "the text has " + std::to_string(tokens.size()) +
                                                       " tokens, less than one window of " +
                                                       std::to_string(window) +
                                                       "; give more text or a smaller --window");
  }
  Surprises surprises;
  for (size_t begin = 0; begin + window <= tokens.size(); begin += window) {
    const auto first = tokens.begin() + static_cast<ptrdiff_t>(begin);
    TRY(judge_window(*engine, {first, first + static_cast<ptrdiff_t>(window)}, surprises));
  }
  const auto count = static_cast<double>(surprises.count);
  const double mean = surprises.sum / count;
  const double variance = std::max(0.0, surprises.squares / count - mean * mean);
  return Json::object({{"perplexity", std::exp(mean)},
                       {"error", std::exp(mean) * std::sqrt(variance / count)},
                       {"tokens", surprises.count},
                       {"window", options.window}});
}

}  // namespace

void model_perplexity(CLI::App& app, Context& context) {
  auto options = std::make_shared<PerplexityOptions>();
  app.add_option("FILE", options->path, "GGUF file")->required();
  app.add_option("--window", options->window, "tokens of a window, the second half is judged")
      ->check(CLI::Range(4, 1 << 20));
  options->compute.declare(app);
  app.callback([&context, options] { show(context, perplexity(*options), print_json); });
}

}  // namespace plinth::cli::commands
