// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/token_trie.h"

#include <algorithm>

namespace plinth::engine::grammar {

TokenTrie::TokenTrie(std::vector<std::string> texts, std::vector<Token> end_tokens)
    : texts_(std::move(texts)), end_tokens_(std::move(end_tokens)) {
  std::vector<Token> order;
  for (size_t i = 0; i < texts_.size(); ++i) {
    if (texts_[i].empty() || texts_[i].size() > kTokenBytesMax) continue;
    order.push_back(static_cast<Token>(i));
    longest_ = std::max(longest_, texts_[i].size());
  }
  std::sort(order.begin(), order.end(), [&](Token a, Token b) {
    const int compared = text(a).compare(text(b));
    return compared != 0 ? compared < 0 : a < b;
  });
  nodes_.emplace_back();
  std::vector<uint32_t> path = {0};  // nodes from the root to the last one added
  std::string_view before;
  const auto leave = [&](size_t depth) {
    while (path.size() > depth + 1) {
      nodes_[path.back()].end = static_cast<uint32_t>(nodes_.size());
      path.pop_back();
    }
  };
  for (const Token token : order) {
    const std::string_view now = text(token);
    const auto common = static_cast<size_t>(
        std::mismatch(now.begin(), now.end(), before.begin(), before.end()).first - now.begin());
    leave(common);
    for (size_t i = common; i < now.size(); ++i) {
      path.push_back(static_cast<uint32_t>(nodes_.size()));
      Node node;
      node.byte = static_cast<uint8_t>(now[i]);
      node.depth = static_cast<uint16_t>(i + 1);
      node.token_begin = static_cast<uint32_t>(tokens_.size());
      nodes_.push_back(node);
    }
    tokens_.push_back(token);
    before = now;
  }
  leave(0);
  // Children stand behind their parents.
  std::vector<uint32_t> parents(nodes_.size());
  for (uint32_t node = 0; node < nodes_.size(); ++node) {
    for (uint32_t child = node + 1; node > 0 && child < nodes_[node].end;
         child = nodes_[child].end) {
      parents[child] = node;
    }
    nodes_[node].deepest = nodes_[node].depth;
  }
  for (auto node = static_cast<uint32_t>(nodes_.size()); node-- > 1;) {
    Node& parent = nodes_[parents[node]];
    parent.deepest = std::max(parent.deepest, nodes_[node].deepest);
  }
  by_length_ = tokens_;
  std::stable_sort(by_length_.begin(), by_length_.end(),
                   [&](Token a, Token b) { return text(a).size() > text(b).size(); });
  for (size_t bytes = 0; bytes <= longest_; ++bytes) {
    const auto end = std::partition_point(by_length_.begin(), by_length_.end(),
                                          [&](Token token) { return text(token).size() > bytes; });
    longer_.push_back(static_cast<size_t>(end - by_length_.begin()));
  }
  nodes_[0].end = static_cast<uint32_t>(nodes_.size());
  Node closing;
  closing.token_begin = static_cast<uint32_t>(tokens_.size());
  nodes_.push_back(closing);
  size_t bytes = 0;
  for (uint32_t child = 1; child < nodes_[0].end; child = nodes_[child].end) {
    const bool is_text = nodes_[child].byte <= 0xf4 && (nodes_[child].byte & 0xfe) != 0xc0;
    if (is_text && !tokens(child).empty()) ++bytes;
  }
  constexpr size_t kTextBytes = 0xf4 + 1 - 2;  // without 0xc0 and 0xc1
  writes_every_byte_ = bytes == kTextBytes;
}

std::optional<std::vector<Token>> TokenTrie::tokens_of(std::string_view text) const {
  std::vector<Token> found;
  while (!text.empty()) {
    std::optional<Token> longest;
    size_t length = 0;
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      uint32_t child = node + 1;
      while (child < nodes_[node].end && nodes_[child].byte != static_cast<uint8_t>(text[i])) {
        child = nodes_[child].end;
      }
      if (child >= nodes_[node].end) break;
      node = child;
      if (tokens(node).empty()) continue;
      longest = tokens(node).front();
      length = i + 1;
    }
    if (!longest) return std::nullopt;
    found.push_back(*longest);
    text.remove_prefix(length);
  }
  return found;
}

std::shared_ptr<const TokenTrie> trie_of(const Tokenizer& tokenizer, int64_t vocabulary,
                                         std::span<const SpecialText> specials) {
  std::vector<std::string> texts(static_cast<size_t>(vocabulary));
  std::vector<Token> end_tokens;
  const auto known =
      static_cast<Token>(std::min(tokenizer.vocabulary().size(), static_cast<size_t>(vocabulary)));
  for (Token token = 0; token < known; ++token) {
    const TokenKind kind = tokenizer.vocabulary().entry(token).kind;
    if (tokenizer.vocabulary().is_end(token)) {
      end_tokens.push_back(token);
    } else if (kind == TokenKind::normal || kind == TokenKind::byte) {
      std::string piece = tokenizer.piece(token);
      if (piece.find(kSpecialByte) == std::string::npos) {
        texts[static_cast<size_t>(token)] = std::move(piece);
      }
    }
  }
  for (const SpecialText& special : specials) {
    if (special.token >= known || tokenizer.vocabulary().is_end(special.token)) continue;
    texts[static_cast<size_t>(special.token)] = special.bytes;
  }
  return std::make_shared<TokenTrie>(std::move(texts), std::move(end_tokens));
}

}  // namespace plinth::engine::grammar
