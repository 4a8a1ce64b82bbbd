// SPDX-License-Identifier: Apache-2.0
// The patterns of pre-tokenizers as hand-written matchers: each finds at one place what a
// backtracking matcher of the regular expression would find there, in time linear in the text.
#pragma once

#include <span>
#include <vector>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/pre_tokenizer.h"

namespace plinth::engine {

// The characters [begin, end) of a text: a matcher does not look beyond them.
class PieceView {
 public:
  PieceView(const std::vector<Character>& characters, size_t begin, size_t end)
      : characters_(characters), begin_(begin), end_(end) {}

  size_t begin() const { return begin_; }
  size_t end() const { return end_; }
  bool is(size_t at, ClassSet set) const { return at < end_ && (characters_[at].kind & set) != 0; }
  int32_t code(size_t at) const { return at < end_ ? characters_[at].code : -1; }
  // The end of the run of characters of `set` that begins at `at`.
  size_t run(size_t at, ClassSet set) const {
    while (is(at, set)) ++at;
    return at;
  }

 private:
  const std::vector<Character>& characters_;
  size_t begin_;
  size_t end_;
};

// The end of the match that begins at `at`, or `at` when there is none. Called for growing `at`.
using Matcher = size_t (*)(const PieceView& view, size_t at);

// A pattern's stages: each cuts the pieces that the one before left, into matches and what lies
// between them.
std::span<const Matcher> pattern_stages(PrePattern pattern);

}  // namespace plinth::engine
