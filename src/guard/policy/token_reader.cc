// SPDX-License-Identifier: Apache-2.0
// Reading names, strings and entities from tokens.
#include "guard/policy/token_reader.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace plinth::guard {
namespace {

constexpr std::array<std::string_view, 9> kReserved = {"true", "false", "if",   "then", "else",
                                                       "in",   "is",    "like", "has"};

}  // namespace

Error TokenReader::error(const std::string& message) const {
  return make_error(ErrorCode::malformed,
                    "policy, " + position_text(source_, offset()) + ": " + message);
}

Error TokenReader::expected(std::string_view what) const {
  const std::string got =
      is_at_end() ? "the end of the text" : "'" + shorten(peek().text, 60) + "'";
  return error("expected " + std::string(what) + ", got " + got);
}

Status TokenReader::expect_symbol(std::string_view text) {
  if (!take_symbol(text)) return expected("'" + std::string(text) + "'");
  return ok();
}

Status TokenReader::expect_word(std::string_view text) {
  if (!take_word(text)) return expected("'" + std::string(text) + "'");
  return ok();
}

Result<std::string> TokenReader::identifier(std::string_view what) {
  const Token& token = peek();
  if (token.kind != TokenKind::identifier) return expected(what);
  if (std::ranges::find(kReserved, token.text) != kReserved.end() || token.text == "__cedar") {
    return error("'" + std::string(token.text) + "' is a reserved word");
  }
  return std::string(take().text);
}

Result<std::string> TokenReader::text_string(std::string_view what) {
  if (peek().kind != TokenKind::string) return expected(what);
  auto text = unescape_text(peek().text);
  if (text.is_error()) return error(text.error().message);
  take();
  return text;
}

Result<std::string> TokenReader::type_path() {
  std::string path = TRY(identifier("a type"));
  while (is_symbol("::") && peek(1).kind == TokenKind::identifier) {
    take();
    path += "::" + TRY(identifier("a type"));
  }
  return path;
}

Result<EntityRef> TokenReader::entity() {
  EntityRef ref;
  ref.type = TRY(type_path());
  TRY(expect_symbol("::"));
  ref.id = TRY(text_string("an entity's id in quotes"));
  return ref;
}

}  // namespace plinth::guard
