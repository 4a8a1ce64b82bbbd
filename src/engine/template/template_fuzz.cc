// SPDX-License-Identifier: Apache-2.0
// Any bytes as a chat template, over a conversation with a tool: it ends within its limits, and
// what messages said is still marked as foreign in the output.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/json.h"
#include "engine/template/chat.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plinth;
  using engine::templates::ChatTemplate;
  static const Json messages =
      MUST(Json::parse(R"([{"role":"system","content":"be brief"},{"role":"user","content":"hi"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":
        {"name":"add","arguments":"{\"a\":1}"}}]},{"role":"tool","content":"\u0001marked\u0001"}])"),
           "the text above is JSON");
  static const Json tools =
      MUST(Json::parse(R"([{"type":"function","function":{"name":"add","description":"adds",
        "parameters":{"type":"object","properties":{"a":{"type":"number"}}}}}])"),
           "the text above is JSON");
  const auto made =
      ChatTemplate::create(std::string(reinterpret_cast<const char*>(data), size), "<s>", "</s>");
  if (made.is_error()) return 0;
  const auto text = made->render_chat(messages, tools, {});
  if (text.is_error()) return 0;
  CHECK(text->bytes.size() == text->foreign.size());
  // A template can write the mark itself only by containing it.
  const std::string_view mark = "\1marked\1";
  if (made->source().find('\1') != std::string::npos) return 0;
  for (size_t at = 0; (at = text->bytes.find(mark, at)) != std::string::npos; at += mark.size()) {
    CHECK(text->foreign.substr(at, mark.size()) == std::string(mark.size(), '\1'));
  }
  return 0;
}
