// SPDX-License-Identifier: Apache-2.0
// Words by utf8proc's tables, stems by libstemmer.
#include "memory/texts/words.h"

#include <libstemmer.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/check.h"
#include "base/text.h"

namespace plinth::memory {
namespace {

constexpr std::array<std::string_view, 33> kStopWords = {
    "a",   "an",    "and",  "are",   "as",    "at",   "be",   "but", "by",  "for",  "if",
    "in",  "into",  "is",   "it",    "no",    "not",  "of",   "on",  "or",  "such", "that",
    "the", "their", "then", "there", "these", "they", "this", "to",  "was", "will", "with"};
static_assert(std::is_sorted(kStopWords.begin(), kStopWords.end()));

struct Freed {
  void operator()(utf8proc_uint8_t* bytes) const { std::free(bytes); }
};

// Letters, marks and numbers: general categories L*, M*, N*.
bool is_word_part(utf8proc_int32_t point) {
  const utf8proc_category_t category = utf8proc_category(point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

bool is_letter(utf8proc_int32_t point) {
  const utf8proc_category_t category = utf8proc_category(point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

// Hiragana and Katakana, then the Han blocks with their extensions.
bool is_unspaced(utf8proc_int32_t point) {
  return (point >= 0x3040 && point <= 0x30ff) || (point >= 0x3400 && point <= 0x4dbf) ||
         (point >= 0x4e00 && point <= 0x9fff) || (point >= 0xf900 && point <= 0xfaff) ||
         (point >= 0x20000 && point <= 0x3ffff);
}

bool is_apostrophe(utf8proc_int32_t point) { return point == '\'' || point == 0x2019; }

// Collects code points into words.
class WordBuilder {
 public:
  void add(utf8proc_int32_t point, std::string_view bytes) {
    if (is_unspaced(point)) {
      finish();
      word_ = bytes;
      finish();
    } else if (is_word_part(point)) {
      if (has_apostrophe_ && is_letter(point)) {
        word_.push_back('\'');
      } else if (has_apostrophe_) {
        finish();
      }
      has_apostrophe_ = false;
      ends_in_letter_ = is_letter(point);
      if (word_.size() + bytes.size() <= kWordBytesMax) word_.append(bytes);
    } else if (is_apostrophe(point) && !word_.empty() && ends_in_letter_ && !has_apostrophe_) {
      has_apostrophe_ = true;  // kept only when a letter follows
    } else {
      finish();
    }
  }
  std::vector<std::string> take() {
    finish();
    return std::move(words_);
  }
  bool is_full() const { return words_.size() >= kWordsMax; }

 private:
  void finish() {
    if (!word_.empty() && !is_full()) words_.push_back(std::move(word_));
    word_.clear();
    has_apostrophe_ = false;
    ends_in_letter_ = false;
  }

  std::vector<std::string> words_;
  std::string word_;
  bool has_apostrophe_ = false;
  bool ends_in_letter_ = false;
};

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  utf8proc_uint8_t* mapped = nullptr;
  const auto options = static_cast<utf8proc_option_t>(
      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped, options);
  const std::unique_ptr<utf8proc_uint8_t, Freed> owned(mapped);
  WordBuilder builder;
  for (utf8proc_ssize_t at = 0; at < size && !builder.is_full();) {
    utf8proc_int32_t point = -1;
    const utf8proc_ssize_t length = utf8proc_iterate(mapped + at, size - at, &point);
    if (length <= 0) break;
    builder.add(point, {reinterpret_cast<const char*>(mapped + at), static_cast<size_t>(length)});
    at += length;
  }
  return builder.take();
}

bool is_stop_word(std::string_view word) {
  return std::binary_search(kStopWords.begin(), kStopWords.end(), word);
}

Stemmer::Stemmer() : stemmer_(sb_stemmer_new("english", "UTF_8")) { CHECK(stemmer_ != nullptr); }
Stemmer::~Stemmer() = default;
void Stemmer::Delete::operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }

std::string Stemmer::stem(const std::string& word) {
  const auto* stem =
      sb_stemmer_stem(stemmer_.get(), reinterpret_cast<const sb_symbol*>(word.data()),
                      static_cast<int>(word.size()));
  CHECK(stem != nullptr);
  return {reinterpret_cast<const char*>(stem),
          static_cast<size_t>(sb_stemmer_length(stemmer_.get()))};
}

std::vector<std::string> index_terms(std::string_view text) {
  Stemmer stemmer;
  std::vector<std::string> terms;
  for (const std::string& word : split_words(text)) {
    if (!is_stop_word(word)) terms.push_back(stemmer.stem(word));
  }
  return terms;
}

}  // namespace plinth::memory
