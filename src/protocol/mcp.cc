// SPDX-License-Identifier: Apache-2.0
// MCP messages over JSON-RPC 2.0: reading one call, writing results and errors.
#include "protocol/mcp.h"

#include <algorithm>

#include "base/text.h"

namespace plinth::protocol::mcp {
namespace {

constexpr size_t kMethodBytesMax = 256;
constexpr size_t kIdBytesMax = 256;

Error invalid_request(std::string message, std::string param) {
  return make_error(ErrorCode::malformed, std::move(message), std::move(param));
}

int rpc_code(const Error& error) {
  switch (error.code) {
    case ErrorCode::malformed:
      return error.param.empty() ? -32700 : -32600;
    case ErrorCode::unsupported:
    case ErrorCode::method_not_allowed:
      return -32601;
    case ErrorCode::invalid_argument:
    case ErrorCode::not_found:
      return -32602;
    default:
      return -32603;
  }
}

Result<std::optional<Json>> decode_id(const Json& body) {
  const Json* id = body.find("id");
  if (id == nullptr) return std::optional<Json>();
  if (id->is_string() && id->as_string().size() <= kIdBytesMax) return std::optional<Json>(*id);
  if (id->is_number()) return std::optional<Json>(*id);
  return invalid_request("id: expected a number or a string of at most " +
                             std::to_string(kIdBytesMax) + " bytes, got " +
                             std::string(id->type_name()),
                         "id");
}

// Clients refuse a tool whose schema does not say that its arguments are an object.
Json input_schema(const Json& parameters) {
  Json schema = parameters.is_object() ? parameters : Json::object();
  if (!schema.contains("type")) schema.set("type", "object");
  return schema;
}

bool is_known_version(std::string_view version) {
  return std::ranges::find(kProtocolVersions, version) != std::end(kProtocolVersions);
}

}  // namespace

Status check_protocol_version(std::string_view version) {
  if (is_known_version(version)) return ok();
  std::string known;
  for (const auto one : kProtocolVersions) known += (known.empty() ? "" : ", ") + std::string(one);
  return invalid_request("mcp-protocol-version: '" + shorten(version, 32) +
                             "' is not spoken here; this server speaks " + known,
                         "mcp-protocol-version");
}

Result<Call> decode_call(const Json& body) {
  if (body.is_array()) {
    return invalid_request("a batch of calls is not supported; send one call a request", "batch");
  }
  if (!body.is_object()) {
    return invalid_request("expected a JSON-RPC object, got " + std::string(body.type_name()),
                           "body");
  }
  if (body["jsonrpc"].as_string() != "2.0") {
    return invalid_request("jsonrpc: must be \"2.0\"", "jsonrpc");
  }
  Call call;
  call.id = TRY(decode_id(body));
  const Json& method = body["method"];
  if (method.is_null() && (body.contains("result") || body.contains("error"))) {
    return invalid_request("a response to a request that this server never sent", "method");
  }
  if (!method.is_string()) {
    return invalid_request("method: expected a string, got " + std::string(method.type_name()),
                           "method");
  }
  call.method = method.as_string();
  if (call.method.empty() || call.method.size() > kMethodBytesMax) {
    return invalid_request("method: must have 1 to " + std::to_string(kMethodBytesMax) + " bytes",
                           "method");
  }
  const Json& params = body["params"];
  if (!params.is_null() && !params.is_object()) {
    return make_error(ErrorCode::invalid_argument,
                      "params: expected an object, got " + std::string(params.type_name()),
                      "params");
  }
  if (params.is_object()) call.params = params;
  return call;
}

Json encode_result(const Json& id, Json result) {
  return Json::object({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}});
}

Json encode_error(const Json& id, const Error& error) {
  Json data = Json::object({{"code", error_name(error.code)}});
  if (!error.param.empty()) data.set("param", error.param);
  if (error.retry_after_ms) data.set("retry_after_ms", *error.retry_after_ms);
  return Json::object({{"jsonrpc", "2.0"},
                       {"id", id},
                       {"error", Json::object({{"code", rpc_code(error)},
                                               {"message", error.message},
                                               {"data", std::move(data)}})}});
}

Error unknown_method(std::string_view method) {
  return make_error(ErrorCode::unsupported,
                    "method '" + shorten(method, 64) +
                        "' is not known; use initialize, ping, tools/list or tools/call",
                    "method");
}

Json initialize_result(std::string_view requested_version, std::string_view server_version) {
  return Json::object(
      {{"protocolVersion",
        is_known_version(requested_version) ? requested_version : kProtocolVersions[0]},
       {"capabilities", Json::object({{"tools", Json::object({{"listChanged", false}})}})},
       {"serverInfo",
        Json::object({{"name", "plinth"}, {"title", "Plinth"}, {"version", server_version}})}});
}

Json tools_list_result(const std::vector<ToolCard>& tools) {
  Json list = Json::array();
  for (const ToolCard& tool : tools) {
    list.push(
        Json::object({{"name", tool.spec.name},
                      {"description", tool.spec.description},
                      {"inputSchema", input_schema(tool.spec.parameters)},
                      {"annotations", Json::object({{"readOnlyHint", tool.is_read_only},
                                                    {"idempotentHint", tool.is_idempotent},
                                                    {"openWorldHint", tool.is_open_world}})}}));
  }
  return Json::object({{"tools", std::move(list)}});
}

Json tool_result(const std::string& text, bool is_error) {
  Json part = Json::object({{"type", "text"}, {"text", text}});
  return Json::object({{"content", Json::array().push(std::move(part))}, {"isError", is_error}});
}

}  // namespace plinth::protocol::mcp
