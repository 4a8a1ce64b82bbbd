// SPDX-License-Identifier: Apache-2.0
// The bytes of all tokens that text may consist of, as a tree of common beginnings in the order of
// a walk from the root: what follows a node, up to its end, lies below it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/tokenizer/tokenizer.h"

namespace plinth::engine::grammar {

inline constexpr size_t kTokenBytesMax = 256;  // longer tokens are never chosen under a grammar

class TokenTrie {
 public:
  struct Node {
    uint32_t end = 0;          // the first node that does not lie below
    uint32_t token_begin = 0;  // its tokens, up to those of the next node
    uint16_t depth = 0;        // bytes from the root
    uint16_t deepest = 0;      // of its tokens and those below
    uint8_t byte = 0;
  };

  // `texts` by token: a token without a text is never chosen. `end_tokens` end a reply.
  TokenTrie(std::vector<std::string> texts, std::vector<Token> end_tokens);

  // Node 0 is the root; one more node at the end closes the last one's tokens.
  std::span<const Node> nodes() const { return {nodes_.data(), nodes_.size() - 1}; }
  std::span<const Token> tokens(uint32_t node) const {
    return std::span(tokens_).subspan(nodes_[node].token_begin,
                                      nodes_[node + 1].token_begin - nodes_[node].token_begin);
  }
  // Of a node and all that lies below it.
  std::span<const Token> tokens_below(uint32_t node) const {
    return std::span(tokens_).subspan(
        nodes_[node].token_begin, nodes_[nodes_[node].end].token_begin - nodes_[node].token_begin);
  }
  // Longer ones first.
  std::span<const Token> tokens_longer_than(size_t bytes) const {
    return std::span(by_length_).first(longer_[std::min(bytes, longest_)]);
  }
  const std::string& text(Token token) const { return texts_[static_cast<size_t>(token)]; }
  // The text as tokens, each the longest that fits. nullopt: some byte has none.
  std::optional<std::vector<Token>> tokens_of(std::string_view text) const;
  // Whether each byte that UTF-8 text may have is a token, so that any text can be written.
  bool writes_every_byte() const { return writes_every_byte_; }
  size_t vocabulary() const { return texts_.size(); }
  size_t longest() const { return longest_; }
  const std::vector<Token>& end_tokens() const { return end_tokens_; }

 private:
  std::vector<std::string> texts_;
  std::vector<Token> end_tokens_;
  std::vector<Node> nodes_;
  std::vector<Token> tokens_;
  std::vector<Token> by_length_;  // tokens_, longest first
  std::vector<size_t> longer_;    // how many are longer than so many bytes
  size_t longest_ = 0;
  bool writes_every_byte_ = false;
};

// No UTF-8 text has it, and no token of the tree but special ones.
inline constexpr char kSpecialByte = '\xff';

// A special token that a grammar may ask for, as bytes that begin with kSpecialByte.
struct SpecialText {
  Token token = 0;
  std::string bytes;
};

// Of a model's tokens, `vocabulary` of them: control, unknown, unused and user-defined tokens, and
// those that end a reply, are no text, but for the special ones that are named.
std::shared_ptr<const TokenTrie> trie_of(const Tokenizer& tokenizer, int64_t vocabulary,
                                         std::span<const SpecialText> specials = {});

}  // namespace plinth::engine::grammar
