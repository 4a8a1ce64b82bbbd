// SPDX-License-Identifier: Apache-2.0
// Any text as an MCP message: never a crash, and every message can be answered with its id.
#include <cstdint>

#include "base/check.h"
#include "protocol/mcp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace mcp = plinth::protocol::mcp;
  using plinth::Json;
  const auto body = Json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (body.is_error()) {
    CHECK(mcp::encode_error(Json(), body.error())["error"]["code"].as_int() < 0);
    return 0;
  }
  const auto call = mcp::decode_call(*body);
  if (call.is_error()) {
    CHECK(!mcp::encode_error(Json(), call.error()).dump().empty());
    return 0;
  }
  CHECK(!call->method.empty() && call->params.is_object());
  if (call->id) CHECK(mcp::encode_result(*call->id, Json::object())["id"] == *call->id);
  return 0;
}
