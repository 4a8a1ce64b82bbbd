// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/harmony_parser.h"

#include <algorithm>

#include "base/text.h"
#include "engine/tool_calls/block_end.h"
#include "engine/tool_calls/read_calls.h"

namespace plinth::engine {
namespace {

constexpr std::string_view kMessage = "<|message|>";
constexpr std::string_view kChannel = "<|channel|>";
constexpr std::string_view kRecipient = "to=";
constexpr std::string_view kFunctions = "functions.";
constexpr std::string_view kHeaderStarts[] = {"<|start|>", kChannel, kRecipient, "assistant"};
// Any of them ends a message's body.
constexpr std::string_view kEnds[] = {"<|end|>", "<|call|>", "<|return|>", "<|start|>", kChannel};

struct BodyEnd {
  size_t content = std::string_view::npos;  // npos: not there yet
  size_t whole = 0;
};

BodyEnd find_end(std::string_view text, size_t from) {
  BodyEnd found;
  for (const std::string_view end : kEnds) {
    const size_t at = text.find(end, from);
    if (at >= found.content) continue;
    // What begins the next message belongs to its header.
    const bool is_next = end == "<|start|>" || end == kChannel;
    found = {at, is_next ? at : at + end.size()};
  }
  return found;
}

size_t end_start_length(std::string_view text) {
  size_t length = 0;
  for (const std::string_view end : kEnds) length = std::max(length, tag_start_length(text, end));
  return length;
}

bool is_header_start(std::string_view text) {
  return std::any_of(
      std::begin(kHeaderStarts), std::end(kHeaderStarts),
      [&](std::string_view start) { return text.starts_with(start) || start.starts_with(text); });
}

// The word that follows `mark` in a header; empty: there is none.
std::string_view word_behind(std::string_view header, std::string_view mark) {
  const size_t at = header.rfind(mark);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = header.substr(at + mark.size());
  return rest.substr(0, rest.find_first_of(" <\t\r\n"));
}

}  // namespace

std::vector<ReplyPart> HarmonyParser::feed(std::string_view text) {
  Parts parts;
  pending_ += text;
  while (consume(parts, false)) {
  }
  return parts;
}

std::vector<ReplyPart> HarmonyParser::finish() {
  Parts parts;
  while (consume(parts, true)) {
  }
  return parts;
}

bool HarmonyParser::consume(Parts& parts, bool is_last) {
  switch (state_) {
    case State::header:
      return consume_header(parts, is_last);
    case State::reasoning:
    case State::text:
      return consume_body(parts, is_last);
    case State::call:
      return consume_call(parts, is_last);
  }
  return false;
}

bool HarmonyParser::consume_header(Parts& parts, bool is_last) {
  if (pending_.empty()) return false;
  const size_t message = pending_.find(kMessage);
  const bool is_whole = message != std::string::npos && message <= kHeaderBytesMax;
  const bool is_one = is_header_start(trim(pending_));
  if (is_one && !is_whole && !is_last && pending_.size() <= kHeaderBytesMax + kMessage.size()) {
    return false;
  }
  if (!is_one) {
    state_ = State::text;
    return true;
  }
  if (!is_whole) {
    // One character more, or what begins a header would be found again.
    const size_t begin = std::min(pending_.find_first_not_of(" \t\r\n"), pending_.size());
    const size_t passed = std::min(begin + 1, pending_.size());
    pass(parts, ReplyPart::Kind::text, std::string_view(pending_).substr(0, passed));
    pending_.erase(0, passed);
    state_ = State::text;
    return !pending_.empty();
  }
  header_ = pending_.substr(0, message + kMessage.size());
  pending_.erase(0, header_.size());
  const std::string_view recipient = word_behind(header_, kRecipient);
  const bool is_call = options_.has_tools && recipient.starts_with(kFunctions);
  name_ = is_call ? std::string(recipient.substr(kFunctions.size())) : std::string();
  if (!name_.empty()) {
    searched_ = 0;
    state_ = State::call;
    return true;
  }
  // A message to something that is no function is passed on as it is.
  if (!recipient.empty()) pass(parts, ReplyPart::Kind::text, header_);
  const bool is_analysis = recipient.empty() && word_behind(header_, kChannel) == "analysis";
  state_ = is_analysis ? State::reasoning : State::text;
  return true;
}

bool HarmonyParser::consume_body(Parts& parts, bool is_last) {
  const auto kind = state_ == State::reasoning ? ReplyPart::Kind::reasoning : ReplyPart::Kind::text;
  const BodyEnd end = find_end(pending_, 0);
  if (end.content != std::string_view::npos) {
    pass(parts, kind, std::string_view(pending_).substr(0, end.content));
    pending_.erase(0, end.whole);
    state_ = State::header;
    return !pending_.empty();
  }
  const size_t held = is_last ? 0 : end_start_length(pending_);
  pass(parts, kind, std::string_view(pending_).substr(0, pending_.size() - held));
  pending_.erase(0, pending_.size() - held);
  return false;
}

bool HarmonyParser::consume_call(Parts& parts, bool is_last) {
  const size_t overlap = kMessage.size();  // as long as the longest end
  BodyEnd end = find_end(pending_, searched_ > overlap ? searched_ - overlap : 0);
  const bool is_over = std::min(end.content, pending_.size()) > kCallBytesMax;
  if (end.content == std::string_view::npos) {
    searched_ = pending_.size();
    if (!is_over && !is_last) return false;
    end = {pending_.size(), pending_.size()};
  }
  const std::string_view arguments = trim(std::string_view(pending_).substr(0, end.content));
  const bool is_call = !is_over && name_.size() <= kToolNameBytesMax && is_json_object(arguments);
  if (is_call) {
    parts.push_back({ReplyPart::Kind::tool_call, "", name_, std::string(arguments)});
    pending_.erase(0, end.whole);
    state_ = State::header;
    return !pending_.empty();
  }
  pass(parts, ReplyPart::Kind::text, header_);
  state_ = State::text;
  return true;
}

void HarmonyParser::pass(Parts& parts, ReplyPart::Kind kind, std::string_view text) {
  if (!text.empty()) parts.push_back({kind, std::string(text), "", ""});
}

}  // namespace plinth::engine
