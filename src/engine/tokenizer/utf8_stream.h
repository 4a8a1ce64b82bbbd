// SPDX-License-Identifier: Apache-2.0
// Turns the bytes of tokens, which may end inside a code point, into valid UTF-8 as early as
// possible.
#pragma once

#include <string>
#include <string_view>

namespace plinth::engine {

class Utf8Stream {
 public:
  // The whole code points so far; an unfinished one is held back. Bytes that are no UTF-8 become
  // U+FFFD.
  std::string feed(std::string_view bytes);
  // What was held back, as U+FFFD: nothing follows.
  std::string finish();

 private:
  std::string held_;  // at most 3 bytes
};

}  // namespace plinth::engine
