// SPDX-License-Identifier: Apache-2.0
// Any bytes: an answer or an Error, never a crash, a hang or memory beyond the limits.
#include <cstdint>
#include <string_view>

#include "base/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = plinth::Json::parse(text);
  if (parsed.is_ok() && plinth::Json::parse(parsed->dump()).is_error()) __builtin_trap();
  return 0;
}
