// SPDX-License-Identifier: Apache-2.0
// The way of a reply's text from token bytes to events: whole code points, then stop strings, then
// tool calls.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/batcher/stop_matcher.h"
#include "engine/engine.h"
#include "engine/tokenizer/utf8_stream.h"
#include "engine/tool_calls/tool_calls.h"

namespace plinth::engine {

class Reply {
 public:
  Reply(std::vector<std::string> stops, bool is_tool_call_parsing);

  // Text and tool call events that are certain by now.
  std::vector<GenerateEvent> feed(std::string_view token_bytes);
  // The rest; call once, at the end.
  std::vector<GenerateEvent> finish();
  bool is_stopped() const { return stops_.is_matched(); }
  const std::string& stop_match() const { return stops_.match(); }
  bool has_tool_calls() const { return has_tool_calls_; }

 private:
  void pass(std::vector<GenerateEvent>& events, std::string_view text);
  void add_parts(std::vector<GenerateEvent>& events, const std::vector<ReplyPart>& parts);

  Utf8Stream utf8_;
  StopMatcher stops_;
  std::optional<ToolCallParser> tool_calls_;
  bool has_tool_calls_ = false;
};

}  // namespace plinth::engine
