// SPDX-License-Identifier: Apache-2.0
#include "node/config.h"

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "base/units.h"
#include "base/yaml.h"
#include "node/config_values.h"

namespace plinth::node {

namespace {

constexpr ConfigKey kKeys[] = {
    {"version", "integer", "1", "version of this document's format"},
    {"data", "string", "$XDG_DATA_HOME/plinth or ~/.local/share/plinth", "the data folder"},
    {"listen.host", "string", "127.0.0.1",
     "address to listen on; beyond loopback a key must exist"},
    {"listen.port", "integer", "7070", "port to listen on; 0 takes any free one"},
    {"listen.allowed_hosts", "list of strings", "[]",
     "further Host headers that are answered, such as a proxy's name"},
    {"listen.allowed_origins", "list of strings", "[]",
     "further web origins whose pages may call this node"},
    {"log.level", "string", "info", "debug, info, warning, error or off"},
    {"models[].name", "string", "", "name that clients ask for"},
    {"models[].path", "string", "", "a GGUF file, served by the built-in engine"},
    {"models[].adapters", "map of strings", "{}",
     "LoRA adapters in GGUF by name, of a model with a path: each is served as MODEL:NAME"},
    {"models[].url", "string", "", "base URL of a server, ending in /v1"},
    {"models[].upstream_api", "string", "openai", "what the URL speaks: openai or anthropic"},
    {"models[].upstream_model", "string", "the name, or the first one listed there",
     "the model's name at the URL"},
    {"models[].api_key_env", "string", "", "environment variable that holds the upstream's key"},
    {"models[].api_key_file", "string", "", "file that holds the upstream's key"},
    {"models[].context_tokens_max", "integer", "the trained length", "longest sequence kept"},
    {"models[].threads", "integer", "one per core", "threads that compute"},
    {"routes[].name", "string", "", "name that clients ask for and that stands for models"},
    {"routes[].models", "map of numbers", "",
     "models by name, each with its share of the requests: {large: 9, small: 1}"},
    {"routes[].fallbacks", "list of strings", "[]",
     "models tried in order when the chosen one is full, not ready or out of reach"},
    {"admission.running_max", "integer", "64",
     "requests of one tenant to one model at once; of all tenants twice as many"},
    {"admission.queue_max", "integer", "128", "requests of one model that may wait"},
    {"admission.queue_wait_max", "duration", "30s", "longest wait before a request is refused"},
    {"admission.requests_per_second_max", "number", "0", "per principal; 0 means no limit"},
    {"telemetry.vllm_aliases", "boolean", "false",
     "metrics of chats at /metrics also under vLLM's names, vllm:…"},
    {"agents.files", "list of strings", "[]", "agent documents stored at start"},
    {"agents.runs_at_once_max", "integer", "8", "runs that make progress at the same time"},
};

std::string section_of(std::string_view name) {
  const size_t dot = name.find_first_of(".[");
  return std::string(name.substr(0, dot));
}

// Refuses members that the table does not name below `section` ("" for the top level).
Status check_keys(const Json& object, const std::string& section) {
  if (!object.is_object()) {
    return make_error(ErrorCode::malformed, std::string(section.empty() ? "the document" : "it") +
                                                " must be a mapping, not a " +
                                                std::string(object.type_name()));
  }
  for (const auto& [name, value] : object.members()) {
    bool is_known = false;
    std::vector<std::string> allowed;
    for (const ConfigKey& key : kKeys) {
      const std::string leaf =
          section.empty()                         ? section_of(key.name)
          : key.name.starts_with(section + ".")   ? std::string(key.name.substr(section.size() + 1))
          : key.name.starts_with(section + "[].") ? std::string(key.name.substr(section.size() + 3))
                                                  : "";
      if (leaf.empty()) continue;
      if (leaf == name) is_known = true;
      if (std::find(allowed.begin(), allowed.end(), leaf) == allowed.end()) allowed.push_back(leaf);
    }
    if (!is_known) {
      return make_error(ErrorCode::invalid_argument,
                        "unknown key '" + name + "'; allowed here: " + join(allowed, ", "), name);
    }
  }
  return ok();
}

Result<std::vector<std::string>> strings_of(const Json& section, std::string_view key) {
  std::vector<std::string> out;
  const Json& value = section[key];
  if (value.is_null()) return out;
  if (!value.is_array()) {
    return make_error(ErrorCode::invalid_argument, std::string(key) + " must be a list of strings");
  }
  for (const Json& item : value.items()) {
    if (!item.is_string()) {
      return make_error(
          ErrorCode::invalid_argument,
          std::string(key) + " holds a " + std::string(item.type_name()) + "; give strings");
    }
    out.push_back(item.as_string());
  }
  return out;
}

std::string resolve(const std::string& path, const std::string& folder) {
  if (path.empty() || folder.empty()) return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

Result<std::string> upstream_key(const Json& model, const std::string& folder) {
  if (const auto variable = TRY(json_field::optional_string(model, "api_key_env"))) {
    const char* value = std::getenv(variable->c_str());
    if (value == nullptr || *value == 0) {
      return make_error(ErrorCode::invalid_argument,
                        "api_key_env names " + *variable + ", which is not set");
    }
    return std::string(value);
  }
  if (const auto file = TRY(json_field::optional_string(model, "api_key_file"))) {
    std::ifstream in(resolve(*file, folder));
    std::string line;
    if (!in || !std::getline(in, line) || trim(line).empty()) {
      return make_error(ErrorCode::invalid_argument,
                        "api_key_file: cannot read a key from " + *file);
    }
    return std::string(trim(line));
  }
  return std::string();
}

Result<std::vector<serving::AdapterSpec>> parse_adapters(const Json& adapters,
                                                         const std::string& folder) {
  std::vector<serving::AdapterSpec> specs;
  if (adapters.is_null()) return specs;
  if (!adapters.is_object()) {
    return make_error(ErrorCode::invalid_argument,
                      "adapters must map names to files, as in {sql: sql.gguf}", "adapters");
  }
  for (const auto& [name, file] : adapters.members()) {
    TRY(check_adapter_name(name));
    if (!file.is_string() || file.as_string().empty()) {
      return make_error(ErrorCode::invalid_argument, "adapters: " + name + " must name a GGUF file",
                        "adapters");
    }
    specs.push_back({name, resolve(file.as_string(), folder)});
  }
  return specs;
}

Result<serving::ModelSpec> parse_model(const Json& model, const std::string& folder) {
  TRY(check_keys(model, "models"));
  serving::ModelSpec spec;
  spec.name = TRY(json_field::required_string(model, "name"));
  TRY(check_model_name(spec.name));
  spec.path = resolve(TRY(json_field::optional_string(model, "path")).value_or(""), folder);
  spec.url = TRY(json_field::optional_string(model, "url")).value_or("");
  spec.adapters = TRY(parse_adapters(model["adapters"], folder));
  spec.upstream_api = TRY(serving::find_upstream_api(
      TRY(json_field::optional_string(model, "upstream_api")).value_or("openai")));
  spec.upstream_model = TRY(json_field::optional_string(model, "upstream_model")).value_or("");
  if (spec.path.empty() == spec.url.empty()) {
    return make_error(
        ErrorCode::invalid_argument,
        std::string("it needs one of path and url, not ") + (spec.url.empty() ? "none" : "both"));
  }
  if (spec.path.empty() && !spec.adapters.empty()) {
    return make_error(ErrorCode::invalid_argument,
                      "adapters are of a model with a path; the server at the url has its own",
                      "adapters");
  }
  spec.kind = spec.path.empty() ? serving::ReplicaKind::upstream : serving::ReplicaKind::native;
  spec.api_key = TRY(upstream_key(model, folder));
  spec.context_tokens_max =
      TRY(json_field::optional_integer(model, "context_tokens_max", 16, 1 << 24)).value_or(0);
  spec.threads =
      static_cast<int>(TRY(json_field::optional_integer(model, "threads", 1, 1024)).value_or(0));
  return spec;
}

Status parse_listen_section(const Json& listen, NodeConfig& config) {
  TRY(check_keys(listen, "listen"));
  config.listen_host =
      TRY(json_field::optional_string(listen, "host")).value_or(config.listen_host);
  config.listen_port = static_cast<uint16_t>(
      TRY(json_field::optional_integer(listen, "port", 0, 65535)).value_or(config.listen_port));
  config.allowed_hosts = TRY(strings_of(listen, "allowed_hosts"));
  config.allowed_origins = TRY(strings_of(listen, "allowed_origins"));
  return check_values(config);
}

Status parse_log_section(const Json& log, NodeConfig& config) {
  TRY(check_keys(log, "log"));
  config.log_level = TRY(json_field::optional_string(log, "level")).value_or("info");
  const std::set<std::string> levels = {"debug", "info", "warning", "error", "off"};
  if (levels.contains(config.log_level)) return ok();
  return make_error(
      ErrorCode::invalid_argument,
      "level is '" + config.log_level + "'; allowed: debug, info, warning, error, off");
}

Status parse_admission_section(const Json& admission, NodeConfig& config) {
  TRY(check_keys(admission, "admission"));
  auto& out = config.admission;
  out.running_max =
      static_cast<int>(TRY(json_field::optional_integer(admission, "running_max", 1, 65536))
                           .value_or(out.running_max));
  out.queue_max = static_cast<int>(
      TRY(json_field::optional_integer(admission, "queue_max", 0, 65536)).value_or(out.queue_max));
  if (const auto wait = TRY(json_field::optional_string(admission, "queue_wait_max"))) {
    out.queue_wait_max = TRY(parse_duration(*wait));
  }
  out.requests_per_second_max =
      TRY(json_field::optional_number(admission, "requests_per_second_max", 0, 1e9)).value_or(0);
  return ok();
}

Status parse_telemetry_section(const Json& section, NodeConfig& config) {
  TRY(check_keys(section, "telemetry"));
  if (TRY(json_field::optional_bool(section, "vllm_aliases")).value_or(false)) {
    config.metric_aliases = telemetry::Aliases::vllm;
  }
  return ok();
}

Status parse_agents_section(const Json& agents, const std::string& folder, NodeConfig& config) {
  TRY(check_keys(agents, "agents"));
  for (const auto& file : TRY(strings_of(agents, "files"))) {
    config.agent_files.push_back(resolve(file, folder));
  }
  config.runs_at_once_max = static_cast<size_t>(
      TRY(json_field::optional_integer(agents, "runs_at_once_max", 1, 1024)).value_or(8));
  return ok();
}

Result<serving::RouteSpec> parse_route(const Json& route) {
  TRY(check_keys(route, "routes"));
  serving::RouteSpec spec;
  spec.name = TRY(json_field::required_string(route, "name"));
  TRY(check_model_name(spec.name));
  const Json& models = route["models"];
  if (!models.is_object() || models.size() == 0) {
    return make_error(
        ErrorCode::invalid_argument,
        "models must name at least one model and its share, as in {large: 9, small: 1}", "models");
  }
  for (const auto& [model, weight] : models.members()) {
    if (!weight.is_number()) {
      return make_error(ErrorCode::invalid_argument,
                        "models: the share of " + model + " is a " +
                            std::string(weight.type_name()) + "; give a number above 0",
                        "models");
    }
    spec.targets.push_back({model, weight.as_double()});
  }
  spec.fallbacks = TRY(strings_of(route, "fallbacks"));
  return spec;
}

// Errors of a part name the part.
template <typename T>
T in_part(const std::string& part, T result) {
  if (result.is_ok()) return result;
  Error error = result.error();
  error.message = part + ": " + error.message;
  return error;
}

Status parse_sections(const Json& document, const std::string& folder, NodeConfig& config) {
  if (const Json& listen = document["listen"]; !listen.is_null()) {
    TRY(in_part("listen", parse_listen_section(listen, config)));
  }
  if (const Json& log = document["log"]; !log.is_null()) {
    TRY(in_part("log", parse_log_section(log, config)));
  }
  if (const Json& admission = document["admission"]; !admission.is_null()) {
    TRY(in_part("admission", parse_admission_section(admission, config)));
  }
  if (const Json& telemetry = document["telemetry"]; !telemetry.is_null()) {
    TRY(in_part("telemetry", parse_telemetry_section(telemetry, config)));
  }
  if (const Json& agents = document["agents"]; !agents.is_null()) {
    TRY(in_part("agents", parse_agents_section(agents, folder, config)));
  }
  return ok();
}

}  // namespace

std::span<const ConfigKey> config_keys() { return kKeys; }

Result<NodeConfig> parse_config(std::string_view yaml, const std::string& folder) {
  const Json document = TRY(parse_yaml(yaml));
  NodeConfig config;
  if (document.is_null()) return config;
  TRY(check_keys(document, ""));
  const auto version = TRY(json_field::optional_integer(document, "version", 0, INT64_MAX));
  if (version.value_or(kConfigVersion) != kConfigVersion) {
    return make_error(ErrorCode::unsupported, "version is " + std::to_string(*version) +
                                                  "; this program reads version " +
                                                  std::to_string(kConfigVersion));
  }
  if (const auto data = TRY(json_field::optional_string(document, "data"))) {
    if (data->empty()) {
      return make_error(ErrorCode::invalid_argument,
                        "data is empty; give a folder, or leave the key out", "data");
    }
    config.data_folder = resolve(*data, folder);
  }
  TRY(parse_sections(document, folder, config));
  if (const Json& models = document["models"]; !models.is_null()) {
    if (!models.is_array()) {
      return make_error(ErrorCode::invalid_argument, "models must be a list");
    }
    for (const Json& model : models.items()) {
      const std::string part = "models[" + std::to_string(config.models.size()) + "]";
      config.models.push_back(TRY(in_part(part, parse_model(model, folder))));
    }
  }
  if (const Json& routes = document["routes"]; !routes.is_null()) {
    if (!routes.is_array()) {
      return make_error(ErrorCode::invalid_argument, "routes must be a list");
    }
    for (const Json& route : routes.items()) {
      const std::string part = "routes[" + std::to_string(config.routes.size()) + "]";
      config.routes.push_back(TRY(in_part(part, parse_route(route))));
    }
  }
  return config;
}

Status parse_listen(std::string_view text, NodeConfig& config) {
  const size_t colon = text.rfind(':');
  uint16_t port = 0;
  const std::string_view digits = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return make_error(ErrorCode::invalid_argument,
                      "listen address '" + std::string(text) +
                          "' is not HOST:PORT with a port from 0 to 65535, such as "
                          "127.0.0.1:7070 or [::1]:7070");
  }
  std::string_view host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  config.listen_host = host.empty() ? "127.0.0.1" : std::string(host);
  config.listen_port = port;
  return ok();
}

Json config_schema() {
  Json top = Json::object();
  const auto leaf_schema = [](const ConfigKey& key) {
    Json leaf = Json::object();
    const std::string_view type = key.type;
    if (type == "list of strings") {
      leaf.set("type", "array").set("items", Json::object({{"type", "string"}}));
    } else if (type == "map of strings") {
      leaf.set("type", "object").set("additionalProperties", Json::object({{"type", "string"}}));
    } else if (type == "map of numbers") {
      leaf.set("type", "object").set("additionalProperties", Json::object({{"type", "number"}}));
    } else {
      leaf.set("type", type == "duration" ? "string" : type);
    }
    leaf.set("description", key.meaning);
    return leaf;
  };
  std::map<std::string, Json> sections;
  std::vector<std::string> order;
  for (const ConfigKey& key : kKeys) {
    const std::string section = section_of(key.name);
    if (section == key.name) {
      top.set(section, leaf_schema(key));
      continue;
    }
    const bool is_list = key.name.substr(section.size()).starts_with("[].");
    const std::string leaf(key.name.substr(section.size() + (is_list ? 3 : 1)));
    if (!sections.contains(section)) order.push_back(section);
    Json& properties = sections[section];
    properties.set(leaf, leaf_schema(key));
  }
  for (const std::string& section : order) {
    Json object = Json::object(
        {{"type", "object"}, {"additionalProperties", false}, {"properties", sections[section]}});
    if (section == "models" || section == "routes") {
      object.set("required", section == "models" ? Json::array_of({"name"})
                                                 : Json::array_of({"name", "models"}));
      object = Json::object({{"type", "array"}, {"items", std::move(object)}});
    }
    top.set(section, std::move(object));
  }
  return Json::object({{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                       {"title", "plinth.yaml, version 1"},
                       {"type", "object"},
                       {"additionalProperties", false},
                       {"properties", std::move(top)}});
}

std::string default_data_folder() {
  if (const char* folder = std::getenv("XDG_DATA_HOME"); folder != nullptr && *folder != 0) {
    return std::string(folder) + "/plinth";
  }
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.local/share/plinth";
}

}  // namespace plinth::node
