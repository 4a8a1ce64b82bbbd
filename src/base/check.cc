// SPDX-License-Identifier: Apache-2.0
// What a failed CHECK does: one line on stderr without allocation, then abort, so that a core shows
// the stack.
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace plinth {

void check_failed(const char* file, int line, std::string_view condition, std::string_view detail) {
  std::fprintf(stderr, "CHECK failed at %s:%d: %.*s%s%.*s\n", file, line,
               static_cast<int>(condition.size()), condition.data(), detail.empty() ? "" : ": ",
               static_cast<int>(detail.size()), detail.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace plinth
