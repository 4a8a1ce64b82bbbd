// SPDX-License-Identifier: Apache-2.0
// Cuts text into the pieces within which BPE merges, exactly as the pattern a model was trained
// with.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace plinth::engine {

// The patterns as their models publish them (\p{L} letters, \p{N} numbers, \p{M} marks, \p{P}
// punctuation, \p{S} symbols, \s white space). "A, then B" cuts out what A matches, then B within
// every piece.
// gpt2:     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// standard: [\p{P}$+<=>^~|]+, then gpt2, then \p{N}+, then [0-9][0-9][0-9]
// falcon:   [\p{P}$+<=>^~|`]+, then gpt2, then [0-9][0-9][0-9]
// digits_then_gpt2: \p{N}, then gpt2
// llama3:   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
//           | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
// qwen2:    llama3 with \p{N} one at a time; qwen35: and with marks counted as letters
// gpt4o:    with U = [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}], L = [\p{Ll}\p{Lm}\p{Lo}\p{M}] and
//           C = (?i:'s|'t|'re|'ve|'m|'ll|'d):
//           [^\r\n\p{L}\p{N}]?U*L+C?|[^\r\n\p{L}\p{N}]?U+L*C?|\p{N}{1,3}
//           | ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
// tekken:   gpt4o without C and with \p{N} one at a time
// deepseek_llm: [\r\n], then \s?[letters with case]+, then \s?[!-/:-~！-／：-～‘-‟　-。]+, then
// \s+$,
//           then [一-龥ࠀ-一가-퟿]+, then \p{N}+
// deepseek_coder: [\r\n], then \s?\p{L}+, then \s?\p{P}+, then [一-龥ࠀ-一가-퟿]+, then \p{N}
// deepseek3: \p{N}{1,3}, then [一-龥぀-ゟ゠-ヿ]+, then [ASCII punctuation][A-Za-z]+
//           |[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
enum class PrePattern : uint8_t {
  gpt2,
  standard,
  falcon,
  digits_then_gpt2,
  llama3,
  qwen2,
  qwen35,
  gpt4o,
  tekken,
  deepseek_llm,
  deepseek_coder,
  deepseek3,
};

// One row per name that tokenizer.ggml.pre may have.
struct PreTokenizerRow {
  std::string_view name;
  PrePattern pattern;
  bool is_whole_piece_first = false;  // a piece that is a token needs no merges
  bool is_begin_added = false;        // when the file does not say
};

std::span<const PreTokenizerRow> pre_tokenizer_table();
const PreTokenizerRow* find_pre_tokenizer(std::string_view name);

// The pieces cover `text` in order. Bytes that are not UTF-8 count as one character each.
std::vector<std::string_view> pre_tokenize(PrePattern pattern, std::string_view text);

}  // namespace plinth::engine
