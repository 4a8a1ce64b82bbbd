// SPDX-License-Identifier: Apache-2.0
// Replies in which tags mark what is no text: reasoning at the start, blocks of calls anywhere
// behind it.
#pragma once

#include <string>
#include <vector>

#include "engine/tool_calls/block_end.h"
#include "engine/tool_calls/reply_parser.h"

namespace plinth::engine {

class TaggedParser final : public ReplyParser {
 public:
  explicit TaggedParser(ReplyParserOptions options);

  std::vector<ReplyPart> feed(std::string_view text) override;
  std::vector<ReplyPart> finish() override;
  bool is_reasoning() const override { return state_ == State::reasoning; }

 private:
  enum class State : uint8_t { start, reasoning, text, leading, call };
  using Parts = std::vector<ReplyPart>;

  // Each takes what it can off the pending text; true: the state changed, or may be tried again.
  bool consume(Parts& parts, bool is_last);
  bool consume_start(bool is_last);
  bool consume_reasoning(Parts& parts, bool is_last);
  bool consume_leading(bool is_last);
  bool consume_text(Parts& parts, bool is_last);
  bool consume_call(Parts& parts, bool is_last);
  bool drop_closing_tag(bool is_last);
  void begin_call(size_t open_bytes);
  State text_state() const;
  void pass_text(Parts& parts, std::string_view text);
  void pass_reasoning(Parts& parts, std::string_view text);

  const ReplyParserOptions options_;
  const CallFormat& format_;
  const ReasoningFormat* const reasoning_;
  State state_;
  std::string pending_;
  std::string space_;  // white space after a call or in reasoning, passed on only if more follows
  BlockEnd end_;
  size_t open_bytes_ = 0;            // of the opening tag, in a call
  int unended_ = 0;                  // tags that nothing ended; after some, tags are text
  bool has_reasoning_ = false;       // some of it was passed on
  bool is_after_call_ = false;       // nothing but white space came since the last call
  bool is_after_reasoning_ = false;  // likewise since reasoning ended
  bool is_closing_tag_due_ = false;  // it may follow the JSON that a block ended with
};

}  // namespace plinth::engine
