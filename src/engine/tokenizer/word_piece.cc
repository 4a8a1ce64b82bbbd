// SPDX-License-Identifier: Apache-2.0
// The steps and their order are those of BERT's published tokenizer.
#include "engine/tokenizer/word_piece.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <optional>

#include "engine/tokenizer/characters.h"
#include "engine/tokenizer/space_mark.h"

namespace plinth::engine {
namespace {

// The ranges BERT calls Chinese characters, with the gap that its most used implementation has
// before U+2B920.
bool is_ideograph(int32_t code) {
  return (code >= 0x4e00 && code <= 0x9fff) || (code >= 0x3400 && code <= 0x4dbf) ||
         (code >= 0x20000 && code <= 0x2a6df) || (code >= 0x2a700 && code <= 0x2b73f) ||
         (code >= 0x2b740 && code <= 0x2b81f) || (code >= 0x2b920 && code <= 0x2ceaf) ||
         (code >= 0xf900 && code <= 0xfaff) || (code >= 0x2f800 && code <= 0x2fa1f);
}

bool is_punctuation(int32_t code) {
  const bool is_ascii_symbol = (code >= '!' && code <= '/') || (code >= ':' && code <= '@') ||
                               (code >= '[' && code <= '`') || (code >= '{' && code <= '~');
  return is_ascii_symbol || class_of(code) == kPunctuation;
}

// A control by its category, though it may count as white space elsewhere.
bool is_dropped(int32_t code) {
  if (code == '\t' || code == '\n' || code == '\r') return false;
  return code <= 0 || code == 0xfffd || code == 0x85 || class_of(code) == kOther || (code < 0x20);
}

struct Letter {
  int32_t code;
  bool is_alone;  // a word of its own
};

// Appends the canonical decomposition of `code`.
void decompose(int32_t code, bool is_alone, std::vector<Letter>& out) {
  std::array<int32_t, 32> parts{};  // the longest canonical decomposition has 4
  int last_boundary = 0;
  const auto count =
      utf8proc_decompose_char(code, parts.data(), parts.size(), UTF8PROC_DECOMPOSE, &last_boundary);
  if (count < 0 || static_cast<size_t>(count) > parts.size()) {
    out.push_back({code, is_alone});
    return;
  }
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) out.push_back({parts[i], is_alone});
}

// Canonical order: runs of combining characters by their combining class. Sorting each run keeps
// long runs cheap.
void reorder(std::vector<Letter>& letters) {
  const auto rank = [](const Letter& letter) {
    return utf8proc_get_property(letter.code)->combining_class;
  };
  for (size_t at = 0; at < letters.size();) {
    size_t end = at;
    while (end < letters.size() && rank(letters[end]) != 0) ++end;
    if (end - at > 1) {
      std::stable_sort(letters.begin() + static_cast<std::ptrdiff_t>(at),
                       letters.begin() + static_cast<std::ptrdiff_t>(end),
                       [&](const Letter& a, const Letter& b) { return rank(a) < rank(b); });
    }
    at = end + 1;
  }
}

void append_utf8(int32_t code, std::string& out) {
  std::array<uint8_t, 4> bytes{};
  const auto count = utf8proc_encode_char(code, bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(count));
}

}  // namespace

Result<WordPiece> WordPiece::read(const gguf::Contents& contents, const Vocabulary& vocabulary) {
  constexpr std::string_view kLowerCase = "tokenizer.ggml.normalizer.lowercase";
  constexpr std::string_view kStripAccents = "tokenizer.ggml.normalizer.strip_accents";
  WordPiece word_piece;
  word_piece.vocabulary_ = &vocabulary;
  std::optional<Token> unknown = vocabulary.unknown_token();
  if (!unknown) unknown = vocabulary.find("[UNK]");
  if (!unknown) {
    return make_error(ErrorCode::malformed,
                      "tokenizer.ggml.unknown_token_id: the file names no unknown token and has no "
                      "[UNK], so some words could not be written in tokens",
                      "tokenizer.ggml.unknown_token_id");
  }
  word_piece.unknown_ = *unknown;
  word_piece.is_lower_cased_ = TRY(contents.boolean(kLowerCase)).value_or(true);
  word_piece.is_accent_stripped_ =
      TRY(contents.boolean(kStripAccents)).value_or(word_piece.is_lower_cased_);
  return word_piece;
}

std::vector<std::string> WordPiece::words(std::string_view text) const {
  std::vector<Letter> letters;
  for (const Character& character : read_characters(text)) {
    if (is_dropped(character.code)) continue;
    const bool is_alone = is_ideograph(character.code);
    if (is_accent_stripped_) {
      decompose(character.code, is_alone, letters);
    } else {
      letters.push_back({character.code, is_alone});
    }
  }
  if (is_accent_stripped_) reorder(letters);
  std::vector<std::string> words;
  std::string word;
  const auto finish_word = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const Letter& letter : letters) {
    if (is_accent_stripped_ && utf8proc_category(letter.code) == UTF8PROC_CATEGORY_MN) continue;
    if ((class_of(letter.code) & kWhite) != 0) {
      finish_word();
      continue;
    }
    const bool is_alone = letter.is_alone || is_punctuation(letter.code);
    if (is_alone) finish_word();
    append_utf8(is_lower_cased_ ? utf8proc_tolower(letter.code) : letter.code, word);
    if (is_alone) finish_word();
  }
  finish_word();
  return words;
}

void WordPiece::encode(std::string_view text, std::vector<Token>& out) const {
  for (const std::string& word : words(text)) encode_word(word, out);
}

void WordPiece::encode_word(const std::string& word, std::vector<Token>& out) const {
  const std::string marked = std::string(kSpaceMark) + word;
  const std::string_view whole = marked;
  std::vector<size_t> borders = {0};  // where a token may begin or end
  for (const Character& character : read_characters(word)) {
    if (character.begin > 0) borders.push_back(kSpaceMark.size() + character.begin);
  }
  borders.push_back(whole.size());
  if (borders.size() - 1 > kWordCharactersMax) return out.push_back(unknown_);
  const size_t tokens_before = out.size();
  for (size_t first = 0; first + 1 < borders.size();) {
    size_t last = borders.size() - 1;
    std::optional<Token> token;
    for (; last > first; --last) {
      const size_t length = borders[last] - borders[first];
      if (length > vocabulary_->longest_token_bytes()) continue;
      token = vocabulary_->find(whole.substr(borders[first], length));
      if (token) break;
    }
    if (!token) {
      out.resize(tokens_before);
      return out.push_back(unknown_);
    }
    out.push_back(*token);
    first = last;
  }
}

std::string WordPiece::decode(std::string_view token_text) { return unmark_spaces(token_text); }

}  // namespace plinth::engine
