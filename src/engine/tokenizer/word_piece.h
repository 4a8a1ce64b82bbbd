// SPDX-License-Identifier: Apache-2.0
// WordPiece (tokenizer.ggml.model "bert"): text is normalised and cut into words; each word becomes
// the longest tokens that spell it from left to right, or the unknown token. Tokens that begin a
// word carry U+2581 in front.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/tokenizer/vocabulary.h"

namespace plinth::engine {

class WordPiece {
 public:
  // Longer words are unknown, as in the models' own tokenizers.
  static constexpr size_t kWordCharactersMax = 100;

  // `vocabulary` must outlive the result. Errors: malformed (no unknown token).
  static Result<WordPiece> read(const gguf::Contents& contents, const Vocabulary& vocabulary);

  void encode(std::string_view text, std::vector<Token>& out) const;
  // The bytes a token stands for. Spaces stand before every word, punctuation too.
  static std::string decode(std::string_view token_text);

  // The words of a text: controls dropped, accents stripped, in lower case, cut at white space and
  // around each punctuation mark and CJK ideograph. Public for tests.
  std::vector<std::string> words(std::string_view text) const;

 private:
  void encode_word(const std::string& word, std::vector<Token>& out) const;

  const Vocabulary* vocabulary_ = nullptr;
  Token unknown_ = 0;
  bool is_lower_cased_ = true;
  bool is_accent_stripped_ = true;
};

}  // namespace plinth::engine
