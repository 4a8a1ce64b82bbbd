// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/character_classes.h"

#include <utf8proc.h>

#include <string>

namespace plinth::engine::grammar {
namespace {

struct LongName {
  std::string_view name;
  std::string_view category;
};

constexpr LongName kLongNames[] = {
    {"Letter", "L"},
    {"Uppercase_Letter", "Lu"},
    {"Lowercase_Letter", "Ll"},
    {"Mark", "M"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Symbol", "S"},
    {"Separator", "Z"},
    {"Other", "C"},
    {"Space_Separator", "Zs"},
};

constexpr std::string_view kCategories[] = {"L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc",
                                            "Me", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Ps",
                                            "Pe", "Pi", "Pf", "Po", "S",  "Sm", "Sc", "Sk", "So",
                                            "Z",  "Zs", "Zl", "Zp", "C",  "Cc", "Cf", "Co", "Cn"};

const CharacterSet& spaces() {
  static const CharacterSet set{
      {'\t', '\r'},     {' ', ' '},       {0xa0, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
      {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}, {0xfeff, 0xfeff}};
  return set;
}

}  // namespace

CharacterSet line_end_characters() {
  return CharacterSet{{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
}

std::optional<CharacterSet> letter_class(char letter) {
  const CharacterSet digits{{'0', '9'}};
  const CharacterSet words{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  switch (letter) {
    case 'd':
      return CharacterSet(digits);
    case 'D':
      return digits.complement();
    case 'w':
      return CharacterSet(words);
    case 'W':
      return words.complement();
    case 's':
      return spaces();
    case 'S':
      return spaces().complement();
    default:
      return std::nullopt;
  }
}

std::optional<CharacterSet> category_class(std::string_view name) {
  for (const LongName& known : kLongNames) {
    if (known.name == name) name = known.category;
  }
  bool is_known = false;
  for (const std::string_view category : kCategories) is_known = is_known || category == name;
  if (!is_known) return std::nullopt;
  std::vector<CharacterRange> ranges;
  for (uint32_t code = 0; code <= kCodePointMax; ++code) {
    const std::string_view category = utf8proc_category_string(static_cast<int32_t>(code));
    if (!category.starts_with(name)) continue;
    if (!ranges.empty() && ranges.back().last + 1 == code) {
      ranges.back().last = code;
    } else {
      ranges.push_back({code, code});
    }
  }
  return CharacterSet(std::move(ranges));
}

}  // namespace plinth::engine::grammar
