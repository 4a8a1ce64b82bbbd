// SPDX-License-Identifier: Apache-2.0
// A place in a list of tokens, with the questions every parser asks of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "guard/policy.h"
#include "guard/policy/lexer.h"

namespace plinth::guard {

class TokenReader {
 public:
  TokenReader(std::string_view source, const std::vector<Token>& tokens)
      : source_(source), tokens_(tokens) {}

  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(next_ + ahead, tokens_.size() - 1)];
  }
  Token take() {
    const Token token = peek();
    if (next_ + 1 < tokens_.size()) ++next_;
    return token;
  }
  bool is_at_end() const { return peek().kind == TokenKind::end; }
  bool is_symbol(std::string_view text) const {
    return peek().kind == TokenKind::symbol && peek().text == text;
  }
  bool is_word(std::string_view text) const {
    return peek().kind == TokenKind::identifier && peek().text == text;
  }
  bool take_symbol(std::string_view text) {
    const bool is_it = is_symbol(text);
    if (is_it) take();
    return is_it;
  }
  bool take_word(std::string_view text) {
    const bool is_it = is_word(text);
    if (is_it) take();
    return is_it;
  }

  size_t offset() const { return static_cast<size_t>(peek().text.data() - source_.data()); }
  std::string_view source() const { return source_; }
  // "policy, line 3, column 7: " + message, at the present token.
  Error error(const std::string& message) const;
  Error expected(std::string_view what) const;  // "… expected WHAT, got 'TOKEN'"

  Status expect_symbol(std::string_view text);
  Status expect_word(std::string_view text);
  Result<std::string> identifier(std::string_view what);  // not a reserved word
  Result<std::string> text_string(std::string_view what);
  Result<std::string> type_path();  // A::B
  Result<EntityRef> entity();       // A::B::"id"

 private:
  std::string_view source_;
  const std::vector<Token>& tokens_;
  size_t next_ = 0;
};

}  // namespace plinth::guard
