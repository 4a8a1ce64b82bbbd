// SPDX-License-Identifier: Apache-2.0
// Agent files: version 1, strict. Every error names the key, the value and what is allowed.
#include <span>

#include "agents/agents.h"
#include "agents/tools/catalog.h"
#include "base/ids.h"
#include "base/text.h"
#include "base/units.h"
#include "base/yaml.h"
#include "http/client.h"

namespace plinth::agents {
namespace {

constexpr size_t kAgentBytesMax = 64u << 10;
constexpr size_t kSystemBytesMax = 16u << 10;
constexpr size_t kHostsMax = 64;
constexpr int64_t kStepsMax = 10'000;
constexpr int64_t kTokensMax = 1'000'000'000;
constexpr Duration kTimeMax = std::chrono::hours(24 * 30);

constexpr std::string_view kAgentKeys[] = {"version",    "name",      "model",     "system",
                                           "tools",      "space",     "workspace", "budget",
                                           "on_unknown", "http_hosts"};
constexpr std::string_view kBudgetKeys[] = {"steps_max", "tokens_max", "time_max"};

Error invalid(std::string_view key, std::string message) {
  return make_error(ErrorCode::invalid_argument, "agent: " + std::string(key) + ": " + message,
                    std::string(key));
}

Status check_keys(const Json& object, std::span<const std::string_view> allowed,
                  std::string_view where) {
  for (const auto& [key, value] : object.members()) {
    if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
    std::string list;
    for (const auto name : allowed) list += (list.empty() ? "" : ", ") + std::string(name);
    return invalid(std::string(where) + shorten(key, 64), "unknown key; allowed are " + list);
  }
  return ok();
}

Result<std::string> optional_text(const Json& object, std::string_view key, size_t bytes_max) {
  const Json* value = object.find(key);
  if (!value || value->is_null()) return std::string();
  if (!value->is_string()) {
    return invalid(key, "expected a text, got " + std::string(value->type_name()));
  }
  if (value->as_string().size() > bytes_max) {
    return invalid(key, "longer than " + std::to_string(bytes_max) + " bytes");
  }
  return value->as_string();
}

Result<int64_t> bounded(const Json& object, std::string_view key, int64_t fallback, int64_t max) {
  const Json* value = object.find(key);
  if (!value || value->is_null()) return fallback;
  const std::string path = "budget." + std::string(key);
  if (!value->is_integer() || value->as_int() < 1 || value->as_int() > max) {
    return invalid(path, "expected an integer from 1 to " + std::to_string(max) + ", got " +
                             shorten(value->dump(), 64));
  }
  return value->as_int();
}

Result<Budget> read_budget(const Json& json) {
  Budget budget;
  if (json.is_null()) return budget;
  if (!json.is_object())
    return invalid("budget", "expected a map of steps_max, tokens_max, time_max");
  TRY(check_keys(json, kBudgetKeys, "budget."));
  budget.steps_max = TRY(bounded(json, "steps_max", budget.steps_max, kStepsMax));
  budget.tokens_max = TRY(bounded(json, "tokens_max", budget.tokens_max, kTokensMax));
  const Json& time = json["time_max"];
  if (time.is_null()) return budget;
  const auto span = time.is_string() ? parse_duration(time.as_string())
                                     : Result<Duration>(make_error(ErrorCode::malformed, ""));
  if (span.is_error() || *span <= Duration::zero() || *span > kTimeMax) {
    return invalid("budget.time_max", "expected a span up to 720h such as 30s or 10m, got " +
                                          shorten(time.dump(), 64));
  }
  budget.time_max = *span;
  return budget;
}

Result<std::vector<std::string>> read_tools(const Json& json) {
  std::vector<std::string> tools;
  if (json.is_null()) return tools;
  if (!json.is_array()) return invalid("tools", "expected a list of tool names");
  for (const auto& item : json.items()) {
    const std::string& name = item.as_string();
    if (!find_tool(name)) {
      return invalid(
          "tools", "unknown tool " + shorten(item.dump(), 64) + "; this node has " + tool_names());
    }
    if (std::find(tools.begin(), tools.end(), name) != tools.end()) {
      return invalid("tools", "'" + name + "' is listed twice");
    }
    tools.push_back(name);
  }
  return tools;
}

// "host:port", lower case.
Result<std::string> read_host(const Json& item) {
  const auto url = http::parse_url("http://" + lower_ascii(item.as_string()));
  const size_t colon = item.as_string().rfind(':');
  if (url.is_error() || colon == std::string::npos || url->target != "/") {
    return invalid("http_hosts",
                   "expected host:port such as example.org:443, got " + shorten(item.dump(), 64));
  }
  return url->origin();
}

Result<std::vector<std::string>> read_hosts(const Json& json) {
  std::vector<std::string> hosts;
  if (json.is_null()) return hosts;
  if (!json.is_array() || json.size() > kHostsMax) {
    return invalid("http_hosts",
                   "expected a list of at most " + std::to_string(kHostsMax) + " host:port texts");
  }
  for (const auto& item : json.items()) hosts.push_back(TRY(read_host(item)));
  return hosts;
}

Result<OnUnknown> read_on_unknown(const std::string& text) {
  if (text.empty() || text == "ask") return OnUnknown::ask;
  if (text == "retry") return OnUnknown::retry;
  if (text == "fail") return OnUnknown::fail;
  return invalid("on_unknown", "expected ask, retry or fail, got '" + shorten(text, 64) + "'");
}

std::string_view on_unknown_name(OnUnknown rule) {
  switch (rule) {
    case OnUnknown::ask:
      return "ask";
    case OnUnknown::retry:
      return "retry";
    case OnUnknown::fail:
      return "fail";
  }
  return "ask";
}

Result<std::string> read_name(const Json& json, std::string_view key, const std::string& fallback) {
  const std::string text = TRY(optional_text(json, key, 64));
  if (text.empty() && !fallback.empty()) return fallback;
  if (!is_name(text)) {
    return invalid(key, "expected 1 to 64 of a-z 0-9 . _ - starting with a letter or digit, got '" +
                            shorten(text, 64) + "'");
  }
  return text;
}

}  // namespace

Json AgentSpec::to_json() const {
  Json json = Json::object({{"version", 1}, {"name", name}});
  if (!model.empty()) json.set("model", model);
  if (!system.empty()) json.set("system", system);
  json.set("tools", Json::array_of(tools));
  json.set("space", space);
  if (!workspace.empty()) json.set("workspace", workspace);
  json.set("budget", Json::object({{"steps_max", budget.steps_max},
                                   {"tokens_max", budget.tokens_max},
                                   {"time_max", std::to_string(to_ms(budget.time_max)) + "ms"}}));
  json.set("on_unknown", on_unknown_name(on_unknown));
  json.set("http_hosts", Json::array_of(http_hosts));
  return json;
}

Result<AgentSpec> agent_from_json(const Json& json) {
  if (!json.is_object()) {
    return make_error(ErrorCode::invalid_argument,
                      "agent: expected a map, got " + std::string(json.type_name()));
  }
  TRY(check_keys(json, kAgentKeys, ""));
  if (json["version"].as_int(0) != 1) {
    return invalid("version", "expected 1, got " + shorten(json["version"].dump(), 64));
  }
  AgentSpec agent;
  agent.name = TRY(read_name(json, "name", ""));
  agent.model = TRY(optional_text(json, "model", 128));
  agent.system = TRY(optional_text(json, "system", kSystemBytesMax));
  agent.tools = TRY(read_tools(json["tools"]));
  agent.space = TRY(read_name(json, "space", agent.name));
  agent.workspace = TRY(optional_text(json, "workspace", 1024));
  if (!agent.workspace.empty() && agent.workspace[0] != '/') {
    return invalid("workspace", "expected an absolute path, got '" + shorten(agent.workspace, 64) +
                                    "'; leave it out for a folder below the data folder");
  }
  agent.budget = TRY(read_budget(json["budget"]));
  const std::string on_unknown = TRY(optional_text(json, "on_unknown", 64));
  agent.on_unknown = TRY(read_on_unknown(on_unknown));
  agent.http_hosts = TRY(read_hosts(json["http_hosts"]));
  return agent;
}

Result<AgentSpec> parse_agent(std::string_view yaml) {
  if (yaml.size() > kAgentBytesMax) {
    return make_error(ErrorCode::too_large, "agent: the file has " + std::to_string(yaml.size()) +
                                                " bytes, the limit is " +
                                                std::to_string(kAgentBytesMax));
  }
  const Json json = TRY(parse_yaml(yaml));
  return agent_from_json(json);
}

}  // namespace plinth::agents
