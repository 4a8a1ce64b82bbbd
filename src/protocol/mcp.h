// SPDX-License-Identifier: Apache-2.0
// MCP over JSON-RPC 2.0, the part a tool server on one machine needs: initialize, ping, tools/list,
// tools/call.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/chat.h"

namespace plinth::protocol::mcp {

inline constexpr std::string_view kProtocolVersions[] = {"2025-11-25", "2025-06-18", "2025-03-26"};

struct Call {
  std::optional<Json> id;  // absent: a notification, answered with 202 and no body
  std::string method;
  Json params = Json::object();
};

struct ToolCard {
  ToolSpec spec;
  bool is_read_only = false;
  bool is_idempotent = false;
  bool is_open_world = true;
};

// The version a client says it speaks (the MCP-Protocol-Version header; absent before it is
// agreed). Error: malformed, which the transport answers with 400.
Status check_protocol_version(std::string_view version);
Result<Call> decode_call(const Json& body);  // malformed, invalid_argument
Json encode_result(const Json& id, Json result);
// JSON-RPC codes: malformed is -32700 from the JSON parser (no param) and -32600 from decode_call
// (param named), unsupported and method_not_allowed -32601, invalid_argument and not_found (an
// unknown tool) -32602, others -32603. error.data.code holds our own name of the code.
Json encode_error(const Json& id, const Error& error);
Error unknown_method(std::string_view method);  // becomes -32601
Json initialize_result(std::string_view requested_version, std::string_view server_version);
Json tools_list_result(const std::vector<ToolCard>& tools);
Json tool_result(const std::string& text, bool is_error);

}  // namespace plinth::protocol::mcp
