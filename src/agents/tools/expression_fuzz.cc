// SPDX-License-Identifier: Apache-2.0
// The calculator on any bytes: ends, and an answer is itself a number it can read.
#include "agents/tools/expression.h"

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto result = plinth::agents::calculate(text);
  if (result.is_error()) return 0;
  // A result in exponent notation is for people, not part of the language.
  if (result->find('e') != std::string::npos) return 0;
  const auto again = plinth::agents::calculate(*result);
  CHECK(again.is_ok());
  return 0;
}
