// SPDX-License-Identifier: Apache-2.0
// tokenizer.json and the files beside it, as GGUF's tokenizer.* keys. Computed are byte-level BPE,
// BPE over characters with a fall-back to bytes (SentencePiece's), and WordPiece.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "engine/convert/checkpoint/folder.h"
#include "engine/gguf/writer.h"
#include "engine/tokenizer/vocabulary.h"

namespace plinth::engine::checkpoint {

// The tokens in the order of their numbers, before they are written.
class TokenList {
 public:
  // Of tokenizer.json: model.vocab, then added_tokens. `count` is how many the model has: places
  // that no token has are filled, tokens past it are left out.
  static Result<TokenList> read(const Json& tokenizer, uint64_t count);

  std::optional<uint32_t> find(std::string_view text) const;
  std::vector<TokenEntry>& entries() { return entries_; }
  const std::vector<TokenEntry>& entries() const { return entries_; }

 private:
  Status place(int64_t id, std::string_view text, TokenKind kind);
  void index();

  std::vector<TokenEntry> entries_;
  std::vector<uint32_t> by_text_;  // sorted by text
};

// Everything under tokenizer. Errors name the key: not_found (no tokenizer.json), malformed,
// unsupported (a kind, a pre-tokenizer or a normalizer that is not computed).
Status add_tokenizer(const Folder& folder, uint64_t tokens, gguf::MetadataWriter& out);

// model, pre, tokens, scores, token_type, merges and what else belongs to the kind.
Status add_token_model(const Json& tokenizer, TokenList& tokens, gguf::MetadataWriter& out);

// The value of tokenizer.ggml.pre for a byte-level tokenizer.json. Errors: unsupported names the
// pattern that is not known.
Result<std::string_view> find_pre(const Json& tokenizer);

}  // namespace plinth::engine::checkpoint
