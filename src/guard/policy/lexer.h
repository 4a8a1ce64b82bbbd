// SPDX-License-Identifier: Apache-2.0
// Words of the policy language.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace plinth::guard {

enum class TokenKind : uint8_t { identifier, number, string, symbol, end };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;  // a view of the source; a string with its quotes
};

constexpr size_t kTokensMax = 400'000;

// malformed names line and column; too_large past kTokensMax. The views live as long as `source`.
Result<std::vector<Token>> tokenize(std::string_view source);

// "line 3, column 7" of a place in the source.
std::string position_text(std::string_view source, size_t offset);

// The text between the quotes with its escapes resolved.
Result<std::string> unescape_text(std::string_view quoted);
// The same for a pattern of `like`: pieces between wildcards; "\*" is a star.
Result<std::vector<std::string>> unescape_pattern(std::string_view quoted);

}  // namespace plinth::guard
