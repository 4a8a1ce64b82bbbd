// SPDX-License-Identifier: Apache-2.0
// CHECK: an invariant of ours that stays checked in release builds. Input from outside never
// reaches one.
#pragma once

#include <string_view>

namespace plinth {

[[noreturn]] void check_failed(const char* file, int line, std::string_view condition,
                               std::string_view detail = {});

}  // namespace plinth

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::plinth::check_failed(__FILE__, __LINE__, #condition); \
  } while (false)
