// SPDX-License-Identifier: Apache-2.0
// `plinth model generate FILE --prompt TEXT`: a model's reply without a node, freely or held to a
// grammar.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/clock.h"
#include "base/mutex.h"
#include "cli/output.h"
#include "engine/engine.h"

namespace plinth::cli::commands {

namespace {

using Event = engine::GenerateEvent;

struct GenerateOptions {
  std::string path;
  std::string prompt;
  std::string schema_path;
  std::string regex;
  std::string grammar_path;
  int64_t max_tokens = 256;
  double temperature = 0;
  std::optional<uint64_t> seed;
  bool is_chat = false;
  bool is_exact = false;
  int threads = 0;
};

Result<std::optional<engine::GrammarText>> grammar_of(const GenerateOptions& options) {
  using Kind = engine::GrammarText::Kind;
  std::optional<engine::GrammarText> grammar;
  if (!options.schema_path.empty()) {
    grammar = {Kind::json_schema, TRY(read_text(options.schema_path))};
  } else if (!options.grammar_path.empty()) {
    grammar = {Kind::gbnf, TRY(read_text(options.grammar_path))};
  } else if (!options.regex.empty()) {
    grammar = {Kind::regex, options.regex};
  }
  return grammar;
}

Result<std::vector<engine::Token>> prompt_of(const engine::Engine& engine,
                                             const GenerateOptions& options) {
  if (!options.is_chat) return engine.tokenize(options.prompt, true, false);
  const Json message = Json::object({{"role", "user"}, {"content", options.prompt}});
  return engine.render_chat(Json(Json::Array{message}), Json());
}

const char* name_of(Event::Reason reason) {
  return reason == Event::Reason::length ? "length" : "stop";
}

// Waits for the end of one reply.
class Waiter {
 public:
  void take(Event event) {
    MutexLock lock(mutex_);
    if (event.kind == Event::Kind::text) {
      text_ += event.text;
      return;
    }
    last_ = std::move(event);
    changed_.notify_all();
  }
  Result<std::pair<std::string, Event>> wait() {
    MutexLock lock(mutex_);
    while (!last_) changed_.wait(mutex_);
    if (last_->kind == Event::Kind::failed) return last_->error;
    return std::pair(text_, *last_);
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::string text_ GUARDED_BY(mutex_);
  std::optional<Event> last_ GUARDED_BY(mutex_);
};

Result<Json> generate(const GenerateOptions& options) {
  Waiter waiter;  // outlives the engine that calls it
  engine::EngineOptions engine_options;
  engine_options.path = options.path;
  engine_options.precision = options.is_exact ? engine::Precision::exact : engine::Precision::fast;
  engine_options.sequences_max = 1;
  engine_options.threads = options.threads;
  const auto engine = TRY(engine::Engine::load(engine_options));
  engine::GenerateRequest request;
  request.grammar = TRY(grammar_of(options));
  request.prompt = TRY(prompt_of(*engine, options));
  request.max_tokens = options.max_tokens;
  request.sampling.temperature = options.temperature;
  request.sampling.seed = options.seed;
  const SystemClock clock;
  const MonotonicTime begin = clock.now();
  TRY(engine->submit(std::move(request), [&](Event event) { waiter.take(std::move(event)); }));
  const auto [text, last] = TRY(waiter.wait());
  const double seconds = std::chrono::duration<double>(clock.now() - begin).count();
  Json tokens = Json::array();
  for (const engine::Token token : last.tokens) tokens.push(token);
  return Json::object({{"text", text},
                       {"finish_reason", name_of(last.reason)},
                       {"prompt_tokens", last.prompt_tokens},
                       {"completion_tokens", last.completion_tokens},
                       {"seconds", seconds},
                       {"tokens", std::move(tokens)}});
}

void print_reply(const Json& body) { std::cout << printable(body["text"].as_string()) << '\n'; }

}  // namespace

void model_generate(CLI::App& app, Context& context) {
  auto options = std::make_shared<GenerateOptions>();
  app.add_option("FILE", options->path, "GGUF file")->required();
  app.add_option("--prompt", options->prompt, "text to go on from")->required();
  app.add_flag("--chat", options->is_chat, "ask it as a user, with the model's chat template");
  auto* schema = app.add_option("--json-schema", options->schema_path,
                                "hold the reply to the JSON Schema in this file; - reads it from "
                                "standard input");
  auto* regex = app.add_option("--regex", options->regex, "hold the reply to this pattern");
  auto* gbnf = app.add_option("--grammar", options->grammar_path,
                              "hold the reply to the GBNF grammar in this file");
  schema->excludes(regex)->excludes(gbnf);
  regex->excludes(gbnf);
  app.add_option("--max-tokens", options->max_tokens, "at most so many; 0: up to the context")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--temperature", options->temperature, "0: the likeliest token each time")
      ->check(CLI::Range(0.0, 100.0));
  app.add_option("--seed", options->seed, "of the draws, for the same reply again");
  app.add_option("--threads", options->threads, "0: one per core")->check(CLI::Range(0, 256));
  app.add_flag("--exact", options->is_exact, "F32 activations throughout");
  app.callback([&context, options] { show(context, generate(*options), print_reply); });
}

}  // namespace plinth::cli::commands
