// SPDX-License-Identifier: Apache-2.0
// Special tokens are matched leftmost first, longest first at one place.
#include "engine/tokenizer/tokenizer.h"

#include <algorithm>

namespace plinth::engine {

Result<std::unique_ptr<Tokenizer>> Tokenizer::read(const gguf::Contents& contents) {
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer());
  tokenizer->vocabulary_ = TRY(Vocabulary::read(contents));
  TRY(tokenizer->read_model(contents));
  tokenizer->index_special_tokens();
  return tokenizer;
}

Status Tokenizer::read_model(const gguf::Contents& contents) {
  const std::string_view model = TRY(contents.required_string("tokenizer.ggml.model"));
  bool is_begin_default = false;
  if (model == "gpt2") {
    model_ = TRY(ByteLevelBpe::read(contents, vocabulary_));
    is_begin_default = std::get<ByteLevelBpe>(model_).is_begin_added();
  } else if (model == "llama") {
    model_ = TRY(SentencePieceBpe::read(contents, vocabulary_));
    is_begin_default = true;
  } else {
    return make_error(ErrorCode::unsupported,
                      "tokenizer.ggml.model: \"" + std::string(model) +
                          "\" is not known; supported are gpt2 (byte-level BPE) and llama "
                          "(SentencePiece BPE)",
                      "tokenizer.ggml.model");
  }
  is_begin_added_ =
      TRY(contents.boolean("tokenizer.ggml.add_bos_token")).value_or(is_begin_default);
  is_end_added_ = TRY(contents.boolean("tokenizer.ggml.add_eos_token")).value_or(false);
  return ok();
}

void Tokenizer::index_special_tokens() {
  for (size_t i = 0; i < vocabulary_.size(); ++i) {
    const TokenEntry& entry = vocabulary_.entry(static_cast<Token>(i));
    const bool is_special = entry.kind == TokenKind::control || entry.kind == TokenKind::unknown ||
                            entry.kind == TokenKind::user_defined;
    if (!is_special || entry.text.empty()) continue;
    special_by_byte_[static_cast<uint8_t>(entry.text[0])].push_back(static_cast<Token>(i));
  }
  for (std::vector<Token>& tokens : special_by_byte_) {
    std::stable_sort(tokens.begin(), tokens.end(), [this](Token a, Token b) {
      return vocabulary_.entry(a).text.size() > vocabulary_.entry(b).text.size();
    });
  }
}

template <typename IsAllowed>
std::vector<Token> Tokenizer::encode_with(std::string_view text, bool add_special,
                                          const IsAllowed& is_allowed) const {
  std::vector<Token> tokens;
  if (add_special && is_begin_added_ && vocabulary_.begin_token()) {
    tokens.push_back(*vocabulary_.begin_token());
  }
  bool is_first = true;
  size_t plain_begin = 0;
  for (size_t at = 0; at < text.size();) {
    const auto& candidates = special_by_byte_[static_cast<uint8_t>(text[at])];
    const auto found = std::find_if(candidates.begin(), candidates.end(), [&](Token token) {
      const TokenEntry& entry = vocabulary_.entry(token);
      return text.substr(at, entry.text.size()) == entry.text && is_allowed(at, entry);
    });
    if (found == candidates.end()) {
      ++at;
      continue;
    }
    if (at > plain_begin)
      encode_plain(text.substr(plain_begin, at - plain_begin), is_first, tokens);
    tokens.push_back(*found);
    is_first = true;
    at += vocabulary_.entry(*found).text.size();
    plain_begin = at;
  }
  if (plain_begin < text.size()) encode_plain(text.substr(plain_begin), is_first, tokens);
  if (add_special && is_end_added_ && vocabulary_.end_token()) {
    tokens.push_back(*vocabulary_.end_token());
  }
  return tokens;
}

void Tokenizer::encode_plain(std::string_view text, bool is_first, std::vector<Token>& out) const {
  if (const auto* byte_level = std::get_if<ByteLevelBpe>(&model_)) {
    byte_level->encode(text, out);
  } else if (const auto* sentence_piece = std::get_if<SentencePieceBpe>(&model_)) {
    sentence_piece->encode(text, is_first, out);
  }
}

std::vector<Token> Tokenizer::encode(std::string_view text, bool add_special,
                                     bool parse_special) const {
  return encode_with(text, add_special, [&](size_t, const TokenEntry& entry) {
    return parse_special || entry.kind == TokenKind::user_defined;
  });
}

std::vector<Token> Tokenizer::encode_rendered(std::string_view text, std::string_view foreign,
                                              std::string_view protected_text) const {
  return encode_with(text, false, [&](size_t at, const TokenEntry& entry) {
    const std::string_view marks = foreign.substr(at, entry.text.size());
    const bool is_own = marks.find_first_not_of('\0') == std::string_view::npos;
    if (is_own) return true;
    return entry.kind == TokenKind::user_defined &&
           protected_text.find(entry.text) == std::string_view::npos;
  });
}

std::string Tokenizer::piece(Token token) const {
  const TokenEntry& entry = vocabulary_.entry(token);
  if (entry.kind == TokenKind::control || entry.kind == TokenKind::unknown) return {};
  if (entry.kind == TokenKind::user_defined) return entry.text;
  if (std::holds_alternative<ByteLevelBpe>(model_)) return ByteLevelBpe::decode(entry.text);
  return SentencePieceBpe::decode(entry);
}

std::string Tokenizer::decode(const std::vector<Token>& tokens) const {
  std::string bytes;
  for (const Token token : tokens) {
    if (vocabulary_.contains(token)) bytes += piece(token);
  }
  const auto* sentence_piece = std::get_if<SentencePieceBpe>(&model_);
  if (sentence_piece && sentence_piece->is_space_prefixed() && !bytes.empty() && bytes[0] == ' ') {
    bytes.erase(0, 1);
  }
  return bytes;
}

}  // namespace plinth::engine
