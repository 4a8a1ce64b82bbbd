// SPDX-License-Identifier: Apache-2.0
// Splits tool calls out of a reply as it streams: <tool_call>{"name": …, "arguments":
// {…}}</tool_call>. What is not exactly that passes on as text, byte for byte as the model wrote
// it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace plinth::engine {

struct ReplyPart {
  bool is_tool_call = false;
  std::string text;       // text
  std::string name;       // tool call
  std::string arguments;  // tool call: the JSON text of the arguments object, as written
};

class ToolCallParser {
 public:
  static constexpr std::string_view kOpen = "<tool_call>";
  static constexpr std::string_view kClose = "</tool_call>";
  static constexpr size_t kCallBytesMax = 256u << 10;  // a longer one is passed on as text
  static constexpr size_t kNameBytesMax = 256;

  // Parts that are certain by now, in order.
  std::vector<ReplyPart> feed(std::string_view text);
  // The rest, when the text ends: an unfinished call is text.
  std::vector<ReplyPart> finish();

 private:
  void consume(std::vector<ReplyPart>& parts, bool is_last);
  bool consume_text(std::vector<ReplyPart>& parts, bool is_last);
  bool consume_call(std::vector<ReplyPart>& parts, bool is_last);
  void pass_text(std::vector<ReplyPart>& parts, std::string_view text);

  std::string pending_;
  std::string space_;           // white space after a call, passed on only if text follows
  size_t searched_ = 0;         // of an open call: how far the closing tag was looked for
  bool is_in_call_ = false;     // pending_ begins with kOpen
  bool is_after_call_ = false;  // nothing but white space came since the last call
};

}  // namespace plinth::engine
