// SPDX-License-Identifier: Apache-2.0
#include "engine/grammar/characters.h"

#include <algorithm>

namespace plinth::engine::grammar {
namespace {

constexpr uint32_t kSurrogateFirst = 0xd800;
constexpr uint32_t kSurrogateLast = 0xdfff;

int utf8_size(uint32_t code) { return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4; }

// Cuts [first, last], whose characters take `size` bytes, until each piece is a product of byte
// ranges: where the ends differ in a byte, all that lies below it must run over its full range.
void add_sequences(std::vector<ByteSequence>& out, uint32_t first, uint32_t last, int size) {
  for (int tail = 1; tail < size; ++tail) {
    const uint32_t mask = (1u << (6 * tail)) - 1;
    if ((first & ~mask) == (last & ~mask)) continue;
    if ((first & mask) != 0) {
      add_sequences(out, first, first | mask, size);
      add_sequences(out, (first | mask) + 1, last, size);
      return;
    }
    if ((last & mask) != mask) {
      add_sequences(out, first, (last & ~mask) - 1, size);
      add_sequences(out, last & ~mask, last, size);
      return;
    }
  }
  std::string low, high;
  append_utf8(low, first);
  append_utf8(high, last);
  ByteSequence sequence;
  sequence.size = size;
  for (size_t i = 0; i < static_cast<size_t>(size); ++i) {
    sequence.bytes[i] = {static_cast<uint8_t>(low[i]), static_cast<uint8_t>(high[i])};
  }
  out.push_back(sequence);
}

}  // namespace

CharacterSet::CharacterSet(std::initializer_list<CharacterRange> ranges) : ranges_(ranges) {
  normalise();
}

CharacterSet::CharacterSet(std::vector<CharacterRange> ranges) : ranges_(std::move(ranges)) {
  normalise();
}

CharacterSet CharacterSet::all() { return CharacterSet{{0, kCodePointMax}}; }

void CharacterSet::normalise() {
  std::vector<CharacterRange> pieces;
  for (CharacterRange range : ranges_) {
    range.last = std::min(range.last, kCodePointMax);
    if (range.first > range.last) continue;
    if (range.last < kSurrogateFirst || range.first > kSurrogateLast) {
      pieces.push_back(range);
      continue;
    }
    if (range.first < kSurrogateFirst) pieces.push_back({range.first, kSurrogateFirst - 1});
    if (range.last > kSurrogateLast) pieces.push_back({kSurrogateLast + 1, range.last});
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  ranges_.clear();
  for (const CharacterRange& piece : pieces) {
    if (!ranges_.empty() && piece.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, piece.last);
    } else {
      ranges_.push_back(piece);
    }
  }
}

bool CharacterSet::contains(uint32_t code) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [&](const CharacterRange& range) {
    return range.first <= code && code <= range.last;
  });
}

CharacterSet CharacterSet::complement() const {
  std::vector<CharacterRange> gaps;
  uint32_t next = 0;
  for (const CharacterRange& range : ranges_) {
    if (range.first > next) gaps.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kCodePointMax) gaps.push_back({next, kCodePointMax});
  return CharacterSet(std::move(gaps));
}

CharacterSet CharacterSet::united(const CharacterSet& other) const {
  std::vector<CharacterRange> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  return CharacterSet(std::move(both));
}

CharacterSet CharacterSet::intersected(const CharacterSet& other) const {
  return complement().united(other.complement()).complement();
}

std::vector<ByteSequence> utf8_sequences(const CharacterSet& set) {
  constexpr uint32_t kLastOfSize[] = {0x7f, 0x7ff, 0xffff, kCodePointMax};
  std::vector<ByteSequence> sequences;
  for (const CharacterRange& range : set.ranges()) {
    for (uint32_t first = range.first; first <= range.last;) {
      const int size = utf8_size(first);
      const uint32_t last = std::min(range.last, kLastOfSize[size - 1]);
      add_sequences(sequences, first, last, size);
      first = last + 1;
    }
  }
  return sequences;
}

void append_utf8(std::string& out, uint32_t code) {
  constexpr uint8_t kLead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  const int size = utf8_size(code);
  if (size == 1) {
    out += static_cast<char>(code);
    return;
  }
  out += static_cast<char>(kLead[size] | (code >> (6 * (size - 1))));
  for (int left = size - 2; left >= 0; --left) {
    out += static_cast<char>(0x80 | ((code >> (6 * left)) & 0x3f));
  }
}

uint32_t next_character(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(at);
  const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  uint32_t code = size == 1 ? lead : lead & (0x7fu >> size);
  for (size_t i = 1; i < size; ++i) code = (code << 6) | (byte(at + i) & 0x3f);
  at += size;
  return code;
}

}  // namespace plinth::engine::grammar
