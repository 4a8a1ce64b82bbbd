// SPDX-License-Identifier: Apache-2.0
// `plinth up`: one node, until SIGINT or SIGTERM.
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "base/disk.h"
#include "base/log.h"
#include "base/process.h"
#include "cli/command.h"
#include "cli/output.h"
#include "node/found.h"
#include "node/node.h"

namespace plinth::cli::commands {

namespace {

struct UpOptions {
  std::string config;
  std::string data;
  std::string listen;
  std::vector<std::string> models;     // [NAME=]FILE or [NAME=]SOURCE:NAME
  std::vector<std::string> upstreams;  // NAME=URL
  std::vector<std::string> agents;
  std::vector<std::string> hosts;
  std::string log_level;
};

// "NAME=VALUE", or VALUE with a name of its own.
std::pair<std::string, std::string> named(const std::string& text, const std::string& fallback) {
  const size_t at = text.find('=');
  if (at == std::string::npos || text.substr(0, at).find_first_of("/:") != std::string::npos) {
    return {fallback, text};
  }
  return {text.substr(0, at), text.substr(at + 1)};
}

Result<std::string> starter_path() {
  namespace fs = std::filesystem;
  const fs::path program = TRY(own_program_path());
  for (const fs::path& candidate : {program.parent_path() / "../../models/starter/starter.gguf",
                                    program.parent_path() / "../share/plinth/starter.gguf"}) {
    if (fs::exists(candidate)) return fs::weakly_canonical(candidate).string();
  }
  return make_error(
      ErrorCode::not_found,
      "no model: give --model FILE.gguf or FOLDER, --upstream NAME=URL, or a plinth.yaml");
}

Status add_models(const UpOptions& options, node::NodeConfig& config) {
  for (const auto& text : options.models) {
    const auto [name, model] = named(text, "");
    serving::ModelSpec spec = TRY(node::model_named(model, node::process_environment()));
    if (!name.empty()) spec.name = name;
    config.models.push_back(std::move(spec));
  }
  const char* key = std::getenv("PLINTH_UPSTREAM_KEY");
  if (key != nullptr && options.upstreams.size() > 1) {
    return make_error(ErrorCode::invalid_argument,
                      "PLINTH_UPSTREAM_KEY would go to " +
                          std::to_string(options.upstreams.size()) +
                          " upstreams; name each one's key in plinth.yaml (models[].api_key_env)");
  }
  for (const auto& text : options.upstreams) {
    const auto [name, url] = named(text, "upstream");
    serving::ModelSpec spec;
    spec.name = name;
    spec.kind = serving::ReplicaKind::upstream;
    spec.url = url;
    if (key != nullptr) spec.api_key = key;
    config.models.push_back(spec);
  }
  if (!config.models.empty()) return ok();
  serving::ModelSpec starter;
  starter.name = "starter";
  starter.path = TRY(starter_path());
  config.models.push_back(starter);
  return ok();
}

Result<node::NodeConfig> configure(const UpOptions& options) {
  node::NodeConfig config;
  if (!options.config.empty()) {
    const std::string text = TRY(read_text(options.config));
    auto parsed =
        node::parse_config(text, std::filesystem::absolute(options.config).parent_path().string());
    if (parsed.is_error()) {
      Error error = parsed.error();
      error.message = options.config + ": " + error.message;
      return error;
    }
    config = *parsed;
  }
  if (!options.data.empty()) config.data_folder = options.data;
  if (!options.listen.empty()) TRY(node::parse_listen(options.listen, config));
  if (!options.log_level.empty()) config.log_level = options.log_level;
  for (const auto& agent : options.agents) config.agent_files.push_back(agent);
  for (const auto& host : options.hosts) config.allowed_hosts.push_back(host);
  TRY(add_models(options, config));
  return config;
}

// What else this machine could serve; nothing when there is nothing.
void print_found() {
  const node::Found found = node::find_models(node::process_environment());
  if (found.models.empty() && found.services.empty()) return;
  std::string text;
  if (!found.models.empty()) {
    text = std::to_string(found.models.size()) +
           (found.models.size() == 1 ? " model on this machine" : " models on this machine");
  }
  for (const node::FoundService& service : found.services) {
    text += (text.empty() ? "" : ", ") + service.variable;
  }
  std::printf("  found       %s: `plinth model found` shows how to serve them\n", text.c_str());
}

void announce(const Context& context, const node::Node& node) {
  const Json summary = node.summary();
  if (context.is_json) {
    std::printf("%s\n", summary.dump().c_str());
    std::fflush(stdout);
    return;
  }
  std::string models;
  for (const Json& model : summary["models"].items()) models += " " + model.as_string();
  std::printf("Plinth is up.\n");
  std::printf("  OpenAI API  %s/v1\n", node.address().c_str());
  std::printf("  MCP         %s/mcp\n", node.address().c_str());
  std::printf("  metrics     %s/metrics\n", node.address().c_str());
  std::printf("  console     %s\n", node.console_address().c_str());
  std::printf("  models     %s\n", models.c_str());
  std::printf("  sandbox     %s\n", summary["sandbox"]["profile"].as_string().c_str());
  std::printf("  data        %s\n", summary["data"].as_string().c_str());
  print_found();
  std::printf("Ctrl-C stops it; nothing is lost.\n");
  std::fflush(stdout);
}

void run_node(Context& context, const UpOptions& options) {
  // Blocked before any thread starts, so that only sigwait below takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  auto config = configure(options);
  if (config.is_error()) return fail(context, config.error());
  auto node = node::Node::start(*config);
  if (node.is_error()) return fail(context, node.error());
  announce(context, **node);
  int signal = 0;
  sigwait(&signals, &signal);
  log_event(LogLevel::info, "node.stopping", {{"signal", signal == SIGINT ? "INT" : "TERM"}});
  if (!context.is_json) std::printf("stopping\n");
}

}  // namespace

void up(CLI::App& app, Context& context) {
  auto options = std::make_shared<UpOptions>();
  app.add_option("--config", options->config, "plinth.yaml");
  app.add_option("--data", options->data,
                 "data folder; default $XDG_DATA_HOME/plinth or ~/.local/share/plinth")
      ->check([](const std::string& folder) {
        return folder.empty() ? std::string("it is empty; name a folder, or leave --data out")
                              : std::string();
      });
  app.add_option("--listen", options->listen, "HOST:PORT; default 127.0.0.1:7070, port 0 is any");
  app.add_option("--allow-host", options->hosts,
                 "NAME[:PORT] that callers may use for this node, such as a proxy's");
  app.add_option(
      "--model", options->models,
      "[NAME=]FILE.gguf or the folder of a safetensors checkpoint, served by the built-in "
      "engine, or SOURCE:NAME as `plinth model found` shows; default: the starter model");
  app.add_option("--upstream", options->upstreams,
                 "[NAME=]URL of an OpenAI-compatible server, ending in /v1; its key, if it needs "
                 "one, in PLINTH_UPSTREAM_KEY");
  app.add_option("--agent", options->agents, "agent document (YAML) to store");
  app.add_option("--log", options->log_level, "debug, info, warning, error or off")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}));
  app.callback([&context, options] { run_node(context, *options); });
}

}  // namespace plinth::cli::commands
