// SPDX-License-Identifier: Apache-2.0
// Anthropic's Messages API: messages (whole and streamed) and the count of a prompt's tokens.
#include "protocol/anthropic.h"

#include "api/endpoint.h"
#include "api/replies.h"

namespace plinth::api::endpoints {

namespace {

namespace anthropic = protocol::anthropic;

}  // namespace

void anthropic_messages(Call call) {
  auto decoded = [&]() -> Result<anthropic::MessagesCall> {
    return anthropic::decode_messages(TRY(body_object(call)));
  }();
  if (decoded.is_error()) return answer(call, decoded.error());
  auto streams = begin_chats(call, decoded->request);
  if (streams.is_error()) return answer(call, streams.error());
  const std::string& request_id = streams->front()->id();
  auto encoder = anthropic::create_message_encoder(
      {"msg_" + request_id, decoded->request.model, request_id, decoded->is_one_tool_use});
  send_replies(std::move(call), std::move(*streams), {std::move(encoder), decoded->is_stream});
}

void anthropic_count_tokens(Call call) {
  answer(call, [&]() -> Result<Json> {
    protocol::ChatRequest chat = TRY(anthropic::decode_count_tokens(TRY(body_object(call))));
    return anthropic::encode_count(
        TRY(call.services.serving.count_tokens(call.request, std::move(chat))));
  }());
}

}  // namespace plinth::api::endpoints
