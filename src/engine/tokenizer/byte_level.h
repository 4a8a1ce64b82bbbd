// SPDX-License-Identifier: Apache-2.0
// Byte-level BPE (as of GPT-2): every byte has a printable stand-in character, tokens are spelled
// in these characters, and a list of merges says which neighbours join, first line first.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/tokenizer/pre_tokenizer.h"
#include "engine/tokenizer/vocabulary.h"

namespace plinth::engine {

class ByteLevelBpe {
 public:
  // `vocabulary` must outlive the result. Errors: malformed (a merge names no token, a byte has no
  // token), unsupported (the pre-tokenizer is unknown).
  static Result<ByteLevelBpe> read(const gguf::Contents& contents, const Vocabulary& vocabulary);

  bool is_begin_added() const { return pre_tokenizer_->is_begin_added; }
  void encode(std::string_view text, std::vector<Token>& out) const;
  // The bytes a token's text stands for.
  static std::string decode(std::string_view token_text);

 private:
  struct Join {
    Token right;
    uint32_t rank;
    Token token;
  };

  Status read_bytes();
  Status read_merges(const gguf::Contents& contents);
  const Join* find_join(Token left, Token right) const;
  void encode_piece(std::string_view piece, std::vector<Token>& out) const;

  const Vocabulary* vocabulary_ = nullptr;
  const PreTokenizerRow* pre_tokenizer_ = nullptr;
  std::array<Token, 256> byte_tokens_{};
  // The joins of a left token are joins_[joins_begin_[left]] up to the next token's, by right
  // token.
  std::vector<uint32_t> joins_begin_;
  std::vector<Join> joins_;
};

}  // namespace plinth::engine
