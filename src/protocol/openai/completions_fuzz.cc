// SPDX-License-Identifier: Apache-2.0
// Any text as a body of completions and of tokenize: never a crash, errors name their cause, and an
// accepted prompt can be sent on and decoded again.
#include <cstdint>

#include "base/check.h"
#include "protocol/openai_completions.h"
#include "protocol/openai_tokenize.h"

namespace {

namespace openai = plinth::protocol::openai;
using plinth::Json;

void fuzz_completion(const Json& body) {
  const auto call = openai::decode_completion(body);
  if (call.is_error()) {
    CHECK(!call.error().message.empty());
    return;
  }
  CHECK(!call->prompts.empty());
  CHECK(call->prompts.size() * call->choices <= openai::kCompletionChoicesMax);
  plinth::protocol::ChatRequest chat = call->request;
  chat.prompt = call->prompts.front();
  const auto again = openai::decode_completion(openai::encode_completion(chat, true));
  CHECK(again.is_ok());
  CHECK(again->prompts.front().text == chat.prompt->text);
  CHECK(again->prompts.front().tokens == chat.prompt->tokens);
}

void fuzz_tokenize(const Json& body) {
  if (const auto asked = openai::decode_tokenize(body); asked.is_ok()) {
    CHECK(asked->chat.prompt.has_value() != !asked->chat.messages.empty());
  }
  if (const auto asked = openai::decode_detokenize(body); asked.is_ok()) {
    for (const int32_t token : asked->tokens) CHECK(token >= 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = Json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (body.is_error()) return 0;
  fuzz_completion(*body);
  fuzz_tokenize(*body);
  return 0;
}
