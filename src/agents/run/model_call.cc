// SPDX-License-Identifier: Apache-2.0
#include "agents/run/model_call.h"

#include "agents/tools/catalog.h"
#include "base/hash.h"

namespace plinth::agents {
namespace {

// Below this many tokens left in the budget, the reply is limited to what is left.
constexpr int64_t kTightBudgetTokens = 1024;

Json message_json(const protocol::Message& message) {
  Json json =
      Json::object({{"role", protocol::role_name(message.role)}, {"content", message.content}});
  Json calls = Json::array();
  for (const auto& call : message.tool_calls) {
    calls.push(Json::object({{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}}));
  }
  if (calls.size() > 0) json.set("tool_calls", std::move(calls));
  if (!message.tool_call_id.empty()) json.set("tool_call_id", message.tool_call_id);
  return json;
}

protocol::Message plain(protocol::Role role, const std::string& content) {
  protocol::Message message;
  message.role = role;
  message.content = content;
  return message;
}

}  // namespace

protocol::ChatRequest chat_request_of(const State& state, const std::string& model) {
  protocol::ChatRequest request;
  request.model = model;
  if (!state.agent.system.empty()) {
    request.messages.push_back(plain(protocol::Role::system, state.agent.system));
  }
  request.messages.push_back(plain(protocol::Role::user, state.goal));
  request.messages.insert(request.messages.end(), state.turns.begin(), state.turns.end());
  for (const auto& name : state.agent.tools) {
    if (const ToolRow* row = find_tool(name)) request.tools.push_back(tool_spec(*row));
  }
  request.sampling.temperature = 0;
  const int64_t tokens_left = state.agent.budget.tokens_max - state.tokens;
  if (tokens_left < kTightBudgetTokens) request.max_tokens = std::max<int64_t>(tokens_left, 1);
  request.user = state.owner.id;
  return request;
}

std::string request_digest(const protocol::ChatRequest& request) {
  Json messages = Json::array();
  for (const auto& message : request.messages) messages.push(message_json(message));
  Json tools = Json::array();
  for (const auto& tool : request.tools) {
    tools.push(Json::object(
        {{"name", tool.name}, {"description", tool.description}, {"parameters", tool.parameters}}));
  }
  Json json = Json::object({{"model", request.model},
                            {"messages", std::move(messages)},
                            {"tools", std::move(tools)},
                            {"temperature", request.sampling.temperature.value_or(1)}});
  if (request.max_tokens) json.set("max_tokens", *request.max_tokens);
  return hex(sha256(json.canonical()));
}

}  // namespace plinth::agents
