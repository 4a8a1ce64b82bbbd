// SPDX-License-Identifier: Apache-2.0
// Any text as a body of Ollama's API or of rerank: never a crash, errors name their cause, and what
// is accepted is within its limits.
#include <cstdint>

#include "base/check.h"
#include "protocol/ollama.h"
#include "protocol/rerank.h"

namespace {

namespace ollama = plinth::protocol::ollama;
namespace rerank = plinth::protocol::rerank;
using plinth::Json;
using plinth::Result;

void fuzz_call(const Result<ollama::ChatCall>& call) {
  if (call.is_error()) {
    CHECK(!call.error().message.empty());
    (void)ollama::encode_error(call.error()).dump();
    return;
  }
  CHECK(!call->request.model.empty());
  CHECK(!call->request.prompt || call->request.messages.empty());
  for (const auto& message : call->request.messages) {
    for (const auto& tool_call : message.tool_calls) {
      CHECK(Json::parse(tool_call.arguments).is_ok());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = Json::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (body.is_error()) return 0;
  fuzz_call(ollama::decode_chat(*body));
  fuzz_call(ollama::decode_generate(*body));
  if (const auto call = ollama::decode_embed(*body); call.is_ok()) CHECK(!call->inputs.empty());
  if (const auto call = ollama::decode_embeddings(*body); call.is_ok()) {
    CHECK(call->inputs.size() == 1);
  }
  (void)ollama::decode_show(*body);
  if (const auto call = rerank::decode_rerank(*body); call.is_ok()) {
    CHECK(call->results_max >= 1 && call->results_max <= call->documents.size());
  }
  return 0;
}
