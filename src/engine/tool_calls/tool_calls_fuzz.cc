// SPDX-License-Identifier: Apache-2.0
// Any reply, read in every family's format and fed in pieces of different sizes: what is said is
// the same, calls have an object of arguments, and text that holds no call comes out byte for byte.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "engine/tool_calls/reply_parser.h"

namespace {

using plinth::engine::CallFormat;
using plinth::engine::CallReading;
using plinth::engine::ReplyPart;
using plinth::engine::ReplySyntax;

std::vector<ReplyPart> split(const ReplySyntax& syntax, bool is_chat, std::string_view reply,
                             size_t piece) {
  const auto parser = plinth::engine::create_reply_parser(
      {syntax, is_chat, false, true, {{"f", plinth::Json::object()}}});
  std::vector<ReplyPart> joined;
  const auto take = [&](std::vector<ReplyPart> parts) {
    for (ReplyPart& part : parts) {
      const bool is_call = part.kind == ReplyPart::Kind::tool_call;
      if (!is_call && !joined.empty() && joined.back().kind == part.kind) {
        joined.back().text += part.text;
      } else {
        joined.push_back(std::move(part));
      }
    }
  };
  for (size_t at = 0; at < reply.size(); at += piece) take(parser->feed(reply.substr(at, piece)));
  take(parser->finish());
  return joined;
}

void check(const ReplySyntax& syntax, bool is_chat, std::string_view reply) {
  const auto whole = split(syntax, is_chat, reply, std::max<size_t>(reply.size(), 1));
  const auto pieces = split(syntax, is_chat, reply, 1);
  CHECK(whole.size() == pieces.size());
  std::string text;
  bool is_all_text = true;
  for (size_t i = 0; i < whole.size(); ++i) {
    CHECK(whole[i].kind == pieces[i].kind && whole[i].text == pieces[i].text);
    CHECK(whole[i].name == pieces[i].name && whole[i].arguments == pieces[i].arguments);
    text += whole[i].text;
    is_all_text = is_all_text && whole[i].kind == ReplyPart::Kind::text;
    if (whole[i].kind == ReplyPart::Kind::tool_call) {
      const auto arguments = plinth::Json::parse(whole[i].arguments);
      CHECK(arguments.is_ok() && arguments->is_object());
    }
  }
  // Channels leave the tags of their messages out.
  if (is_all_text && !is_chat && !syntax.has_channels()) CHECK(text == reply);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view reply(reinterpret_cast<const char*>(data), size);
  for (const CallFormat& format : plinth::engine::call_formats()) {
    ReplySyntax syntax;
    syntax.calls = &format;
    check(syntax, false, reply);
    if (format.reading != CallReading::channels) {
      syntax.reasoning = &plinth::engine::reasoning_formats()[0];
    }
    check(syntax, true, reply);
  }
  return 0;
}
