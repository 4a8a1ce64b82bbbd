// SPDX-License-Identifier: Apache-2.0
// Any bytes as a server's answer: never a crash, and the same outcome wherever they are cut.
#include <cstdint>

#include "base/check.h"
#include "http/client/response_reader.h"

namespace {

struct Outcome {
  bool is_ok = true;
  bool is_complete = false;
  int status = 0;
  std::string body;
};

Outcome read_in_pieces(std::string_view bytes, size_t piece) {
  plinth::http::ResponseReader reader(false);
  Outcome outcome;
  for (size_t at = 0; at < bytes.size() && outcome.is_ok; at += piece) {
    outcome.is_ok = reader.feed(bytes.substr(at, piece)).is_ok();
  }
  if (outcome.is_ok) outcome.is_ok = reader.end().is_ok();
  outcome.is_complete = outcome.is_ok && reader.is_complete();
  if (!outcome.is_complete) return outcome;
  outcome.status = reader.status();
  outcome.body = reader.take_body();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = 1 + data[0] % 13;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = read_in_pieces(bytes, bytes.size() + 1);
  const Outcome cut = read_in_pieces(bytes, piece);
  CHECK(whole.is_complete == cut.is_complete);
  CHECK(whole.status == cut.status && whole.body == cut.body);
  return 0;
}
