// SPDX-License-Identifier: Apache-2.0
// From a text to its words, and from words to the terms that are indexed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct sb_stemmer;

namespace plinth::memory {

inline constexpr size_t kWordBytesMax = 64;  // a longer run of letters is cut
inline constexpr size_t kWordsMax = 65536;   // of one text; the rest is not indexed

// Words in order: Unicode NFKC with case folding, then maximal runs of letters, marks and digits,
// with an apostrophe allowed between letters. Each Han, Hiragana and Katakana character is a word
// of its own, because those scripts are written without spaces. Text that is not UTF-8 has no
// words.
std::vector<std::string> split_words(std::string_view text);

// The 33 English words that Lucene's EnglishAnalyzer has long left out by default.
bool is_stop_word(std::string_view word);

// Snowball's English stemmer ("Porter2"). Not thread-safe.
class Stemmer {
 public:
  Stemmer();
  ~Stemmer();
  Stemmer(const Stemmer&) = delete;
  Stemmer& operator=(const Stemmer&) = delete;
  std::string stem(const std::string& word);

 private:
  struct Delete {
    void operator()(sb_stemmer* stemmer) const;
  };
  std::unique_ptr<sb_stemmer, Delete> stemmer_;
};

// What is indexed and searched: the stems of the words that are no stop words, in order.
std::vector<std::string> index_terms(std::string_view text);

}  // namespace plinth::memory
