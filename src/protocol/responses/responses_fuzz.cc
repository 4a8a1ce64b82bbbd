// SPDX-License-Identifier: Apache-2.0
// Any text as a body of the Responses API: never a crash, errors name their cause, and items that
// were accepted read back as they were written.
#include <cstdint>

#include "base/check.h"
#include "protocol/responses.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace responses = plinth::protocol::responses;
  using plinth::Json;
  const auto body = Json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (body.is_error()) return 0;
  auto call = responses::decode_response_call(*body);
  if (call.is_error()) {
    CHECK(!call.error().message.empty());
    return 0;
  }
  responses::name_items(call->input, "resp_1");
  Json written = Json::array();
  for (const responses::Item& item : call->input) written.push(responses::encode_item(item));
  const auto again = responses::decode_items(written, "input");
  CHECK(again.is_ok());
  CHECK(again->size() == call->input.size());
  for (size_t i = 0; i < again->size(); ++i) {
    CHECK((*again)[i].kind == call->input[i].kind);
    CHECK((*again)[i].text == call->input[i].text);
    CHECK((*again)[i].call.arguments == call->input[i].call.arguments);
  }
  (void)responses::messages_of(call->instructions, call->input).is_ok();
  return 0;
}
