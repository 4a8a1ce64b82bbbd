// SPDX-License-Identifier: Apache-2.0
// Agents and their runs.
#include <charconv>

#include "api/endpoint.h"

namespace plinth::api::endpoints {

namespace {

constexpr size_t kListMax = 1000;
constexpr int64_t kDelayMsMax = 366LL * 24 * 3600 * 1000;

Result<Json> run_json(const Result<agents::RunSummary>& run) {
  if (run.is_error()) return run.error();
  return run->to_json();
}

Result<agents::AgentSpec> agent_of(const Json& body) {
  if (body["yaml"].is_string()) return agents::parse_agent(body["yaml"].as_string());
  return agents::agent_from_json(body);
}

Result<Json> put(Call& call) {
  const Json body = TRY(body_object(call));
  const agents::AgentSpec agent = TRY(agent_of(body));
  TRY(call.services.agents.put_agent(call.request, agent));
  return agent.to_json();
}

Result<Json> get(Call& call) {
  const auto agent = TRY(call.services.agents.get_agent(call.request, call.parameter("agent")));
  return agent.to_json();
}

Result<Json> remove(Call& call) {
  TRY(call.services.agents.remove_agent(call.request, call.parameter("agent")));
  return Json::object({{"removed", call.parameter("agent")}});
}

Result<Json> start(Call& call) {
  const Json body = TRY(body_object(call));
  const std::string agent = TRY(json_field::required_string(body, "agent"));
  const std::string goal = TRY(json_field::required_string(body, "goal"));
  const auto key = TRY(json_field::optional_string(body, "idempotency_key"));
  const auto delay_ms = TRY(json_field::optional_integer(body, "delay_ms", 0, kDelayMsMax));
  return run_json(call.services.agents.start(call.request, agent, goal, key.value_or(""),
                                             std::chrono::milliseconds(delay_ms.value_or(0))));
}

Result<Json> entries(Call& call) {
  uint64_t after = 0;
  if (const auto it = call.http.query.find("after"); it != call.http.query.end()) {
    const auto [end, error] =
        std::from_chars(it->second.data(), it->second.data() + it->second.size(), after);
    if (error != std::errc() || end != it->second.data() + it->second.size()) {
      return make_error(ErrorCode::invalid_argument,
                        "after is not a sequence; give a number from an earlier answer", "after");
    }
  }
  const size_t limit = TRY(limit_of(call, 500, kListMax));
  const auto list =
      TRY(call.services.agents.entries(call.request, call.parameter("run"), after, limit));
  Json out = Json::array();
  for (const auto& entry : list) {
    out.push(Json::object({{"sequence", entry.sequence},
                           {"written", entry.written.iso8601()},
                           {"entry", entry.body}}));
  }
  return Json::object({{"entries", std::move(out)}});
}

Result<Json> approval(Call& call) {
  const Json body = TRY(body_object(call));
  const std::string digest = TRY(json_field::required_string(body, "digest"));
  const auto granted = TRY(json_field::optional_bool(body, "granted"));
  if (!granted) {
    return make_error(ErrorCode::invalid_argument, "granted is missing; send true or false",
                      "granted");
  }
  return run_json(
      call.services.agents.approve(call.request, call.parameter("run"), digest, *granted));
}

}  // namespace

void list_agents(Call call) {
  auto agents = call.services.agents.list_agents(call.request);
  if (agents.is_error()) return answer(call, agents.error());
  Json list = Json::array();
  for (const auto& agent : *agents) list.push(agent.to_json());
  answer(call, Json::object({{"agents", std::move(list)}}));
}

void put_agent(Call call) { answer(call, put(call), 201); }

void get_agent(Call call) { answer(call, get(call)); }

void remove_agent(Call call) { answer(call, remove(call)); }

void start_run(Call call) { answer(call, start(call), 202); }

void list_runs(Call call) {
  auto limit = limit_of(call, 100, kListMax);
  if (limit.is_error()) return answer(call, limit.error());
  auto runs = call.services.agents.list(call.request, *limit);
  if (runs.is_error()) return answer(call, runs.error());
  Json list = Json::array();
  for (const auto& run : *runs) list.push(run.to_json());
  answer(call, Json::object({{"runs", std::move(list)}}));
}

void get_run(Call call) {
  answer(call, run_json(call.services.agents.get(call.request, call.parameter("run"))));
}

void run_entries(Call call) { answer(call, entries(call)); }

void cancel_run(Call call) {
  answer(call, run_json(call.services.agents.cancel(call.request, call.parameter("run"))));
}

void answer_approval(Call call) { answer(call, approval(call)); }

}  // namespace plinth::api::endpoints
