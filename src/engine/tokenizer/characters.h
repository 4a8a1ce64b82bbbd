// SPDX-License-Identifier: Apache-2.0
// Text as Unicode characters with their classes, for the tokenizers' patterns.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace plinth::engine {

// A set of classes of characters; every character is in exactly one class.
using ClassSet = uint16_t;
inline constexpr ClassSet kUpper = 1 << 0;        // \p{Lu} and \p{Lt}
inline constexpr ClassSet kLower = 1 << 1;        // \p{Ll}
inline constexpr ClassSet kCaseless = 1 << 2;     // \p{Lm} and \p{Lo}
inline constexpr ClassSet kMark = 1 << 3;         // \p{M}
inline constexpr ClassSet kNumber = 1 << 4;       // \p{N}
inline constexpr ClassSet kSpace = 1 << 5;        // \s but for the next
inline constexpr ClassSet kLineBreak = 1 << 6;    // \r and \n
inline constexpr ClassSet kPunctuation = 1 << 7;  // \p{P}
inline constexpr ClassSet kSymbol = 1 << 8;       // \p{S}
inline constexpr ClassSet kOther = 1 << 9;        // controls, unassigned, bytes that are not UTF-8
inline constexpr ClassSet kLetter = kUpper | kLower | kCaseless;
inline constexpr ClassSet kWhite = kSpace | kLineBreak;
inline constexpr ClassSet kAnyClass = (1 << 10) - 1;

struct Character {
  uint32_t begin = 0;  // byte offset
  int32_t code = -1;   // -1 for a byte that is not UTF-8
  ClassSet kind = kOther;
};

ClassSet class_of(int32_t code);
// Bytes that are not UTF-8 count as one character each.
std::vector<Character> read_characters(std::string_view text);

}  // namespace plinth::engine
