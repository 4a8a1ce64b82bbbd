// SPDX-License-Identifier: Apache-2.0
#include "engine/tool_calls/tagged_parser.h"

#include <algorithm>

namespace plinth::engine {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
// What may stand between calls that are bare JSON.
constexpr std::string_view kSpaceAndSemicolon = " \t\r\n;";

size_t skip(std::string_view text, std::string_view characters) {
  return std::min(text.find_first_not_of(characters), text.size());
}

bool may_become(std::string_view text, std::string_view tag) {
  return text.size() < tag.size() && tag.starts_with(text);
}

}  // namespace

TaggedParser::TaggedParser(ReplyParserOptions options)
    : options_(std::move(options)),
      format_(*options_.syntax.calls),
      reasoning_(options_.is_chat ? options_.syntax.reasoning : nullptr),
      state_(State::start),
      end_(format_) {
  if (!reasoning_) state_ = text_state();
  if (reasoning_ && options_.is_reasoning_open) state_ = State::reasoning;
}

TaggedParser::State TaggedParser::text_state() const {
  const bool is_leading = options_.has_tools && format_.reading == CallReading::leading_json;
  return is_leading ? State::leading : State::text;
}

std::vector<ReplyPart> TaggedParser::feed(std::string_view text) {
  Parts parts;
  pending_ += text;
  while (consume(parts, false)) {
  }
  return parts;
}

std::vector<ReplyPart> TaggedParser::finish() {
  Parts parts;
  while (consume(parts, true)) {
  }
  return parts;
}

bool TaggedParser::consume(Parts& parts, bool is_last) {
  switch (state_) {
    case State::start:
      return consume_start(is_last);
    case State::reasoning:
      return consume_reasoning(parts, is_last);
    case State::leading:
      return consume_leading(is_last);
    case State::text:
      return consume_text(parts, is_last);
    case State::call:
      return consume_call(parts, is_last);
  }
  return false;
}

bool TaggedParser::consume_start(bool is_last) {
  const size_t begin = skip(pending_, kSpace);
  const std::string_view rest = std::string_view(pending_).substr(begin);
  if (rest.starts_with(reasoning_->open)) {
    pending_.erase(0, begin + reasoning_->open.size());
    state_ = State::reasoning;
    return true;
  }
  if (!is_last && may_become(rest, reasoning_->open)) return false;
  state_ = text_state();
  return true;
}

bool TaggedParser::consume_reasoning(Parts& parts, bool is_last) {
  const std::string_view pending = pending_;
  const size_t close = pending.find(reasoning_->close);
  if (close != std::string_view::npos) {
    pass_reasoning(parts, pending.substr(0, close));
    pending_.erase(0, close + reasoning_->close.size());
    space_.clear();
    is_after_reasoning_ = true;
    state_ = text_state();
    return true;
  }
  const size_t held = is_last ? 0 : tag_start_length(pending, reasoning_->close);
  pass_reasoning(parts, pending.substr(0, pending.size() - held));
  pending_.erase(0, pending_.size() - held);
  return false;
}

// A call of bare JSON begins the reply, or follows another.
bool TaggedParser::consume_leading(bool is_last) {
  const size_t begin = skip(pending_, is_after_call_ ? kSpaceAndSemicolon : kSpace);
  const std::string_view rest = std::string_view(pending_).substr(begin);
  if (rest.starts_with('{') || rest.starts_with(format_.open)) {
    const size_t tag = rest.starts_with('{') ? 0 : format_.open.size();
    begin_call(begin + tag);
    return true;
  }
  if (!is_last && may_become(rest, format_.open)) return false;
  state_ = State::text;
  return true;
}

void TaggedParser::begin_call(size_t open_bytes) {
  open_bytes_ = open_bytes;
  end_ = BlockEnd(format_);
  state_ = State::call;
}

bool TaggedParser::consume_text(Parts& parts, bool is_last) {
  if (is_closing_tag_due_ && !drop_closing_tag(is_last)) return false;
  // What follows each tag is read again for it, so a reply of tags alone would take forever.
  constexpr int kUnendedMax = 8;
  const bool is_searched =
      options_.has_tools && format_.reading != CallReading::leading_json && unended_ < kUnendedMax;
  const size_t open = is_searched ? pending_.find(format_.open) : std::string::npos;
  if (open != std::string::npos) {
    pass_text(parts, std::string_view(pending_).substr(0, open));
    pending_.erase(0, open);
    begin_call(format_.open.size());
    return true;
  }
  const size_t held = is_last || !is_searched ? 0 : tag_start_length(pending_, format_.open);
  const size_t passed = pending_.size() - held;
  pass_text(parts, std::string_view(pending_).substr(0, passed));
  pending_.erase(0, passed);
  return false;
}

// False while it may still come.
bool TaggedParser::drop_closing_tag(bool is_last) {
  const size_t begin = skip(pending_, kSpace);
  const std::string_view rest = std::string_view(pending_).substr(begin);
  if (rest.starts_with(format_.close)) {
    pending_.erase(0, begin + format_.close.size());
  } else if (!is_last && may_become(rest, format_.close)) {
    return false;
  }
  is_closing_tag_due_ = false;
  return true;
}

bool TaggedParser::consume_call(Parts& parts, bool is_last) {
  const std::string_view behind = std::string_view(pending_).substr(open_bytes_);
  auto found = end_.find(behind);
  if (found && found->whole > kCallBytesMax) found.reset();
  const bool is_ended = found.has_value();
  if (!is_ended) {
    const bool is_over = end_.is_hopeless() || behind.size() > kCallBytesMax;
    if (!is_over && !is_last) return false;
    found = BlockEnd::Found{is_over ? 0 : behind.size(), behind.size()};
  }
  auto calls = format_.read(behind.substr(0, found->content), options_.functions);
  if (!calls) {
    if (!is_ended) ++unended_;
    // Where nothing ended, only the tag is certain to be text: another call may begin behind it.
    const size_t passed = is_ended ? open_bytes_ + found->whole : std::max<size_t>(open_bytes_, 1);
    pass_text(parts, std::string_view(pending_).substr(0, passed));
    pending_.erase(0, passed);
    state_ = State::text;
    return true;
  }
  space_.clear();
  for (ReplyPart& call : *calls) parts.push_back(std::move(call));
  is_after_call_ = true;
  pending_.erase(0, open_bytes_ + found->whole);
  is_closing_tag_due_ = format_.reading == CallReading::until_json_ends && !format_.close.empty();
  state_ = text_state();
  return true;
}

void TaggedParser::pass_text(Parts& parts, std::string_view text) {
  if (is_after_reasoning_) {
    text.remove_prefix(skip(text, kSpace));
    if (!text.empty()) is_after_reasoning_ = false;
  }
  if (is_after_call_ && text.find_first_not_of(kSpace) == std::string_view::npos) {
    space_ += text;
    return;
  }
  if (text.empty()) return;
  parts.push_back({ReplyPart::Kind::text, space_ + std::string(text), "", ""});
  space_.clear();
  is_after_call_ = false;
}

// Without white space at both ends.
void TaggedParser::pass_reasoning(Parts& parts, std::string_view text) {
  if (!has_reasoning_) text.remove_prefix(skip(text, kSpace));
  const size_t last = text.find_last_not_of(kSpace);
  if (last == std::string_view::npos) {
    if (has_reasoning_) space_ += text;
    return;
  }
  parts.push_back(
      {ReplyPart::Kind::reasoning, space_ + std::string(text.substr(0, last + 1)), "", ""});
  space_ = text.substr(last + 1);
  has_reasoning_ = true;
}

}  // namespace plinth::engine
