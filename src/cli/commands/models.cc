// SPDX-License-Identifier: Apache-2.0
// `plinth models` lists what a node serves; `plinth model VERB FILE` works on files, without a
// node.
#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>

#include "base/mutex.h"
#include "cli/commands/compute_options.h"
#include "cli/node_client.h"
#include "cli/output.h"
#include "engine/engine.h"

namespace plinth::cli::commands {

namespace {

struct LogitsOptions {
  std::string path;
  std::vector<int> tokens;
  std::string positions = "last";
  int greedy = 0;
  ComputeOptions compute;
  std::vector<std::string> loras;  // PATH or PATH:SCALE
};

struct InspectOptions {
  std::string path;
  int64_t context = 0;
  int sequences = 1;
  ComputeOptions compute;
};

Result<std::vector<int64_t>> positions_of(const LogitsOptions& options) {
  const auto count = static_cast<int64_t>(options.tokens.size());
  std::vector<int64_t> out;
  if (options.positions == "last") return std::vector<int64_t>{count - 1};
  if (options.positions == "all") {
    for (int64_t i = 0; i < count; ++i) out.push_back(i);
    return out;
  }
  std::stringstream list(options.positions);
  for (std::string item; std::getline(list, item, ',');) {
    int64_t value = -1;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
    if (error != std::errc() || end != item.data() + item.size() || value < 0 || value >= count) {
      return make_error(ErrorCode::invalid_argument,
                        "--positions holds '" + item + "'; give numbers from 0 to " +
                            std::to_string(count - 1) + ", or all, or last");
    }
    out.push_back(value);
  }
  return out;
}

Result<std::vector<engine::Token>> greedy_tokens(engine::Engine& engine,
                                                 const std::vector<engine::Token>& prompt,
                                                 int count,
                                                 const std::vector<engine::AdapterUse>& adapters) {
  engine::GenerateRequest request;
  request.prompt = prompt;
  request.sampling.temperature = 0;
  request.max_tokens = count;
  request.is_end_honoured = false;
  request.adapters = adapters;
  Mutex mutex;
  Condition changed;
  std::optional<engine::GenerateEvent> last;
  TRY(engine.submit(std::move(request), [&](engine::GenerateEvent event) {
    MutexLock lock(mutex);
    const auto kind = event.kind;
    if (kind == engine::GenerateEvent::Kind::finished ||
        kind == engine::GenerateEvent::Kind::failed) {
      last = std::move(event);
      changed.notify_all();
    }
  }));
  MutexLock lock(mutex);
  while (!last) changed.wait(mutex);
  if (last->kind == engine::GenerateEvent::Kind::failed) return last->error;
  return last->tokens;
}

// With no more context than is asked for: models whose positions depend on it (phi3) then compute
// short texts as short ones, and little memory is taken.
Result<std::unique_ptr<engine::Engine>> load_for(const LogitsOptions& options) {
  const engine::ModelSummary summary = TRY(engine::inspect_model(options.path));
  const int64_t wanted = static_cast<int64_t>(options.tokens.size()) + options.greedy;
  engine::EngineOptions engine_options;
  engine_options.path = options.path;
  options.compute.apply(engine_options);
  engine_options.sequences_max = 1;
  engine_options.context_tokens_max =
      std::min(std::max(wanted, int64_t{2}), summary.context_tokens);
  return engine::Engine::load(engine_options);
}

// A file whose name ends in a colon and a number is given with a scale behind it.
Result<engine::AdapterUse> load_adapter(engine::Engine& engine, const std::string& text) {
  engine::AdapterUse use;
  std::string path = text;
  const size_t colon = text.rfind(':');
  if (colon != std::string::npos) {
    const char* const begin = text.data() + colon + 1;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, use.scale);
    if (error == std::errc() && stop == end) {
      path.resize(colon);
    } else {
      use.scale = 1;
    }
  }
  use.id = TRY(engine.load_adapter(path));
  return use;
}

Result<Json> logits(const LogitsOptions& options) {
  auto engine = TRY(load_for(options));
  const std::vector<engine::Token> tokens(options.tokens.begin(), options.tokens.end());
  const auto positions = TRY(positions_of(options));
  std::vector<engine::AdapterUse> adapters;
  for (const std::string& lora : options.loras) {
    adapters.push_back(TRY(load_adapter(*engine, lora)));
  }
  const auto rows = TRY(engine->logits(tokens, positions, adapters));
  Json list = Json::array();
  for (size_t i = 0; i < positions.size(); ++i) {
    Json values = Json::array();
    for (const float value : rows[i]) values.push(static_cast<double>(value));
    list.push(Json::object({{"pos", positions[i]}, {"values", std::move(values)}}));
  }
  Json greedy = Json::array();
  if (options.greedy > 0) {
    for (const engine::Token token :
         TRY(greedy_tokens(*engine, tokens, options.greedy, adapters))) {
      greedy.push(token);
    }
  }
  return Json::object({{"logits", std::move(list)}, {"greedy", std::move(greedy)}});
}

// A file that holds no more than a vocabulary, or a model that is not computed, can be looked at
// too: then `memory` says why there is no prediction.
Result<Json> inspect(const InspectOptions& options) {
  Json body = TRY(engine::inspect_model(options.path)).to_json();
  engine::EngineOptions load;
  load.path = options.path;
  load.context_tokens_max = options.context;
  load.sequences_max = options.sequences;
  options.compute.apply(load);
  const auto memory = engine::predict_memory(load);
  body.set("memory", memory.is_ok() ? memory->to_json()
                                    : Json::object({{"unknown", memory.error().message}}));
  return body;
}

void print_inspected(const Json& body) {
  Json plain = Json::object();
  for (const auto& [name, value] : body.members()) {
    if (name != "memory") plain.set(name, value);
  }
  for (const auto& [name, value] : body["memory"].members()) plain.set("memory " + name, value);
  print_fields(plain);
}

void print_models(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& model : body["models"].items()) {
    rows.push_back({model["name"].as_string(), model["kind"].as_string(),
                    model["state"].as_string(), std::to_string(model["running"].as_int()),
                    std::to_string(model["waiting"].as_int()), model["detail"].as_string()});
  }
  print_table({"name", "kind", "state", "running", "waiting", "detail"}, rows, 100);
}

}  // namespace

void models_list(CLI::App& app, Context& context) {
  app.callback([&context] { show(context, NodeClient(context).get("/api/models"), print_models); });
}

void model_inspect(CLI::App& app, Context& context) {
  auto options = std::make_shared<InspectOptions>();
  app.add_option("FILE", options->path, "GGUF file")->required();
  app.add_option("--context", options->context,
                 "tokens of a sequence that memory is predicted for; 0: as the model was trained")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--sequences", options->sequences, "sequences that memory is predicted for")
      ->check(CLI::Range(1, 256));
  options->compute.declare(app);
  app.callback([&context, options] { show(context, inspect(*options), print_inspected); });
}

void model_logits(CLI::App& app, Context& context) {
  auto options = std::make_shared<LogitsOptions>();
  app.add_option("FILE", options->path, "GGUF file")->required();
  app.add_option("--tokens", options->tokens, "token ids")->required()->delimiter(',');
  app.add_option("--positions", options->positions, "0,25,49 or all or last");
  options->compute.declare(app);
  app.add_option("--lora", options->loras, "LoRA adapter file, or FILE:SCALE; may be repeated");
  app.add_option("--greedy", options->greedy, "greedy tokens to add")->check(CLI::Range(0, 4096));
  app.callback([&context, options] { show(context, logits(*options), print_json); });
}

}  // namespace plinth::cli::commands
