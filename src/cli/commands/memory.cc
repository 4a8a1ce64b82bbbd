// SPDX-License-Identifier: Apache-2.0
// `plinth memory …`: spaces and their records.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/node_client.h"
#include "cli/output.h"

namespace plinth::cli::commands {

namespace {

std::string fixed(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

void print_spaces(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& space : body["spaces"].items()) {
    rows.push_back({space["name"].as_string(), std::to_string(space["records"].as_int()),
                    space["embedder"].as_string()});
  }
  print_table({"space", "records", "embedder"}, rows);
}

void print_records(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& record : body["records"].items()) {
    rows.push_back({record["id"].as_string(), record["text"].as_string()});
  }
  print_table({"record", "text"}, rows, 160);
}

void print_recalled(const Json& body) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& result : body["results"].items()) {
    rows.push_back({fixed(result["score"].as_double()), fixed(result["vector_score"].as_double()),
                    fixed(result["word_score"].as_double()), result["record"]["text"].as_string()});
  }
  print_table({"score", "vectors", "words", "text"}, rows, 160);
}

struct Options {
  std::string space;
  std::string text;
  std::string id;
  int limit = 5;
};

std::string space_path(const Options& options) {
  return "/api/memory/" + path_segment(options.space);
}

}  // namespace

void memory_spaces(CLI::App& app, Context& context) {
  app.callback([&context] { show(context, NodeClient(context).get("/api/memory"), print_spaces); });
}

void memory_list(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  app.add_option("SPACE", options->space, "name of the space")->required();
  app.callback([&context, options] {
    show(context, NodeClient(context).get(space_path(*options) + "/records"), print_records);
  });
}

void memory_remember(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  app.add_option("SPACE", options->space, "name of the space; made when absent")->required();
  app.add_option("TEXT", options->text, "what to remember")->required();
  app.add_option("--id", options->id, "record id: the same id again changes nothing");
  app.callback([&context, options] {
    Json body = Json::object({{"text", options->text}});
    if (!options->id.empty()) body.set("id", options->id);
    show(context, NodeClient(context).post(space_path(*options) + "/records", body),
         [](const Json& record) { std::printf("%s\n", record["id"].as_string().c_str()); });
  });
}

void memory_recall(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  app.add_option("SPACE", options->space, "name of the space")->required();
  app.add_option("QUERY", options->text, "what to look for")->required();
  app.add_option("--limit", options->limit, "most results")->check(CLI::Range(1, 100));
  app.callback([&context, options] {
    show(context,
         NodeClient(context).post(
             space_path(*options) + "/recall",
             Json::object({{"query", options->text}, {"limit", options->limit}})),
         print_recalled);
  });
}

void memory_forget(CLI::App& app, Context& context) {
  auto options = std::make_shared<Options>();
  app.add_option("SPACE", options->space, "name of the space")->required();
  app.add_option("RECORD", options->id, "id of the record")->required();
  app.callback([&context, options] {
    show(context,
         NodeClient(context).remove(space_path(*options) + "/records/" + path_segment(options->id)),
         print_fields);
  });
}

}  // namespace plinth::cli::commands
