// SPDX-License-Identifier: Apache-2.0
// `plinth model found`: models that are on this machine already.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/units.h"
#include "cli/command.h"
#include "cli/output.h"
#include "node/found.h"

namespace plinth::cli::commands {

namespace {

Json found_here() {
  const node::Found found = node::find_models(node::process_environment());
  Json models = Json::array();
  for (const node::FoundModel& model : found.models) {
    models.push(Json::object({{"reference", model.reference},
                              {"name", model.name},
                              {"path", model.path},
                              {"bytes", static_cast<int64_t>(model.bytes)}}));
  }
  Json services = Json::array();
  for (const node::FoundService& service : found.services) {
    services.push(Json::object(
        {{"reference", service.reference}, {"url", service.url}, {"variable", service.variable}}));
  }
  return Json::object({{"models", std::move(models)}, {"services", std::move(services)}});
}

void print_found(const Json& found) {
  std::vector<std::vector<std::string>> rows;
  for (const Json& model : found["models"].items()) {
    rows.push_back({printable(model["reference"].as_string()),
                    format_bytes(static_cast<uint64_t>(model["bytes"].as_int())),
                    printable(model["path"].as_string())});
  }
  for (const Json& service : found["services"].items()) {
    rows.push_back({service["reference"].as_string(), service["variable"].as_string() + " is set",
                    service["url"].as_string()});
  }
  if (rows.empty()) {
    std::printf(
        "Nothing found in the stores of Ollama, LM Studio and Hugging Face, and no key of a known "
        "service in the environment.\n");
    return;
  }
  constexpr size_t kCellBytesMax = 160;
  print_table({"reference", "what", "where"}, rows, kCellBytesMax);
  std::printf("Serve one with `plinth up --model REFERENCE`.\n");
}

}  // namespace

void model_found(CLI::App& app, Context& context) {
  app.callback([&context] { show(context, found_here(), print_found); });
}

}  // namespace plinth::cli::commands
