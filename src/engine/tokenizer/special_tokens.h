// SPDX-License-Identifier: Apache-2.0
// Finds special tokens (control, unknown, user-defined) in text. The cost at one place is bounded
// by the length of the longest special token, however many there are.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "engine/tokenizer/vocabulary.h"

namespace plinth::engine {

class SpecialTokens {
 public:
  SpecialTokens() = default;
  // `vocabulary` must outlive the result.
  explicit SpecialTokens(const Vocabulary& vocabulary);

  // Calls found(token) for every special token whose text begins `text`, shorter ones first.
  template <typename Found>
  void match(std::string_view text, const Found& found) const {
    if (text.empty()) return;
    Span span = by_first_byte_[static_cast<uint8_t>(text[0])];
    for (size_t length = 1; span.begin < span.end; ++length) {
      // Texts are sorted: the one that ends here, if there is one, comes first.
      if (text_of(span.begin).size() == length) found(tokens_[span.begin++]);
      if (length == text.size()) return;
      span = narrow(span, length, text[length]);
    }
  }

 private:
  struct Span {
    uint32_t begin = 0;
    uint32_t end = 0;
  };

  std::string_view text_of(uint32_t place) const { return vocabulary_->entry(tokens_[place]).text; }
  // The texts of `span`, which agree in their first `length` bytes, that go on with `next`.
  Span narrow(Span span, size_t length, char next) const;

  const Vocabulary* vocabulary_ = nullptr;
  std::vector<Token> tokens_;  // sorted by text; of equal texts the first
  std::array<Span, 256> by_first_byte_{};
};

}  // namespace plinth::engine
