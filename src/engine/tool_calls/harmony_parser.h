// SPDX-License-Identifier: Apache-2.0
// Replies of messages with channels, as gpt-oss writes them:
// <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…
// `analysis` is reasoning, `final` text, `commentary` without a recipient text too; a message with
// a recipient functions.NAME, in any channel, is a call. The prompt has begun the first message.
#pragma once

#include <string>
#include <vector>

#include "engine/tool_calls/reply_parser.h"

namespace plinth::engine {

class HarmonyParser final : public ReplyParser {
 public:
  static constexpr size_t kHeaderBytesMax = 512;

  explicit HarmonyParser(ReplyParserOptions options) : options_(std::move(options)) {}

  std::vector<ReplyPart> feed(std::string_view text) override;
  std::vector<ReplyPart> finish() override;
  bool is_reasoning() const override { return state_ == State::reasoning; }

 private:
  enum class State : uint8_t { header, reasoning, text, call };
  using Parts = std::vector<ReplyPart>;

  bool consume(Parts& parts, bool is_last);
  bool consume_header(Parts& parts, bool is_last);
  bool consume_body(Parts& parts, bool is_last);
  bool consume_call(Parts& parts, bool is_last);
  void pass(Parts& parts, ReplyPart::Kind kind, std::string_view text);

  const ReplyParserOptions options_;
  State state_ = State::header;
  std::string pending_;
  std::string header_;   // of a call, with its <|message|>
  std::string name_;     // of a call
  size_t searched_ = 0;  // of a call's body: how far its end was looked for
};

}  // namespace plinth::engine
