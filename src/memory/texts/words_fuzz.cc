// SPDX-License-Identifier: Apache-2.0
// Foreign text to words, terms and a lexical vector: limits hold, and the vector has length 1 or 0.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "memory/memory.h"
#include "memory/texts/words.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plinth::memory;  // NOLINT(google-build-using-namespace)
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto words = split_words(text);
  CHECK(words.size() <= kWordsMax);
  for (const std::string& word : words) CHECK(!word.empty() && word.size() <= kWordBytesMax);
  CHECK(index_terms(text).size() <= words.size());
  static const auto* embedder = create_lexical_embedder().release();
  const auto vector = embedder->embed(text);
  CHECK(vector.is_ok() && vector->size() == embedder->dimensions());
  double square = 0;
  for (const float value : *vector) square += static_cast<double>(value) * value;
  CHECK(square == 0 || (square > 0.999 && square < 1.001));
  return 0;
}
