// SPDX-License-Identifier: Apache-2.0
// Any reply, fed in pieces of different sizes: the parts are the same, and text that holds no call
// comes out byte for byte.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "engine/tool_calls/tool_calls.h"

namespace {

using plinth::engine::ReplyPart;
using plinth::engine::ToolCallParser;

std::vector<ReplyPart> split(std::string_view reply, size_t piece) {
  ToolCallParser parser;
  std::vector<ReplyPart> joined;
  const auto take = [&](std::vector<ReplyPart> parts) {
    for (ReplyPart& part : parts) {
      if (!part.is_tool_call && !joined.empty() && !joined.back().is_tool_call) {
        joined.back().text += part.text;
      } else {
        joined.push_back(std::move(part));
      }
    }
  };
  for (size_t at = 0; at < reply.size(); at += piece) take(parser.feed(reply.substr(at, piece)));
  take(parser.finish());
  return joined;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view reply(reinterpret_cast<const char*>(data), size);
  const std::vector<ReplyPart> whole = split(reply, std::max<size_t>(size, 1));
  const std::vector<ReplyPart> pieces = split(reply, 1);
  CHECK(whole.size() == pieces.size());
  std::string text;
  bool has_call = false;
  for (size_t i = 0; i < whole.size(); ++i) {
    CHECK(whole[i].is_tool_call == pieces[i].is_tool_call && whole[i].text == pieces[i].text);
    CHECK(whole[i].name == pieces[i].name && whole[i].arguments == pieces[i].arguments);
    text += whole[i].text;
    has_call = has_call || whole[i].is_tool_call;
    if (whole[i].is_tool_call) {
      const auto arguments = plinth::Json::parse(whole[i].arguments);
      CHECK(arguments.is_ok() && arguments->is_object());
    }
  }
  if (!has_call) CHECK(text == reply);
  return 0;
}
