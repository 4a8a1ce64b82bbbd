// SPDX-License-Identifier: Apache-2.0
// Text to tokens and back for one model. Special tokens are found first; what lies between them
// goes to the model's BPE or WordPiece.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "engine/tokenizer/byte_level.h"
#include "engine/tokenizer/sentence_piece.h"
#include "engine/tokenizer/special_tokens.h"
#include "engine/tokenizer/vocabulary.h"
#include "engine/tokenizer/word_piece.h"

namespace plinth::engine {

class Tokenizer {
 public:
  // Errors: unsupported (names tokenizer.ggml.model), malformed.
  static Result<std::unique_ptr<Tokenizer>> read(const gguf::Contents& contents);

  const Vocabulary& vocabulary() const { return vocabulary_; }

  // Control tokens are found in the text only with parse_special; user-defined tokens always.
  std::vector<Token> encode(std::string_view text, bool add_special, bool parse_special) const;

  // Text of a rendered template. `foreign` has one byte per byte of text: not 0 where the byte came
  // from outside the template. No control token, and no token whose text stands in `protected_text`
  // (the template's source), is found where a foreign byte takes part.
  std::vector<Token> encode_rendered(std::string_view text, std::string_view foreign,
                                     std::string_view protected_text) const;

  // The bytes a token adds to a reply: none for control and unknown tokens.
  std::string piece(Token token) const;
  // The same, but a control or unknown token has its name; empty when there is no such token.
  std::string text(Token token) const;
  // The bytes of all tokens, without the space prefix that encode() adds.
  std::string decode(const std::vector<Token>& tokens) const;

 private:
  Tokenizer() = default;
  Status read_model(const gguf::Contents& contents);
  Status read_added_tokens(const gguf::Contents& contents);

  template <typename IsAllowed>
  std::vector<Token> encode_with(std::string_view text, bool add_special,
                                 const IsAllowed& is_allowed) const;
  void encode_plain(std::string_view text, bool is_first, std::vector<Token>& out) const;
  bool is_space_taken_by(Token special) const;

  Vocabulary vocabulary_;
  SpecialTokens special_;
  std::variant<std::monostate, ByteLevelBpe, SentencePieceBpe, WordPiece> model_;
  std::optional<Token> added_first_;
  std::optional<Token> added_last_;
  bool is_space_after_special_dropped_ = false;
};

}  // namespace plinth::engine
