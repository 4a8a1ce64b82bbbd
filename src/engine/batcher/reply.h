// SPDX-License-Identifier: Apache-2.0
// The way of a reply's text from token bytes to events: whole code points, then stop strings, then
// reasoning and tool calls.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batcher/stop_matcher.h"
#include "engine/engine.h"
#include "engine/tokenizer/utf8_stream.h"
#include "engine/tool_calls/reply_parser.h"

namespace plinth::engine {

struct ReplyOptions {
  std::vector<std::string> stops = {};
  const ReplySyntax* syntax = nullptr;  // outlives the reply; nullptr: all is text
  bool is_chat = false;
  bool is_reasoning_open = false;
  std::optional<ToolUse> tools = {};
};

class Reply {
 public:
  explicit Reply(ReplyOptions options);

  // Events that are certain by now.
  std::vector<GenerateEvent> feed(std::string_view token_bytes);
  // The rest; call once, at the end.
  std::vector<GenerateEvent> finish();
  // By a stop string, or by the last call there may be.
  bool is_stopped() const { return stops_.is_matched() || is_complete(); }
  const std::string& stop_match() const { return stops_.match(); }
  bool has_tool_calls() const { return calls_ > 0; }
  bool is_reasoning() const { return parser_ && parser_->is_reasoning(); }
  // Special tokens that the model's format is made of are part of the text.
  bool is_parsed() const { return parser_ != nullptr; }

 private:
  bool is_complete() const { return calls_ >= calls_max_; }
  void pass(std::vector<GenerateEvent>& events, std::string_view text);
  void add_parts(std::vector<GenerateEvent>& events, std::vector<ReplyPart> parts);

  Utf8Stream utf8_;
  StopMatcher stops_;
  std::unique_ptr<ReplyParser> parser_;
  int calls_ = 0;
  int calls_max_ = ToolUse::kCallsMax;
};

}  // namespace plinth::engine
