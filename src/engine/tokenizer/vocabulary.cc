// SPDX-License-Identifier: Apache-2.0
// Reads tokenizer.ggml.tokens, scores, token_type and the special token ids.
#include "engine/tokenizer/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace plinth::engine {
namespace {

// Files made from older checkpoints name only one end token; these control tokens end a reply in
// every model that has them.
constexpr std::string_view kEndTexts[] = {
    "<|endoftext|>", "<|im_end|>", "<|eot_id|>",    "<|eom_id|>", "<|end_of_text|>", "<|end|>",
    "<|eot|>",       "</s>",       "<end_of_turn>", "<|return|>", "<|call|>",
};

uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>()(text); }

Error malformed(std::string_view key, const std::string& cause) {
  return make_error(ErrorCode::malformed, std::string(key) + ": " + cause, std::string(key));
}

}  // namespace

Result<Vocabulary> Vocabulary::read(const gguf::Contents& contents) {
  Vocabulary vocabulary;
  TRY(vocabulary.read_tokens(contents));
  TRY(vocabulary.read_roles(contents));
  return vocabulary;
}

std::optional<Token> Vocabulary::find(std::string_view text) const {
  const uint64_t hash = hash_of(text);
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    const Slot& slot = slots_[at];
    if (slot.token < 0) return std::nullopt;
    if (slot.tag == tag && entry(slot.token).text == text) return slot.token;
  }
}

Status Vocabulary::index_texts() {
  slots_.assign(std::bit_ceil(2 * tokens_.size()), Slot());
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& text = tokens_[i].text;
    const uint64_t hash = hash_of(text);
    const auto tag = static_cast<uint32_t>(hash >> 32);
    size_t at = hash & (slots_.size() - 1);
    size_t probes = 0;
    const auto is_same = [&](const Slot& slot) {
      return slot.tag == tag && entry(slot.token).text == text;
    };
    while (slots_[at].token >= 0 && !is_same(slots_[at])) {
      if (++probes > kProbesMax) {
        return malformed("tokenizer.ggml.tokens",
                         "token " + std::to_string(i) + " collides with more than " +
                             std::to_string(kProbesMax) + " others, as chance does not do");
      }
      at = (at + 1) & (slots_.size() - 1);
    }
    // The first of equal texts counts.
    if (slots_[at].token < 0) slots_[at] = {tag, static_cast<Token>(i)};
  }
  return ok();
}

Status Vocabulary::read_tokens(const gguf::Contents& contents) {
  constexpr std::string_view kTokens = "tokenizer.ggml.tokens";
  constexpr std::string_view kScores = "tokenizer.ggml.scores";
  constexpr std::string_view kKinds = "tokenizer.ggml.token_type";
  const auto texts = TRY(contents.strings(kTokens));
  if (!texts) {
    return make_error(
        ErrorCode::not_found,
        std::string(kTokens) + ": the file holds no vocabulary; use a model's own file",
        std::string(kTokens));
  }
  const auto scores = TRY(contents.floats(kScores));
  const auto kinds = TRY(contents.integers(kKinds));
  if (texts->empty() || texts->size() > kTokensMax) {
    return malformed(kTokens, std::to_string(texts->size()) + " tokens, 1 to " +
                                  std::to_string(kTokensMax) + " are read");
  }
  if (scores && scores->size() != texts->size()) {
    return malformed(kScores, "as many scores as tokens are needed");
  }
  if (kinds && kinds->size() != texts->size()) {
    return malformed(kKinds, "as many types as tokens are needed");
  }
  tokens_.resize(texts->size());
  for (size_t i = 0; i < texts->size(); ++i) {
    const int64_t kind = kinds ? (*kinds)[i] : static_cast<int64_t>(TokenKind::normal);
    if (kind < 1 || kind > 6) {
      return malformed(kKinds, "type " + std::to_string(kind) + " of token " + std::to_string(i) +
                                   " is not one of 1 to 6");
    }
    TokenEntry& entry = tokens_[i];
    entry.kind = static_cast<TokenKind>(kind);
    entry.score = scores ? (*scores)[i] : 0;
    if (std::isnan(entry.score)) {
      return malformed(kScores, "score of token " + std::to_string(i) + " is not a number");
    }
    const size_t bytes_max = is_special(entry.kind) ? kSpecialTokenBytesMax : kTokenBytesMax;
    if ((*texts)[i].size() > bytes_max) {
      return malformed(kTokens, "token " + std::to_string(i) + " is longer than " +
                                    std::to_string(bytes_max) + " bytes");
    }
    entry.text = (*texts)[i];
    longest_token_bytes_ = std::max(longest_token_bytes_, entry.text.size());
  }
  return index_texts();
}

Result<std::optional<Token>> Vocabulary::read_role(const gguf::Contents& contents,
                                                   std::string_view key) const {
  const auto id = TRY(contents.integer(key, -1, INT64_MAX));
  // Converters write -1, signed or not, for "none".
  if (!id || *id == -1 || *id == int64_t{UINT32_MAX}) return std::optional<Token>();
  if (*id >= static_cast<int64_t>(size())) {
    return malformed(key, "token " + std::to_string(*id) + " is not in the vocabulary of " +
                              std::to_string(size()));
  }
  return std::optional<Token>(static_cast<Token>(*id));
}

Status Vocabulary::read_roles(const gguf::Contents& contents) {
  begin_ = TRY(read_role(contents, "tokenizer.ggml.bos_token_id"));
  end_ = TRY(read_role(contents, "tokenizer.ggml.eos_token_id"));
  unknown_ = TRY(read_role(contents, "tokenizer.ggml.unknown_token_id"));
  classify_ = TRY(read_role(contents, "tokenizer.ggml.cls_token_id"));
  if (!classify_) classify_ = find("[CLS]");
  // The format's own spelling comes first.
  separator_ = TRY(read_role(contents, "tokenizer.ggml.seperator_token_id"));
  if (!separator_) separator_ = TRY(read_role(contents, "tokenizer.ggml.separator_token_id"));
  if (!separator_) separator_ = find("[SEP]");
  is_end_.assign(size(), false);
  const auto end_of_turn = TRY(read_role(contents, "tokenizer.ggml.eot_token_id"));
  const auto end_of_message = TRY(read_role(contents, "tokenizer.ggml.eom_token_id"));
  for (const std::optional<Token>& token : {end_, end_of_turn, end_of_message}) {
    if (token) is_end_[static_cast<size_t>(*token)] = true;
  }
  for (const std::string_view text : kEndTexts) {
    const std::optional<Token> token = find(text);
    if (token && entry(*token).kind == TokenKind::control) {
      is_end_[static_cast<size_t>(*token)] = true;
    }
  }
  // Models that end a reply with <|return|> or <|call|> put <|end|> between messages of one reply.
  const auto between = find("<|end|>");
  if (between && find("<|return|>") && find("<|call|>")) {
    is_end_[static_cast<size_t>(*between)] = false;
  }
  return ok();
}

}  // namespace plinth::engine
