// SPDX-License-Identifier: Apache-2.0
// Cuts a template's source into text and tags, and tags into lexemes. White space around tags is
// handled here: `-` marks, and trim_blocks and lstrip_blocks, both on, as chat templates expect.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace plinth::engine::templates {

struct Lexeme {
  enum class Kind : uint8_t {
    text,          // text between tags
    output_begin,  // {{
    output_end,    // }}
    block_begin,   // {%
    block_end,     // %}
    name,
    integer,
    real,
    string,  // `text` is the string without quotes and escapes
    symbol,  // operator or bracket
    end,
  };
  Kind kind = Kind::end;
  std::string text;
  int line = 1;
};

inline constexpr size_t kSourceBytesMax = 256u << 10;
inline constexpr size_t kLexemesMax = 1u << 16;

// Errors: malformed names the line.
Result<std::vector<Lexeme>> tokenize_template(std::string_view source);

}  // namespace plinth::engine::templates
