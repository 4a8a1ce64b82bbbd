// SPDX-License-Identifier: Apache-2.0
// Reads a reply's text while it comes, as one model's format says: text, reasoning, tool calls.
// What only looks like a call passes on as text, byte for byte; only white space around reasoning
// and behind calls, and the tags of what was read, are left out.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/tool_calls/call_formats.h"

namespace plinth::engine {

struct ReplyParserOptions {
  const ReplySyntax& syntax;
  bool is_chat = false;            // reasoning is split out
  bool is_reasoning_open = false;  // the prompt ends inside of reasoning
  bool has_tools = false;          // calls are split out
  std::vector<ToolFunction> functions = {};
};

class ReplyParser {
 public:
  virtual ~ReplyParser() = default;

  // Parts that are certain by now, in order. How the text is cut makes no difference to what the
  // parts say together.
  virtual std::vector<ReplyPart> feed(std::string_view text) = 0;
  // The rest, when the text ends: calls that lack only their closing tag are read.
  virtual std::vector<ReplyPart> finish() = 0;
  virtual bool is_reasoning() const = 0;  // what comes next is, as far as is known
};

// `options.syntax` outlives it.
std::unique_ptr<ReplyParser> create_reply_parser(ReplyParserOptions options);

// Whether a prompt that ends with this text leaves its reasoning open.
bool is_reasoning_open(const ReplySyntax& syntax, std::string_view prompt_end);

}  // namespace plinth::engine
