// SPDX-License-Identifier: Apache-2.0
#include "cli/reference.h"

#include "api/api.h"
#include "base/error.h"
#include "cli/command.h"
#include "node/config.h"
#include "telemetry/metrics.h"

namespace plinth::cli {

namespace {

constexpr std::string_view kNote =
    "\nThis page is made from the program's own table: `plinth reference NAME` prints it and a "
    "test compares it.\n\n";

std::string row(std::initializer_list<std::string_view> cells) {
  std::string line = "|";
  for (const std::string_view cell : cells) {
    line += ' ';
    for (const char c : cell) {
      if (c == '|') line += '\\';
      line += c;
    }
    line += " |";
  }
  return line + "\n";
}

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string routes_page() {
  std::string out = "# Routes\n" + std::string(kNote);
  out += row({"method", "path", "what it does"}) + "|---|---|---|\n";
  for (const auto& route : api::Api::routes()) {
    out += row({route.method, code(route.pattern), route.meaning});
  }
  return out;
}

std::string commands_page() {
  std::string out = "# Commands\n" + std::string(kNote);
  out +=
      "Every command takes `--json`: standard output then holds JSON alone. Exit codes: 0 done, 1 "
      "the action "
      "failed, 2 wrong usage or input, 3 no node answers, 4 denied or not authenticated.\n\n";
  out += row({"command", "reach", "what it does"}) + "|---|---|---|\n";
  for (const Command& command : command_table()) {
    if (command.reach == Reach::hidden) continue;
    out += row({code("plinth " + std::string(command.name)),
                command.reach == Reach::offline ? "offline" : "through the API", command.meaning});
  }
  return out;
}

std::string configuration_page() {
  std::string out = "# plinth.yaml\n" + std::string(kNote);
  out += "The JSON Schema is in [schema/plinth.json](../schema/plinth.json).\n\n";
  out += row({"key", "type", "when absent", "meaning"}) + "|---|---|---|---|\n";
  for (const auto& key : node::config_keys()) {
    out += row({code(key.name), key.type, key.standard, key.meaning});
  }
  return out;
}

std::string errors_page() {
  std::string out = "# Errors\n" + std::string(kNote);
  out += row({"code", "HTTP status", "retry", "type", "meaning"}) + "|---|---|---|---|---|\n";
  for (const ErrorRow& error : error_table()) {
    out +=
        row({code(error.name), std::to_string(error.http_status),
             error.retry == Retry::later ? "later" : "no", code(error.openai_type), error.meaning});
  }
  return out;
}

std::string metrics_page() {
  std::string out = "# Metrics\n" + std::string(kNote);
  out += row({"name", "kind", "labels", "meaning"}) + "|---|---|---|---|\n";
  for (const auto& metric : telemetry::metric_table()) {
    static constexpr std::string_view kKinds[] = {"counter", "gauge", "histogram"};
    std::string labels;
    for (const std::string_view label : metric.labels) {
      labels += (labels.empty() ? "" : " ") + code(label);
    }
    out += row({code(metric.name), kKinds[static_cast<size_t>(metric.kind)], labels, metric.help});
  }
  out +=
      "\n## Under vLLM's names\n\nWith `telemetry: {vllm_aliases: true}`, of chats, with the "
      "labels "
      "`model_name`, `engine` and, of `vllm:request_success_total`, `finished_reason`.\n\n";
  out += row({"name", "from", "meaning"}) + "|---|---|---|\n";
  for (const auto& alias : telemetry::vllm_aliases()) {
    std::string source = code(telemetry::metric_row(alias.source).name);
    if (alias.is_sum) source = "sum of " + source + ", " + std::string(alias.only_value);
    out += row({code(alias.name), source, alias.help});
  }
  return out;
}

}  // namespace

Result<std::string> reference_page(std::string_view name) {
  if (name == "routes") return routes_page();
  if (name == "commands") return commands_page();
  if (name == "configuration") return configuration_page();
  if (name == "schema") return node::config_schema().dump_pretty() + "\n";
  if (name == "errors") return errors_page();
  if (name == "metrics") return metrics_page();
  return make_error(ErrorCode::invalid_argument,
                    "no reference page '" + std::string(name) +
                        "'; there are routes, commands, configuration, schema, errors, metrics");
}

}  // namespace plinth::cli
