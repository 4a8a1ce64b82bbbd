// SPDX-License-Identifier: Apache-2.0
// Cuts text into the pieces within which BPE merges, exactly as the pattern a model was trained
// with.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace plinth::engine {

// The patterns, in the notation of their sources (\p{L} letters, \p{N} numbers, \s white space):
// gpt2:     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// standard: runs of [\p{P}$+<=>^~|] first, then gpt2, then runs of \p{N}, then groups of three
// [0-9] llama3:   (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
//           | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
// qwen2:    the same with \p{N} one at a time
enum class PrePattern { gpt2, standard, llama3, qwen2 };

// One row per name that tokenizer.ggml.pre may have.
struct PreTokenizerRow {
  std::string_view name;
  PrePattern pattern;
  bool is_whole_piece_first;  // a piece that is a token needs no merges
  bool is_begin_added;        // when the file does not say
};

const PreTokenizerRow* find_pre_tokenizer(std::string_view name);

// The pieces cover `text` in order. Bytes that are not UTF-8 count as one symbol character each.
std::vector<std::string_view> pre_tokenize(PrePattern pattern, std::string_view text);

}  // namespace plinth::engine
