// SPDX-License-Identifier: Apache-2.0
// MCP messages: calls and notifications read, results and errors written, versions agreed on.
#include "protocol/mcp.h"

#include <gtest/gtest.h>

namespace plinth::protocol::mcp {
namespace {

Json json(std::string_view text) { return MUST(Json::parse(text), "the test's own JSON"); }

int64_t code_of(const Error& error) {
  return encode_error(Json(1), error)["error"]["code"].as_int();
}

TEST(Mcp, reads_calls_and_notifications) {
  const Call call = MUST(decode_call(json(R"({"jsonrpc":"2.0","id":7,"method":"tools/call",)"
                                          R"("params":{"name":"f","arguments":{}}})")),
                         "well formed");
  EXPECT_EQ(call.id, Json(7));
  EXPECT_EQ(call.method, "tools/call");
  EXPECT_EQ(call.params["name"].as_string(), "f");
  const Call named = MUST(decode_call(json(R"({"jsonrpc":"2.0","id":"a-1","method":"ping"})")), "");
  EXPECT_EQ(named.id, Json("a-1"));
  EXPECT_TRUE(named.params.is_object());
  const Call notification =
      MUST(decode_call(json(R"({"jsonrpc":"2.0","method":"notifications/initialized"})")), "");
  EXPECT_EQ(notification.id, std::nullopt);
}

TEST(Mcp, refuses_what_is_no_request_as_minus_32600) {
  for (const char* text : {
           R"([{"jsonrpc":"2.0","id":1,"method":"ping"}])",
           "[]",
           "7",
           "null",
           "{}",
           R"({"id":1,"method":"ping"})",
           R"({"jsonrpc":"1.0","id":1,"method":"ping"})",
           R"({"jsonrpc":"2.0","id":1})",
           R"({"jsonrpc":"2.0","id":1,"method":7})",
           R"({"jsonrpc":"2.0","id":1,"method":""})",
           R"({"jsonrpc":"2.0","id":null,"method":"ping"})",
           R"({"jsonrpc":"2.0","id":{},"method":"ping"})",
           R"({"jsonrpc":"2.0","id":1,"result":{}})",
       }) {
    const auto call = decode_call(json(text));
    ASSERT_TRUE(call.is_error()) << text;
    EXPECT_EQ(call.error().code, ErrorCode::malformed) << text;
    EXPECT_EQ(code_of(call.error()), -32600) << text;
  }
  EXPECT_NE(decode_call(json("[]")).error().message.find("batch"), std::string::npos);
}

TEST(Mcp, maps_errors_to_the_codes_of_json_rpc) {
  EXPECT_EQ(code_of(Json::parse("{nope").error()), -32700);
  const auto params = decode_call(json(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[]})"));
  EXPECT_EQ(code_of(params.error()), -32602);
  EXPECT_EQ(code_of(unknown_method("foo/bar")), -32601);
  EXPECT_EQ(code_of(make_error(ErrorCode::not_found, "no tool 'x'", "name")), -32602);
  EXPECT_EQ(code_of(make_error(ErrorCode::internal, "defect")), -32603);
  EXPECT_EQ(code_of(make_error(ErrorCode::denied, "policy")), -32603);
  const Json denied = encode_error(Json("a"), make_error(ErrorCode::denied, "policy"));
  EXPECT_EQ(denied.dump(), R"({"jsonrpc":"2.0","id":"a","error":{"code":-32603,"message":"policy",)"
                           R"("data":{"code":"denied"}}})");
}

TEST(Mcp, gives_the_id_back_as_it_came) {
  for (const char* id : {"1", "-5", "\"x\"", "123456789012345678901234567890", "1.5"}) {
    const auto call = MUST(
        decode_call(json(R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"method":"ping"})")),
        "well formed");
    EXPECT_EQ(encode_result(*call.id, Json::object()).dump(),
              R"({"jsonrpc":"2.0","id":)" + std::string(id) + R"(,"result":{}})");
  }
}

TEST(Mcp, agrees_on_a_version_it_knows) {
  for (const std::string_view version : kProtocolVersions) {
    EXPECT_EQ(initialize_result(version, "0.1.0")["protocolVersion"].as_string(), version);
  }
  const Json other = initialize_result("1999-01-01", "0.1.0");
  EXPECT_EQ(other["protocolVersion"].as_string(), kProtocolVersions[0]);
  EXPECT_EQ(other["serverInfo"]["name"].as_string(), "plinth");
  EXPECT_EQ(other["serverInfo"]["version"].as_string(), "0.1.0");
  EXPECT_TRUE(other["capabilities"].contains("tools"));
}

TEST(Mcp, lists_tools_with_object_schemas_and_hints) {
  ToolCard card;
  card.spec = {.name = "recall", .description = "d", .parameters = Json::object()};
  card.is_read_only = true;
  card.is_open_world = false;
  const Json result = tools_list_result({card});
  EXPECT_EQ(
      result.dump(),
      R"({"tools":[{"name":"recall","description":"d","inputSchema":{"type":"object"},)"
      R"("annotations":{"readOnlyHint":true,"idempotentHint":false,"openWorldHint":false}}]})");
}

TEST(Mcp, returns_tool_results_as_text) {
  EXPECT_EQ(tool_result("é", true).dump(),
            R"({"content":[{"type":"text","text":"é"}],"isError":true})");
}

TEST(Mcp, a_protocol_version_that_is_not_spoken_is_refused_by_name) {
  for (const auto version : kProtocolVersions) {
    EXPECT_TRUE(check_protocol_version(version).is_ok()) << version;
  }
  for (const char* version : {"1999-01-01", "", "2025-11-25 "}) {
    const Status refused = check_protocol_version(version);
    ASSERT_TRUE(refused.is_error()) << version;
    EXPECT_EQ(refused.error().code, ErrorCode::malformed);
    EXPECT_NE(refused.error().message.find("2025-11-25"), std::string::npos);
  }
}

}  // namespace
}  // namespace plinth::protocol::mcp
