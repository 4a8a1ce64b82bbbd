// SPDX-License-Identifier: Apache-2.0
// Any text as a body of OpenAI's format, in every place where one is decoded: never a crash, errors
// name their cause, and an accepted request can be sent on and decoded again.
#include <cstdint>

#include "base/check.h"
#include "protocol/openai.h"
#include "protocol/openai_embeddings.h"

namespace {

namespace openai = plinth::protocol::openai;
using plinth::Json;

void fuzz_chat(const Json& body) {
  const auto call = openai::decode_chat(body);
  if (call.is_error()) {
    CHECK(!call.error().message.empty());
    (void)openai::encode_error(call.error()).dump();
    return;
  }
  const auto again = openai::decode_chat(openai::encode_chat(call->request, call->is_stream));
  CHECK(again.is_ok());
  CHECK(again->request.messages.size() == call->request.messages.size());
  CHECK(again->request.tools.size() == call->request.tools.size());
  CHECK(again->request.is_one_call_at_most == call->request.is_one_call_at_most ||
        call->request.tools.empty());
}

void fuzz_reply(const Json& body) {
  if (const auto reply = openai::decode_reply(body); reply.is_ok()) {
    CHECK(openai::decode_reply(openai::encode_reply({}, {*reply})).is_ok());
  }
  openai::ChunkDecoder decoder;
  for (int i = 0; i < 3; ++i) {
    const auto events = decoder.feed(body);
    if (events.is_error()) return;
    for (const auto& event : *events) (void)openai::encode_chunk({}, 0, event, 0).dump();
  }
  (void)decoder.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CHECK(!openai::decode_error(500, text).message.empty());
  const auto body = Json::parse(text);
  if (body.is_error()) return 0;
  fuzz_chat(*body);
  fuzz_reply(*body);
  if (const auto call = openai::decode_embeddings(*body); call.is_ok()) {
    CHECK(!call->request.inputs.empty());
    const auto again = openai::decode_embeddings(openai::encode_embedding_request(call->request));
    CHECK(again.is_ok());
    CHECK(again->request.inputs == call->request.inputs);
  }
  (void)openai::decode_embedding_reply(*body, (*body)["data"].size());
  return 0;
}
