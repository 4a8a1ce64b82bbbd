// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/random.h"
#include "engine/grammar/characters.h"

namespace plinth::engine::grammar {
namespace {

bool is_matched(const std::vector<ByteSequence>& sequences, std::string_view bytes) {
  for (const ByteSequence& sequence : sequences) {
    if (static_cast<size_t>(sequence.size) != bytes.size()) continue;
    bool is_within = true;
    for (size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = static_cast<uint8_t>(bytes[i]);
      is_within = is_within && sequence.bytes[i].first <= byte && byte <= sequence.bytes[i].last;
    }
    if (is_within) return true;
  }
  return false;
}

TEST(Characters, utf8_sequences_match_exactly_the_set) {
  SeededRandom random(3);
  for (int round = 0; round < 40; ++round) {
    std::vector<CharacterRange> ranges;
    for (uint64_t left = 1 + random.below(3); left > 0; --left) {
      const auto first = static_cast<uint32_t>(random.below(kCodePointMax + 1) >> random.below(20));
      ranges.push_back(
          {first, first + static_cast<uint32_t>(random.below(70000) >> random.below(16))});
    }
    const CharacterSet set(ranges);
    const auto sequences = utf8_sequences(set);
    for (int i = 0; i < 2000; ++i) {
      uint32_t code = static_cast<uint32_t>(random.below(kCodePointMax + 1) >> random.below(20));
      if (i % 2 == 0) code = ranges[0].first + static_cast<uint32_t>(random.below(5)) - 2;
      if (code > kCodePointMax || (code >= 0xd800 && code < 0xe000)) continue;
      std::string bytes;
      append_utf8(bytes, code);
      ASSERT_EQ(is_matched(sequences, bytes), set.contains(code)) << code;
    }
  }
}

TEST(Characters, all_of_them_are_well_formed_utf8) {
  const auto sequences = utf8_sequences(CharacterSet::all());
  size_t characters = 0;
  for (const ByteSequence& sequence : sequences) {
    size_t count = 1;
    for (int i = 0; i < sequence.size; ++i) {
      const ByteRange range = sequence.bytes[static_cast<size_t>(i)];
      count *= size_t{range.last} - range.first + 1;
    }
    characters += count;
  }
  EXPECT_EQ(characters, 0x110000u - 0x800u);  // without surrogates
  EXPECT_FALSE(is_matched(sequences, "\xed\xa0\x80"));
  EXPECT_FALSE(is_matched(sequences, "\xc0\x80"));
  EXPECT_FALSE(is_matched(sequences, "\xf4\x90\x80\x80"));
}

TEST(Characters, sets_behave_as_sets) {
  const CharacterSet a{{'a', 'f'}, {'x', 'z'}}, b{{'d', 'x'}};
  EXPECT_EQ(a.intersected(b).ranges(), (std::vector<CharacterRange>{{'d', 'f'}, {'x', 'x'}}));
  EXPECT_EQ(a.united(b).ranges(), (std::vector<CharacterRange>{{'a', 'z'}}));
  EXPECT_EQ(a.complement().complement().ranges(), a.ranges());
  EXPECT_TRUE(CharacterSet::all().complement().is_empty());
}

}  // namespace
}  // namespace plinth::engine::grammar
