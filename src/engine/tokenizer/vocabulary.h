// SPDX-License-Identifier: Apache-2.0
// The tokens of a model as its file lists them, with their kinds and the roles some of them have.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/gguf/contents.h"

namespace plinth::engine {

// Numbers as in tokenizer.ggml.token_type.
enum class TokenKind : uint8_t {
  normal = 1,
  unknown = 2,
  control = 3,
  user_defined = 4,
  unused = 5,
  byte = 6,
};

// Special tokens can be found in text as a whole, before the model cuts it.
inline bool is_special(TokenKind kind) {
  return kind == TokenKind::control || kind == TokenKind::unknown ||
         kind == TokenKind::user_defined;
}

struct TokenEntry {
  std::string text;
  TokenKind kind = TokenKind::normal;
  float score = 0;
};

class Vocabulary {
 public:
  static constexpr size_t kTokensMax = 1u << 20;
  static constexpr size_t kTokenBytesMax = 4096;
  static constexpr size_t kSpecialTokenBytesMax = 512;  // each place of a text may be tried for one

  // Errors: malformed names the key; not_found when the file has no tokens.
  static Result<Vocabulary> read(const gguf::Contents& contents);

  size_t size() const { return tokens_.size(); }
  const TokenEntry& entry(Token token) const { return tokens_[static_cast<size_t>(token)]; }
  bool contains(Token token) const { return token >= 0 && static_cast<size_t>(token) < size(); }
  std::optional<Token> find(std::string_view text) const;

  std::optional<Token> begin_token() const { return begin_; }
  std::optional<Token> end_token() const { return end_; }
  std::optional<Token> unknown_token() const { return unknown_; }
  std::optional<Token> classify_token() const { return classify_; }    // begins a text for BERT
  std::optional<Token> separator_token() const { return separator_; }  // ends it
  size_t longest_token_bytes() const { return longest_token_bytes_; }
  // True for every token that ends a reply: end of sequence, of turn, of message.
  bool is_end(Token token) const { return is_end_[static_cast<size_t>(token)]; }

 private:
  Status read_tokens(const gguf::Contents& contents);
  Status read_roles(const gguf::Contents& contents);
  Result<std::optional<Token>> read_role(const gguf::Contents& contents,
                                         std::string_view key) const;

  // A hash table of texts with open addressing: files hold up to 300,000 merges of three texts
  // each, which all are looked up when a model is loaded.
  struct Slot {
    uint32_t tag = 0;  // of the text's hash, so that most other texts are told apart at once
    Token token = -1;  // -1: empty
  };
  static constexpr size_t kProbesMax = 512;
  Status index_texts();

  std::vector<TokenEntry> tokens_;
  std::vector<bool> is_end_;
  std::vector<Slot> slots_;  // a power of two, at most half of them taken
  std::optional<Token> begin_;
  std::optional<Token> end_;
  std::optional<Token> unknown_;
  std::optional<Token> classify_;
  std::optional<Token> separator_;
  size_t longest_token_bytes_ = 0;
};

}  // namespace plinth::engine
