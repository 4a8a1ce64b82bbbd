// SPDX-License-Identifier: Apache-2.0
// Sets of Unicode characters, and the bytes that write them in UTF-8.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace plinth::engine::grammar {

inline constexpr uint32_t kCodePointMax = 0x10ffff;

struct CharacterRange {
  uint32_t first = 0;
  uint32_t last = 0;
  bool operator==(const CharacterRange&) const = default;
};

// Sorted ranges that neither touch nor overlap, without surrogates.
class CharacterSet {
 public:
  CharacterSet() = default;
  CharacterSet(std::initializer_list<CharacterRange> ranges);
  explicit CharacterSet(std::vector<CharacterRange> ranges);
  static CharacterSet all();

  const std::vector<CharacterRange>& ranges() const { return ranges_; }
  bool is_empty() const { return ranges_.empty(); }
  bool contains(uint32_t code) const;
  CharacterSet complement() const;
  CharacterSet united(const CharacterSet& other) const;
  CharacterSet intersected(const CharacterSet& other) const;

 private:
  void normalise();

  std::vector<CharacterRange> ranges_;
};

struct ByteRange {
  uint8_t first = 0;
  uint8_t last = 0;
  auto operator<=>(const ByteRange&) const = default;
};

// Texts whose bytes lie in these ranges, one after the other.
struct ByteSequence {
  std::array<ByteRange, 4> bytes;
  int size = 0;
};

// Together they match the UTF-8 of exactly the characters of the set.
std::vector<ByteSequence> utf8_sequences(const CharacterSet& set);

void append_utf8(std::string& out, uint32_t code);
// The character that begins at `at`, which moves behind it; the text is valid UTF-8.
uint32_t next_character(std::string_view text, size_t& at);

}  // namespace plinth::engine::grammar
