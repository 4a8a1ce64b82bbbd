// SPDX-License-Identifier: Apache-2.0
// plinth.yaml: one table of keys (config.cc), from which docs/reference/configuration.md and
// docs/schema/plinth.json are made. A wrong configuration refuses to start, naming the key, the
// value and what is allowed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "serving/serving.h"
#include "telemetry/metrics.h"

namespace plinth::node {

inline constexpr int64_t kConfigVersion = 1;

struct NodeConfig {
  std::string data_folder;
  std::string listen_host = "127.0.0.1";
  uint16_t listen_port = 7070;
  std::vector<std::string> allowed_hosts;    // beyond the listening address: names a proxy uses
  std::vector<std::string> allowed_origins;  // beyond the node's own
  std::string log_level = "info";
  std::vector<serving::ModelSpec> models;
  std::vector<serving::RouteSpec> routes;
  serving::AdmissionOptions admission;
  telemetry::Aliases metric_aliases = telemetry::Aliases::none;
  std::vector<std::string> agent_files;  // YAML files stored at start
  size_t runs_at_once_max = 8;
};

struct ConfigKey {
  std::string_view name;  // "listen.host", "models[].path"
  // "string" | "integer" | "number" | "boolean" | "duration" | "list of strings" | "map of numbers"
  // | "map of strings"
  std::string_view type;
  std::string_view standard;  // what holds when the key is absent, as text
  std::string_view meaning;
};
std::span<const ConfigKey> config_keys();

// Reads a document; unknown keys are errors. Relative paths are relative to `folder`.
Result<NodeConfig> parse_config(std::string_view yaml, const std::string& folder);

// "HOST:PORT", "[::1]:7070" -> host and port.
Status parse_listen(std::string_view text, NodeConfig& config);

// JSON Schema (2020-12) of the document, made from the same table.
Json config_schema();

// $XDG_DATA_HOME/plinth, else ~/.local/share/plinth.
std::string default_data_folder();

}  // namespace plinth::node
