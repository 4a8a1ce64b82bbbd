// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.h"
#include "engine/convert/checkpoint/tokenizer.h"

namespace plinth::engine::checkpoint {
namespace {

Error malformed(std::string_view key, const std::string& cause) {
  return make_error(ErrorCode::malformed, "tokenizer.json: " + std::string(key) + ": " + cause,
                    std::string(key));
}

}  // namespace

Status TokenList::place(int64_t id, std::string_view text, TokenKind kind) {
  if (id < 0 || id >= static_cast<int64_t>(Vocabulary::kTokensMax)) {
    return malformed("model.vocab", "token \"" + shorten(text, 64) + "\" has the number " +
                                        std::to_string(id) + ", which is outside 0.." +
                                        std::to_string(Vocabulary::kTokensMax - 1));
  }
  if (id >= static_cast<int64_t>(entries_.size())) return ok();
  TokenEntry& entry = entries_[static_cast<size_t>(id)];
  const bool is_taken = entry.kind != TokenKind::unused;
  if (is_taken && entry.text != text) {
    return malformed("model.vocab", "tokens \"" + shorten(entry.text, 64) + "\" and \"" +
                                        shorten(text, 64) + "\" have the same number " +
                                        std::to_string(id));
  }
  entry.text = text;
  entry.kind = kind;
  return ok();
}

void TokenList::index() {
  by_text_.resize(entries_.size());
  for (uint32_t i = 0; i < by_text_.size(); ++i) by_text_[i] = i;
  std::sort(by_text_.begin(), by_text_.end(),
            [&](uint32_t a, uint32_t b) { return entries_[a].text < entries_[b].text; });
}

std::optional<uint32_t> TokenList::find(std::string_view text) const {
  const auto at = std::lower_bound(
      by_text_.begin(), by_text_.end(), text,
      [&](uint32_t id, std::string_view wanted) { return entries_[id].text < wanted; });
  if (at == by_text_.end() || entries_[*at].text != text) return std::nullopt;
  return *at;
}

Result<TokenList> TokenList::read(const Json& tokenizer, uint64_t count) {
  const Json& vocabulary = tokenizer["model"]["vocab"];
  if (!vocabulary.is_object() || vocabulary.size() == 0) {
    return malformed("model.vocab", "is no object of tokens");
  }
  if (count > Vocabulary::kTokensMax) {
    return malformed("model.vocab", std::to_string(count) + " tokens, at most " +
                                        std::to_string(Vocabulary::kTokensMax) + " are read");
  }
  TokenList list;
  list.entries_.resize(count);
  for (TokenEntry& entry : list.entries_) entry.kind = TokenKind::unused;
  for (const auto& [text, id] : vocabulary.members()) {
    if (!id.is_integer()) return malformed("model.vocab", shorten(text, 64) + " has no number");
    TRY(list.place(id.as_int(), text, TokenKind::normal));
  }
  for (const Json& token : tokenizer["added_tokens"].items()) {
    if (!token["id"].is_integer() || !token["content"].is_string()) {
      return malformed("added_tokens", "a token lacks its id or its content");
    }
    TRY(list.place(token["id"].as_int(), token["content"].as_string(),
                   token["special"].as_bool() ? TokenKind::control : TokenKind::user_defined));
  }
  for (size_t i = 0; i < count; ++i) {
    TokenEntry& entry = list.entries_[i];
    if (entry.kind == TokenKind::unused) entry.text = "[PAD" + std::to_string(i) + "]";
  }
  list.index();
  return list;
}

}  // namespace plinth::engine::checkpoint
