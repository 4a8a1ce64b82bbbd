// SPDX-License-Identifier: Apache-2.0
// Special tokens are matched leftmost first, longest first at one place.
#include "engine/tokenizer/tokenizer.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"

namespace plinth::engine {

Result<std::unique_ptr<Tokenizer>> Tokenizer::read(const gguf::Contents& contents) {
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer());
  tokenizer->vocabulary_ = TRY(Vocabulary::read(contents));
  tokenizer->special_ = SpecialTokens(tokenizer->vocabulary_);
  TRY(tokenizer->read_model(contents));
  TRY(tokenizer->read_added_tokens(contents));
  return tokenizer;
}

Status Tokenizer::read_model(const gguf::Contents& contents) {
  constexpr std::string_view kKey = "tokenizer.ggml.model";
  const std::string_view model = TRY(contents.required_string(kKey));
  if (model == "gpt2") {
    model_ = TRY(ByteLevelBpe::read(contents, vocabulary_));
  } else if (model == "llama") {
    model_ = TRY(SentencePieceBpe::read(contents, vocabulary_));
    const auto architecture = TRY(contents.string("general.architecture"));
    is_space_after_special_dropped_ = architecture == "phi3";
  } else if (model == "bert") {
    model_ = TRY(WordPiece::read(contents, vocabulary_));
  } else {
    return make_error(ErrorCode::unsupported,
                      std::string(kKey) + ": \"" + shorten(model, 64) +
                          "\" is not known; supported are gpt2 (byte-level BPE), llama "
                          "(SentencePiece BPE) and bert (WordPiece), not t5 (Unigram)",
                      std::string(kKey));
  }
  return ok();
}

Status Tokenizer::read_added_tokens(const gguf::Contents& contents) {
  const auto begin = TRY(contents.boolean("tokenizer.ggml.add_bos_token"));
  const auto end = TRY(contents.boolean("tokenizer.ggml.add_eos_token"));
  const auto separator = TRY(contents.boolean("tokenizer.ggml.add_sep_token"));
  const auto* byte_level = std::get_if<ByteLevelBpe>(&model_);
  const bool is_begin_default = byte_level ? byte_level->is_begin_added() : true;
  if (begin.value_or(is_begin_default)) added_first_ = vocabulary_.begin_token();
  if (end.value_or(false)) added_last_ = vocabulary_.end_token();
  // Elsewhere the separator stands between the two texts of a pair, which encode() does not take.
  if (!std::holds_alternative<WordPiece>(model_)) return ok();
  if (begin.value_or(true) && !added_first_) added_first_ = vocabulary_.classify_token();
  if (separator.value_or(true)) added_last_ = vocabulary_.separator_token();
  return ok();
}

// Phi-3's added tokens take the white space behind them, but for these three.
bool Tokenizer::is_space_taken_by(Token special) const {
  if (!is_space_after_special_dropped_) return false;
  const std::string_view text = vocabulary_.entry(special).text;
  return text != "<unk>" && text != "<s>" && text != "<|endoftext|>";
}

template <typename IsAllowed>
std::vector<Token> Tokenizer::encode_with(std::string_view text, bool add_special,
                                          const IsAllowed& is_allowed) const {
  constexpr std::string_view kWhiteSpace = " \t\n\v\f\r";
  std::vector<Token> tokens;
  if (add_special && added_first_) tokens.push_back(*added_first_);
  bool is_first = true;
  size_t plain_begin = 0;
  for (size_t at = 0; at < text.size();) {
    std::optional<Token> found;
    special_.match(text.substr(at), [&](Token token) {
      if (is_allowed(at, token)) found = token;
    });
    if (!found) {
      ++at;
      continue;
    }
    if (at > plain_begin) {
      encode_plain(text.substr(plain_begin, at - plain_begin), is_first, tokens);
    }
    tokens.push_back(*found);
    is_first = true;
    at += vocabulary_.entry(*found).text.size();
    if (is_space_taken_by(*found)) {
      at = std::min(text.find_first_not_of(kWhiteSpace, at), text.size());
    }
    plain_begin = at;
  }
  if (plain_begin < text.size()) encode_plain(text.substr(plain_begin), is_first, tokens);
  if (add_special && added_last_) tokens.push_back(*added_last_);
  return tokens;
}

void Tokenizer::encode_plain(std::string_view text, bool is_first, std::vector<Token>& out) const {
  if (const auto* byte_level = std::get_if<ByteLevelBpe>(&model_)) {
    byte_level->encode(text, out);
  } else if (const auto* sentence_piece = std::get_if<SentencePieceBpe>(&model_)) {
    sentence_piece->encode(text, is_first, out);
  } else if (const auto* word_piece = std::get_if<WordPiece>(&model_)) {
    word_piece->encode(text, out);
  }
}

std::vector<Token> Tokenizer::encode(std::string_view text, bool add_special,
                                     bool parse_special) const {
  return encode_with(text, add_special, [&](size_t, Token token) {
    return parse_special || vocabulary_.entry(token).kind == TokenKind::user_defined;
  });
}

std::vector<Token> Tokenizer::encode_rendered(std::string_view text, std::string_view foreign,
                                              std::string_view protected_text) const {
  // Each token is looked up in the template once, however often the text holds it.
  std::unordered_map<Token, bool> is_protected;
  return encode_with(text, false, [&](size_t at, Token token) {
    const TokenEntry& entry = vocabulary_.entry(token);
    const std::string_view marks = foreign.substr(at, entry.text.size());
    const bool is_own = marks.find_first_not_of('\0') == std::string_view::npos;
    if (is_own) return true;
    if (entry.kind != TokenKind::user_defined) return false;
    const auto [known, is_new] = is_protected.try_emplace(token, false);
    if (is_new) known->second = protected_text.find(entry.text) != std::string_view::npos;
    return !known->second;
  });
}

std::string Tokenizer::piece(Token token) const {
  const TokenEntry& entry = vocabulary_.entry(token);
  if (entry.kind == TokenKind::control || entry.kind == TokenKind::unknown) return {};
  if (entry.kind == TokenKind::user_defined) return entry.text;
  if (std::holds_alternative<ByteLevelBpe>(model_)) return ByteLevelBpe::decode(entry.text);
  if (std::holds_alternative<WordPiece>(model_)) return WordPiece::decode(entry.text);
  return SentencePieceBpe::decode(entry);
}

std::string Tokenizer::text(Token token) const {
  if (!vocabulary_.contains(token)) return {};
  std::string bytes = piece(token);
  return bytes.empty() ? vocabulary_.entry(token).text : bytes;
}

std::string Tokenizer::decode(const std::vector<Token>& tokens) const {
  std::string bytes;
  for (const Token token : tokens) {
    if (vocabulary_.contains(token)) bytes += piece(token);
  }
  const auto* sentence_piece = std::get_if<SentencePieceBpe>(&model_);
  const bool is_space_prefixed = sentence_piece ? sentence_piece->is_space_prefixed()
                                                : std::holds_alternative<WordPiece>(model_);
  if (is_space_prefixed && !bytes.empty() && bytes[0] == ' ') bytes.erase(0, 1);
  return bytes;
}

}  // namespace plinth::engine
