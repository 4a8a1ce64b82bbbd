// SPDX-License-Identifier: Apache-2.0
// Cuts policy text into words and resolves the escapes of its strings.
#include "guard/policy/lexer.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace plinth::guard {
namespace {

bool is_identifier_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr std::array<std::string_view, 7> kTwoCharacterSymbols = {
    "==", "!=", "<=", ">=", "&&", "||", "::"};
constexpr std::string_view kSymbols = "()[]{}<>,;:.@!+-*?";

Error at(std::string_view source, size_t offset, const std::string& message) {
  return make_error(ErrorCode::malformed,
                    "policy, " + position_text(source, offset) + ": " + message);
}

size_t skip_blank(std::string_view source, size_t offset) {
  while (offset < source.size()) {
    if (is_space(source[offset])) {
      ++offset;
    } else if (source.substr(offset).starts_with("//")) {
      offset = std::min(source.find('\n', offset), source.size());
    } else {
      break;
    }
  }
  return offset;
}

// Length of the string that starts at `offset`, with its quotes.
Result<size_t> string_length(std::string_view source, size_t offset) {
  for (size_t i = offset + 1; i < source.size(); ++i) {
    if (source[i] == '\\') {
      ++i;
    } else if (source[i] == '"') {
      return i + 1 - offset;
    }
  }
  return at(source, offset, "a string has no closing quote");
}

size_t run_length(std::string_view text, bool (*belongs)(char)) {
  return static_cast<size_t>(std::ranges::find_if_not(text, belongs) - text.begin());
}

size_t symbol_length(std::string_view rest) {
  for (const std::string_view symbol : kTwoCharacterSymbols) {
    if (rest.starts_with(symbol)) return 2;
  }
  return kSymbols.find(rest.front()) == std::string_view::npos ? 0 : 1;
}

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (code >> 6)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (code >> 12)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (code >> 18)));
    out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error wrong_escape(std::string_view what) {
  return make_error(ErrorCode::malformed, "the escape '" + std::string(what) +
                                              "' is not known; use \\n \\r \\t \\0 \\\\ \\\" \\' "
                                              "\\xHH or \\u{…}");
}

// \xHH up to 7F, and \u{H…} with one to six digits. `body` starts after the x or u, is advanced.
Result<uint32_t> take_code(char kind, std::string_view& body) {
  uint32_t code = 0;
  size_t digits = 0;
  const bool is_braced = kind == 'u';
  if (is_braced) {
    if (!body.starts_with('{')) return wrong_escape("\\u");
    body.remove_prefix(1);
  }
  const size_t digits_max = is_braced ? 6 : 2;
  while (digits < digits_max && !body.empty() && hex_digit(body.front()) >= 0) {
    code = code * 16 + static_cast<uint32_t>(hex_digit(body.front()));
    body.remove_prefix(1);
    ++digits;
  }
  if (is_braced) {
    if (digits == 0 || !body.starts_with('}')) return wrong_escape("\\u");
    body.remove_prefix(1);
    if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return wrong_escape("\\u");
  } else if (digits != 2 || code > 0x7F) {
    return wrong_escape("\\x");
  }
  return code;
}

Status take_escape(std::string_view& body, std::string& out) {
  constexpr std::string_view kNames = "nrt0\\\"'";
  constexpr std::string_view kMeant("\n\r\t\0\\\"'", 7);
  const char kind = body.empty() ? ' ' : body.front();
  if (!body.empty()) body.remove_prefix(1);
  const size_t simple = kNames.find(kind);
  if (simple != std::string_view::npos) {
    out.push_back(kMeant[simple]);
    return ok();
  }
  if (kind != 'x' && kind != 'u') return wrong_escape(std::string("\\") + kind);
  append_utf8(out, TRY(take_code(kind, body)));
  return ok();
}

}  // namespace

std::string position_text(std::string_view source, size_t offset) {
  const std::string_view before = source.substr(0, std::min(offset, source.size()));
  const auto line = std::ranges::count(before, '\n') + 1;
  const size_t start = before.rfind('\n');
  const size_t column = start == std::string_view::npos ? before.size() : before.size() - start - 1;
  return "line " + std::to_string(line) + ", column " + std::to_string(column + 1);
}

Result<std::vector<Token>> tokenize(std::string_view source) {
  std::vector<Token> tokens;
  size_t offset = skip_blank(source, 0);
  while (offset < source.size()) {
    const std::string_view rest = source.substr(offset);
    Token token;
    size_t length = 0;
    if (is_identifier_start(rest.front())) {
      token.kind = TokenKind::identifier;
      length = run_length(rest, [](char c) { return is_identifier_start(c) || is_digit(c); });
    } else if (is_digit(rest.front())) {
      token.kind = TokenKind::number;
      length = run_length(rest, is_digit);
    } else if (rest.front() == '"') {
      token.kind = TokenKind::string;
      length = TRY(string_length(source, offset));
    } else {
      token.kind = TokenKind::symbol;
      length = symbol_length(rest);
      if (length == 0) return at(source, offset, "unexpected character");
    }
    if (tokens.size() >= kTokensMax) {
      return make_error(ErrorCode::too_large, "policy: more than 400000 words; split the text");
    }
    token.text = rest.substr(0, length);
    tokens.push_back(token);
    offset = skip_blank(source, offset + length);
  }
  tokens.push_back(Token{TokenKind::end, source.substr(source.size())});
  return tokens;
}

Result<std::string> unescape_text(std::string_view quoted) {
  std::string_view body = quoted.substr(1, quoted.size() - 2);
  std::string out;
  while (!body.empty()) {
    const char c = body.front();
    body.remove_prefix(1);
    if (c == '\\') {
      TRY(take_escape(body, out));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

Result<std::vector<std::string>> unescape_pattern(std::string_view quoted) {
  std::string_view body = quoted.substr(1, quoted.size() - 2);
  std::vector<std::string> pieces(1);
  while (!body.empty()) {
    const char c = body.front();
    body.remove_prefix(1);
    if (c == '*') {
      pieces.emplace_back();
    } else if (c != '\\') {
      pieces.back().push_back(c);
    } else if (body.starts_with('*')) {
      body.remove_prefix(1);
      pieces.back().push_back('*');
    } else {
      TRY(take_escape(body, pieces.back()));
    }
  }
  return pieces;
}

}  // namespace plinth::guard
