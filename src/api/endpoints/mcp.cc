// SPDX-License-Identifier: Apache-2.0
// MCP over streamable HTTP: one POST, one JSON answer. An initialize is given an Mcp-Session-Id;
// what the calls that carry it answered labels those that follow (agents/call_labels.h). Nothing
// else is kept of it: any id is taken, and calls without one are one conversation of their
// principal.
#include "protocol/mcp.h"

#include "api/endpoint.h"

namespace plinth::api::endpoints {

namespace {

namespace mcp = protocol::mcp;

constexpr std::string_view kConversationHeader = "mcp-session-id";

Json tools_list(Call& call) {
  std::vector<mcp::ToolCard> cards;
  for (auto& spec : call.services.agents.tool_specs()) {
    const Json facts = call.services.agents.tool_facts(spec.name);
    const std::string& effect = facts["effect"].as_string();
    mcp::ToolCard card;
    card.is_read_only = effect == "read" || effect == "compute";
    card.is_idempotent = facts["is_idempotent"].as_bool();
    card.is_open_world = effect == "network";
    card.spec = std::move(spec);
    cards.push_back(std::move(card));
  }
  return mcp::tools_list_result(cards);
}

Result<Json> call_tool(Call& call, const Json& params) {
  const std::string name = TRY(json_field::required_string(params, "name"));
  const Json& arguments = params["arguments"];
  auto text = call.services.agents.call_tool(call.request, name,
                                             arguments.is_null() ? Json::object() : arguments,
                                             call.http.header(kConversationHeader).value_or(""));
  if (text.is_ok()) return mcp::tool_result(*text, false);
  // A tool this node does not have is the caller's error; what a tool or the guard answers is a
  // result.
  if (text.error().code == ErrorCode::not_found) return text.error();
  return mcp::tool_result(text.error().message, true);
}

Result<Json> dispatch(Call& call, const mcp::Call& message) {
  if (message.method == "initialize") {
    return mcp::initialize_result(message.params["protocolVersion"].as_string(),
                                  call.services.version);
  }
  if (message.method == "ping") return Json::object();
  if (message.method == "tools/list") return tools_list(call);
  if (message.method == "tools/call") return call_tool(call, message.params);
  return make_error(ErrorCode::method_not_allowed, "no method '" + message.method +
                                                       "'; this server offers initialize, ping, "
                                                       "tools/list and tools/call");
}

Result<mcp::Call> decode(const Call& call) {
  if (const auto version = call.http.header("mcp-protocol-version")) {
    TRY(mcp::check_protocol_version(*version));
  }
  return mcp::decode_call(TRY(Json::parse(call.http.body)));
}

}  // namespace

void mcp(Call call) {
  const auto message = decode(call);
  if (message.is_error()) {
    return call.writer.respond(http::ServerResponse::json(
        400, plinth::protocol::mcp::encode_error(nullptr, message.error()).dump()));
  }
  if (!message->id) {
    http::ServerResponse accepted;
    accepted.status = 202;
    return call.writer.respond(std::move(accepted));
  }
  auto result = dispatch(call, *message);
  const Json reply = result.is_ok()
                         ? plinth::protocol::mcp::encode_result(*message->id, std::move(*result))
                         : plinth::protocol::mcp::encode_error(*message->id, result.error());
  auto response = http::ServerResponse::json(200, reply.dump());
  if (message->method == "initialize") {
    response.headers.emplace_back(kConversationHeader, call.services.ids.make("conv"));
  }
  call.writer.respond(std::move(response));
}

}  // namespace plinth::api::endpoints
