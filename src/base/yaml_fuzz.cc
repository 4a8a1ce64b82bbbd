// SPDX-License-Identifier: Apache-2.0
// Any bytes: parse_yaml must not crash, and what it accepts must be a value that Json can write and
// read.
#include <cstdint>

#include "base/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using plinth::Json;
  const plinth::Result<Json> parsed =
      plinth::parse_yaml(std::string_view(reinterpret_cast<const char*>(data), size));
  if (parsed.is_error()) {
    CHECK(!parsed.error().message.empty());
    return 0;
  }
  const Json again = MUST(Json::parse(parsed->dump()), "what the writer writes is JSON");
  CHECK(again == *parsed);
  return 0;
}
