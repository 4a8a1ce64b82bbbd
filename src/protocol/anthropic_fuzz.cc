// SPDX-License-Identifier: Apache-2.0
// Any text as a body of the Messages API: never a crash, errors name their cause, an accepted
// conversation has something to answer, only calls and results that belong together, and can be
// sent on. And as an event of an upstream's stream.
#include <cstdint>
#include <set>

#include "base/check.h"
#include "protocol/anthropic.h"

namespace {

namespace anthropic = plinth::protocol::anthropic;
using plinth::Json;
using plinth::protocol::ChatRequest;
using plinth::protocol::Role;

void check_conversation(const ChatRequest& request) {
  CHECK(!request.messages.empty());
  std::set<std::string> ids;
  for (const auto& message : request.messages) {
    for (const auto& call : message.tool_calls) {
      CHECK(message.role == Role::assistant);
      CHECK(ids.insert(call.id).second);
      CHECK(Json::parse(call.arguments).is_ok());
    }
    if (message.role == Role::tool) CHECK(ids.contains(message.tool_call_id));
  }
}

// The model's part is any text too.
void fuzz_encoder(const std::string& text) {
  plinth::protocol::ChatReply reply;
  reply.text = text;
  reply.tool_calls = {{"call_1", "f", text}};
  const auto encoder = anthropic::create_message_encoder({"msg_1", "m", "req_1", false});
  const Json whole = encoder->whole({reply});
  CHECK(whole["content"].items().back()["input"].is_object());
  CHECK(Json::parse(whole.dump()).is_ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz_encoder(std::string(text));
  const auto body = Json::parse(text);
  if (body.is_error()) return 0;
  const auto decoder = anthropic::create_event_decoder();
  for (int i = 0; i < 3; ++i) {
    if (decoder->feed(*body).is_error()) break;
  }
  (void)decoder->finish();
  CHECK(!anthropic::decode_error(500, text).message.empty());
  if (const auto call = anthropic::decode_messages(*body); call.is_ok()) {
    check_conversation(call->request);
    CHECK(call->request.max_tokens.value_or(0) > 0);
    CHECK(anthropic::encode_chat(call->request).is_ok());
  } else {
    CHECK(!call.error().message.empty());
    (void)anthropic::encode_error(call.error(), "req_1").dump();
  }
  if (const auto request = anthropic::decode_count_tokens(*body); request.is_ok()) {
    check_conversation(*request);
  }
  return 0;
}
