// SPDX-License-Identifier: Apache-2.0
// Any bytes as an event stream: the same events wherever they are cut, and what is encoded is read
// back.
#include <cstdint>

#include "base/check.h"
#include "http/sse.h"

namespace {

using plinth::http::SseEvent;
using plinth::http::SseParser;

std::vector<SseEvent> events_in_pieces(std::string_view bytes, size_t piece) {
  SseParser parser;
  std::vector<SseEvent> events;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    const auto fed = parser.feed(bytes.substr(at, piece));
    if (fed.is_error()) break;
    events.insert(events.end(), fed->begin(), fed->end());
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = 1 + data[0] % 7;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = events_in_pieces(bytes, bytes.size() + 1);
  const auto cut = events_in_pieces(bytes, piece);
  CHECK(whole.size() == cut.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    CHECK(whole[i].data == cut[i].data && whole[i].event == cut[i].event);
    CHECK(whole[i].id == cut[i].id);
    const auto again = events_in_pieces(plinth::http::encode_sse(whole[i]), piece);
    CHECK(again.size() == 1 && again[0].data == whole[i].data);
  }
  return 0;
}
