// SPDX-License-Identifier: Apache-2.0
// Unlike byte-level BPE there are no pieces: merges may cross words, so the whole text is one.
#include "engine/tokenizer/sentence_piece.h"

#include <optional>

#include "base/text.h"
#include "engine/tokenizer/merge_queue.h"
#include "engine/tokenizer/space_mark.h"

namespace plinth::engine {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

std::string byte_token_text(unsigned byte) {
  return std::string("<0x") + kHexDigits[byte >> 4] + kHexDigits[byte & 15] + ">";
}

// Spaces at both ends dropped, others one at a time.
std::string collapse_spaces(std::string_view text) {
  std::string collapsed;
  for (size_t at = 0; at < text.size(); ++at) {
    const bool is_dropped = text[at] == ' ' && (collapsed.empty() || collapsed.back() == ' ');
    if (!is_dropped) collapsed += text[at];
  }
  if (!collapsed.empty() && collapsed.back() == ' ') collapsed.pop_back();
  return collapsed;
}

// A table of replacements for characters, which only some trainings write. Text that it would
// change would become other tokens than those the model knows.
Status check_normalisation(const gguf::Contents& contents) {
  constexpr std::string_view kKey = "tokenizer.ggml.precompiled_charsmap";
  const gguf::Entry* entry = contents.find(kKey);
  if (!entry) return ok();
  const auto* table = std::get_if<gguf::ArrayView>(&entry->value);
  if (table && table->count == 0) return ok();
  return make_error(ErrorCode::unsupported,
                    std::string(kKey) +
                        ": the vocabulary was trained on text normalised by a table, which is not "
                        "computed; use a model whose file has no such table",
                    std::string(kKey));
}

// Bytes of the character that begins here; 1 when it is cut short or no UTF-8.
uint32_t character_bytes(std::string_view text) {
  const auto first = static_cast<uint8_t>(text[0]);
  const uint32_t announced = first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (announced > text.size() || !is_utf8(text.substr(0, announced))) return 1;
  return announced;
}

}  // namespace

Result<SentencePieceBpe> SentencePieceBpe::read(const gguf::Contents& contents,
                                                const Vocabulary& vocabulary) {
  SentencePieceBpe bpe;
  bpe.vocabulary_ = &vocabulary;
  TRY(check_normalisation(contents));
  bpe.is_space_collapsed_ =
      TRY(contents.boolean("tokenizer.ggml.remove_extra_whitespaces")).value_or(false);
  bpe.is_space_prefixed_ = TRY(contents.boolean("tokenizer.ggml.add_space_prefix")).value_or(true);
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::optional<Token> token = vocabulary.find(byte_token_text(byte));
    if (!token) token = vocabulary.unknown_token();
    if (!token) {
      return make_error(ErrorCode::malformed,
                        "tokenizer.ggml.tokens: no token " + byte_token_text(byte) +
                            " and no unknown token, so some text could not be written in tokens",
                        "tokenizer.ggml.tokens");
    }
    bpe.byte_tokens_[byte] = *token;
  }
  return bpe;
}

void SentencePieceBpe::encode(std::string_view text, bool is_first, std::vector<Token>& out) const {
  const std::string collapsed = is_space_collapsed_ ? collapse_spaces(text) : std::string();
  if (is_space_collapsed_) text = collapsed;
  if (text.empty()) return;
  std::string marked = mark_spaces(text);
  if (is_first && is_space_prefixed_) marked.insert(0, kSpaceMark);
  const std::string_view whole = marked;
  std::vector<Symbol> symbols;
  for (uint32_t at = 0; at < whole.size();) {
    const uint32_t length = character_bytes(whole.substr(at));
    symbols.push_back({at, length, vocabulary_->find(whole.substr(at, length)).value_or(-1)});
    at += length;
  }
  merge_symbols(symbols, [&](const Symbol& left, const Symbol& right) -> std::optional<Merge> {
    const size_t length = left.length + right.length;
    if (length > vocabulary_->longest_token_bytes()) return std::nullopt;
    const auto token = vocabulary_->find(whole.substr(left.begin, length));
    if (!token) return std::nullopt;
    return Merge{-static_cast<double>(vocabulary_->entry(*token).score), *token};
  });
  for (const Symbol& symbol : symbols) {
    if (symbol.token >= 0) {
      out.push_back(symbol.token);
      continue;
    }
    for (const char c : whole.substr(symbol.begin, symbol.length)) {
      out.push_back(byte_tokens_[static_cast<uint8_t>(c)]);
    }
  }
}

std::string SentencePieceBpe::decode(const TokenEntry& entry) {
  const std::string_view text = entry.text;
  if (entry.kind == TokenKind::byte && text.size() == 6) {
    const size_t high = kHexDigits.find(text[3]);
    const size_t low = kHexDigits.find(text[4]);
    if (high != std::string_view::npos && low != std::string_view::npos) {
      return std::string(1, static_cast<char>(high << 4 | low));
    }
  }
  return unmark_spaces(text);
}

}  // namespace plinth::engine
