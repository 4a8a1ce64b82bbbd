// SPDX-License-Identifier: Apache-2.0
// Decoding follows the Unicode standard's table of well-formed byte sequences (section 3.9).
#include "engine/tokenizer/utf8_stream.h"

#include <cstdint>

namespace plinth::engine {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

enum class Form { whole, unfinished, broken };

struct Sequence {
  Form form;
  size_t bytes;  // of the code point, or of the broken part
};

Sequence read_sequence(std::string_view text) {
  const auto byte_at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte_at(0);
  if (first < 0x80) return {Form::whole, 1};
  if (first < 0xc2 || first > 0xf4) return {Form::broken, 1};
  const size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (size_t i = 1; i < length; ++i) {
    if (i >= text.size()) return {Form::unfinished, i};
    uint8_t lowest = 0x80;
    uint8_t highest = 0xbf;
    if (i == 1 && first == 0xe0) lowest = 0xa0;   // overlong
    if (i == 1 && first == 0xed) highest = 0x9f;  // surrogates
    if (i == 1 && first == 0xf0) lowest = 0x90;   // overlong
    if (i == 1 && first == 0xf4) highest = 0x8f;  // past U+10FFFF
    if (byte_at(i) < lowest || byte_at(i) > highest) return {Form::broken, i};
  }
  return {Form::whole, length};
}

}  // namespace

std::string Utf8Stream::feed(std::string_view bytes) {
  const std::string joined = held_ + std::string(bytes);
  held_.clear();
  std::string text;
  for (size_t at = 0; at < joined.size();) {
    const std::string_view rest = std::string_view(joined).substr(at);
    const Sequence sequence = read_sequence(rest);
    if (sequence.form == Form::unfinished) {
      held_ = rest;
      break;
    }
    text += sequence.form == Form::whole ? rest.substr(0, sequence.bytes) : kReplacement;
    at += sequence.bytes;
  }
  return text;
}

std::string Utf8Stream::finish() {
  const bool is_cut = !held_.empty();
  held_.clear();
  return is_cut ? std::string(kReplacement) : std::string();
}

}  // namespace plinth::engine
