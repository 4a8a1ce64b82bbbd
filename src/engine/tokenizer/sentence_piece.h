// SPDX-License-Identifier: Apache-2.0
// SentencePiece-style BPE (tokenizer.ggml.model "llama"): spaces become U+2581, neighbours whose
// joined text is a token join, highest score first; what is no token is spelled in bytes.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/tokenizer/vocabulary.h"

namespace plinth::engine {

class SentencePieceBpe {
 public:
  // `vocabulary` must outlive the result. Errors: malformed (neither byte tokens nor an unknown
  // token), unsupported (the file asks for a normalisation that is not computed).
  static Result<SentencePieceBpe> read(const gguf::Contents& contents,
                                       const Vocabulary& vocabulary);

  bool is_space_prefixed() const { return is_space_prefixed_; }
  // `is_first`: the text begins a sequence or follows a special token, so it gets the space prefix.
  void encode(std::string_view text, bool is_first, std::vector<Token>& out) const;
  // The bytes a token stands for.
  static std::string decode(const TokenEntry& entry);

 private:
  const Vocabulary* vocabulary_ = nullptr;
  bool is_space_prefixed_ = true;
  bool is_space_collapsed_ = false;
  std::array<Token, 256> byte_tokens_{};  // the unknown token where a byte has none
};

}  // namespace plinth::engine
