// SPDX-License-Identifier: Apache-2.0
#include "engine/tokenizer/space_mark.h"

namespace plinth::engine {

std::string mark_spaces(std::string_view text) {
  std::string marked;
  marked.reserve(text.size() + text.size() / 2);
  for (const char c : text) {
    if (c == ' ') {
      marked += kSpaceMark;
    } else {
      marked += c;
    }
  }
  return marked;
}

std::string unmark_spaces(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (text.substr(at, kSpaceMark.size()) == kSpaceMark) {
      plain += ' ';
      at += kSpaceMark.size();
    } else {
      plain += text[at++];
    }
  }
  return plain;
}

}  // namespace plinth::engine
