// SPDX-License-Identifier: Apache-2.0
// Any bytes: Json::parse must not crash, must accept nothing simdjson's DOM parser refuses, and
// what it accepts must survive writing and reading in every layout.
#include <simdjson.h>

#include <cstdint>

#include "base/json.h"

namespace {

bool is_accepted_by_dom(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  const auto error = parser.parse(text.data(), text.size()).get(element);
  // The DOM parser also refuses integers past 64 bits, which RFC 8259 allows.
  return error == simdjson::SUCCESS || error == simdjson::NUMBER_ERROR;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using plinth::Json;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const plinth::Result<Json> parsed = Json::parse(text);
  if (parsed.is_error()) {
    CHECK(!parsed.error().message.empty());
    return 0;
  }
  CHECK(is_accepted_by_dom(text));
  const std::string dumped = parsed->dump();
  const Json again = MUST(Json::parse(dumped), "what the writer writes is JSON");
  CHECK(again == *parsed);
  CHECK(again.dump() == dumped);
  CHECK(again.canonical() == parsed->canonical());
  const Json pretty = MUST(Json::parse(parsed->dump_pretty()), "what the writer writes is JSON");
  CHECK(pretty == *parsed);
  const Json canonical = MUST(Json::parse(parsed->canonical()), "canonical text is JSON");
  CHECK(canonical == *parsed);
  return 0;
}
