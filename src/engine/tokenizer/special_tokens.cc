// SPDX-License-Identifier: Apache-2.0
// A sorted list stands in for a tree of prefixes: it needs four bytes a token, whatever a file
// holds.
#include "engine/tokenizer/special_tokens.h"

#include <algorithm>

namespace plinth::engine {

SpecialTokens::SpecialTokens(const Vocabulary& vocabulary) : vocabulary_(&vocabulary) {
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    const auto token = static_cast<Token>(i);
    const TokenEntry& entry = vocabulary.entry(token);
    if (!is_special(entry.kind) || entry.text.empty()) continue;
    if (vocabulary.find(entry.text) == token) tokens_.push_back(token);
  }
  std::sort(tokens_.begin(), tokens_.end(),
            [&](Token a, Token b) { return vocabulary.entry(a).text < vocabulary.entry(b).text; });
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    Span& span = by_first_byte_[static_cast<uint8_t>(text_of(i)[0])];
    if (span.begin == span.end) span.begin = i;
    span.end = i + 1;
  }
}

SpecialTokens::Span SpecialTokens::narrow(Span span, size_t length, char next) const {
  const auto byte_at = [&](Token token) {
    return static_cast<uint8_t>(vocabulary_->entry(token).text[length]);
  };
  const auto begin = tokens_.begin() + span.begin;
  const auto end = tokens_.begin() + span.end;
  const auto byte = static_cast<uint8_t>(next);
  const auto first = std::lower_bound(
      begin, end, byte, [&](Token token, uint8_t value) { return byte_at(token) < value; });
  const auto last = std::upper_bound(
      first, end, byte, [&](uint8_t value, Token token) { return value < byte_at(token); });
  return {static_cast<uint32_t>(first - tokens_.begin()),
          static_cast<uint32_t>(last - tokens_.begin())};
}

}  // namespace plinth::engine
