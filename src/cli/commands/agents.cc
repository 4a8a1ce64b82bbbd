// SPDX-License-Identifier: Apache-2.0
// `plinth agents …`: the agents a node knows.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/text.h"
#include "cli/node_client.h"
#include "cli/output.h"

namespace plinth::cli::commands {

namespace {

std::string words_of(const Json& list) {
  std::vector<std::string> words;
  for (const Json& word : list.items()) words.push_back(word.as_string());
  return join(words, " ");
}

void print_agents(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& agent : body["agents"].items()) {
    rows.push_back(
        {agent["name"].as_string(), agent["model"].as_string(), words_of(agent["tools"])});
  }
  print_table({"agent", "model", "tools"}, rows, 120);
}

void print_line(const char* what, const std::string& text) {
  if (!text.empty()) std::printf("%-11s %s\n", what, printable(text).c_str());
}

void print_agent(const Json& agent) {
  const Json& budget = agent["budget"];
  print_line("agent", agent["name"].as_string());
  const std::string& model = agent["model"].as_string();
  print_line("model", model.empty() ? "the node's default" : model);
  print_line("tools", words_of(agent["tools"]));
  print_line("space", agent["space"].as_string());
  print_line("workspace", agent["workspace"].as_string());
  print_line("http hosts", words_of(agent["http_hosts"]));
  print_line("budget", std::to_string(budget["steps_max"].as_int()) + " steps, " +
                           std::to_string(budget["tokens_max"].as_int()) + " tokens, " +
                           budget["time_max"].as_string());
  print_line("system", agent["system"].as_string());
}

std::string agent_path(const std::string& name) { return "/api/agents/" + path_segment(name); }

}  // namespace

void agents_list(CLI::App& app, Context& context) {
  app.callback([&context] { show(context, NodeClient(context).get("/api/agents"), print_agents); });
}

void agents_show(CLI::App& app, Context& context) {
  auto name = std::make_shared<std::string>();
  app.add_option("AGENT", *name, "name of the agent")->required();
  app.callback(
      [&context, name] { show(context, NodeClient(context).get(agent_path(*name)), print_agent); });
}

void agents_put(CLI::App& app, Context& context) {
  auto path = std::make_shared<std::string>();
  app.add_option("FILE", *path, "agent document (YAML), or - for standard input")->required();
  app.callback([&context, path] {
    auto text = read_text(*path);
    if (text.is_error()) return fail(context, text.error());
    show(context, NodeClient(context).post("/api/agents", Json::object({{"yaml", *text}})),
         print_agent);
  });
}

void agents_remove(CLI::App& app, Context& context) {
  auto name = std::make_shared<std::string>();
  app.add_option("AGENT", *name, "name of the agent")->required();
  app.callback([&context, name] {
    show(context, NodeClient(context).remove(agent_path(*name)), print_fields);
  });
}

}  // namespace plinth::cli::commands
