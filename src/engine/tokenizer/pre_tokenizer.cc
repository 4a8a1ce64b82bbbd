// SPDX-License-Identifier: Apache-2.0
// A hand-written scanner instead of a regular expression: at each position the alternatives of the
// pattern are tried in order, as a backtracking matcher would.
#include "engine/tokenizer/pre_tokenizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>

namespace plinth::engine {
namespace {

constexpr PreTokenizerRow kRows[] = {
    {"gpt-2", PrePattern::gpt2, false, false},     {"default", PrePattern::standard, false, false},
    {"llama-bpe", PrePattern::llama3, true, true}, {"llama-v3", PrePattern::llama3, true, true},
    {"llama3", PrePattern::llama3, true, true},    {"qwen2", PrePattern::qwen2, false, false},
};

enum class Class : uint8_t { letter, number, space, newline, other };

struct Character {
  uint32_t begin;  // byte offset
  int32_t code;    // -1 for a byte that is not UTF-8
  Class kind;
  bool is_punctuation;  // \p{P} or one of $+<=>^~|
};

bool is_space(int32_t code) {
  return (code >= 0x9 && code <= 0xd) || code == 0x20 || code == 0x85 || code == 0xa0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 ||
         code == 0x202f || code == 0x205f || code == 0x3000;
}

Class class_of(int32_t code) {
  if (code == '\r' || code == '\n') return Class::newline;
  if (is_space(code)) return Class::space;
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return Class::letter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return Class::number;
    default:
      return Class::other;
  }
}

bool is_punctuation(int32_t code) {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return true;
    default:
      return code > 0 && code < 128 &&
             std::string_view("$+<=>^~|").find(static_cast<char>(code)) != std::string_view::npos;
  }
}

std::vector<Character> decode(std::string_view text) {
  std::vector<Character> characters;
  characters.reserve(text.size() + 1);
  for (size_t at = 0; at < text.size();) {
    int32_t code = -1;
    const auto bytes = utf8proc_iterate(reinterpret_cast<const uint8_t*>(text.data()) + at,
                                        static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    const auto begin = static_cast<uint32_t>(at);
    if (bytes <= 0) {
      characters.push_back({begin, -1, Class::other, false});
      at += 1;
    } else {
      characters.push_back({begin, code, class_of(code), is_punctuation(code)});
      at += static_cast<size_t>(bytes);
    }
  }
  return characters;
}

// Matches one alternative after the other over characters [begin, end).
class Scanner {
 public:
  Scanner(const std::vector<Character>& characters, size_t begin, size_t end)
      : characters_(characters), at_(begin), end_(end) {}

  bool is_at_end() const { return at_ >= end_; }
  size_t position() const { return at_; }

  void next_gpt2() {
    if (take_contraction(false)) return;
    if (take_run_after_space(Class::letter)) return;
    if (take_run_after_space(Class::number)) return;
    if (take_symbols_after_space()) return;
    take_spaces();
  }

  void next_llama3(size_t digits_max) {
    if (take_contraction(true)) return;
    if (take_letters_after_any()) return;
    if (take_digits(digits_max)) return;
    if (take_symbols_after_space()) {
      while (is(at_, Class::newline)) ++at_;
      return;
    }
    if (take_spaces_to_newline()) return;
    take_spaces();
  }

 private:
  bool is(size_t at, Class kind) const { return at < end_ && characters_[at].kind == kind; }
  bool is_white(size_t at) const { return is(at, Class::space) || is(at, Class::newline); }
  bool is_symbol(size_t at) const { return is(at, Class::other); }
  int32_t code(size_t at) const { return at < end_ ? characters_[at].code : -1; }
  // One space in front of a run, if the run follows it.
  size_t after_space() const { return code(at_) == ' ' ? at_ + 1 : at_; }

  bool take_contraction(bool is_case_ignored) {
    if (code(at_) != '\'') return false;
    const auto letter = [&](size_t at) {
      const int32_t c = code(at);
      if (!is_case_ignored) return c;
      if (c == 0x17f) return int32_t{'s'};  // long s folds to s
      return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
    };
    const int32_t first = letter(at_ + 1);
    const int32_t second = letter(at_ + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
      at_ += 2;
      return true;
    }
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
        (first == 'l' && second == 'l')) {
      at_ += 3;
      return true;
    }
    return false;
  }

  bool take_run_after_space(Class kind) {
    size_t at = after_space();
    if (!is(at, kind)) return false;
    while (is(at, kind)) ++at;
    at_ = at;
    return true;
  }

  bool take_symbols_after_space() {
    size_t at = after_space();
    if (!is_symbol(at)) return false;
    while (is_symbol(at)) ++at;
    at_ = at;
    return true;
  }

  bool take_letters_after_any() {
    size_t at = at_;
    if (is(at, Class::space) || is_symbol(at)) ++at;
    if (!is(at, Class::letter)) return false;
    while (is(at, Class::letter)) ++at;
    at_ = at;
    return true;
  }

  bool take_digits(size_t digits_max) {
    const size_t begin = at_;
    while (at_ - begin < digits_max && is(at_, Class::number)) ++at_;
    return at_ > begin;
  }

  // \s*[\r\n]+ : up to the last line break of the run of white space.
  bool take_spaces_to_newline() {
    size_t last = at_;
    for (size_t at = at_; is_white(at); ++at) {
      if (is(at, Class::newline)) last = at + 1;
    }
    if (last == at_) return false;
    at_ = last;
    return true;
  }

  // \s+(?!\S)|\s+ : a run leaves its last character to what follows, unless it is the only one.
  void take_spaces() {
    size_t at = at_;
    while (is_white(at)) ++at;
    if (at == at_) ++at;  // no alternative matches: cannot happen, and must not stall
    if (at < end_ && at - at_ > 1) --at;
    at_ = at;
  }

  const std::vector<Character>& characters_;
  size_t at_;
  size_t end_;
};

using Ends = std::vector<size_t>;  // ends of pieces, as indices of characters

Ends split_by_pattern(PrePattern pattern, const std::vector<Character>& characters, size_t begin,
                      size_t end) {
  Ends ends;
  Scanner scanner(characters, begin, end);
  while (!scanner.is_at_end()) {
    if (pattern == PrePattern::gpt2) {
      scanner.next_gpt2();
    } else {
      scanner.next_llama3(pattern == PrePattern::llama3 ? 3 : 1);
    }
    ends.push_back(scanner.position());
  }
  return ends;
}

// Cuts [begin, end) where `is_inside` changes.
template <typename Test>
void split_runs(size_t begin, size_t end, const Test& is_inside, Ends& ends) {
  while (begin < end) {
    size_t at = begin + 1;
    while (at < end && is_inside(at) == is_inside(begin)) ++at;
    ends.push_back(at);
    begin = at;
  }
}

// Cuts out every three ASCII digits in a row; what lies between such groups stays together.
void split_digit_groups(const std::vector<Character>& characters, size_t begin, size_t end,
                        Ends& ends) {
  const auto is_digit = [&](size_t i) {
    return characters[i].code >= '0' && characters[i].code <= '9';
  };
  size_t at = begin;
  while (at < end) {
    if (at + 3 > end || !is_digit(at) || !is_digit(at + 1) || !is_digit(at + 2)) {
      ++at;
      continue;
    }
    if (at > begin) ends.push_back(at);
    at += 3;
    ends.push_back(at);
    begin = at;
  }
  if (begin < end) ends.push_back(end);
}

Ends split_standard(const std::vector<Character>& characters) {
  const auto pass = [](const Ends& pieces, auto&& split) {
    Ends result;
    size_t begin = 0;
    for (const size_t end : pieces) {
      split(begin, end, result);
      begin = end;
    }
    return result;
  };
  Ends pieces;
  split_runs(0, characters.size(), [&](size_t i) { return characters[i].is_punctuation; }, pieces);
  pieces = pass(pieces, [&](size_t begin, size_t end, Ends& out) {
    const Ends inner = split_by_pattern(PrePattern::gpt2, characters, begin, end);
    out.insert(out.end(), inner.begin(), inner.end());
  });
  pieces = pass(pieces, [&](size_t begin, size_t end, Ends& out) {
    const auto is_number = [&](size_t i) { return characters[i].kind == Class::number; };
    split_runs(begin, end, is_number, out);
  });
  return pass(pieces, [&](size_t begin, size_t end, Ends& out) {
    split_digit_groups(characters, begin, end, out);
  });
}

}  // namespace

const PreTokenizerRow* find_pre_tokenizer(std::string_view name) {
  for (const PreTokenizerRow& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::vector<std::string_view> pre_tokenize(PrePattern pattern, std::string_view text) {
  const std::vector<Character> characters = decode(text);
  const Ends ends = pattern == PrePattern::standard
                        ? split_standard(characters)
                        : split_by_pattern(pattern, characters, 0, characters.size());
  std::vector<std::string_view> pieces;
  pieces.reserve(ends.size());
  size_t begin = 0;
  for (const size_t end : ends) {
    const size_t first = characters[begin].begin;
    const size_t last = end < characters.size() ? characters[end].begin : text.size();
    pieces.push_back(text.substr(first, last - first));
    begin = end;
  }
  return pieces;
}

}  // namespace plinth::engine
