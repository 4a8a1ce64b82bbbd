// SPDX-License-Identifier: Apache-2.0
// Any bytes as requests: never a crash, the same outcome wherever they are cut, and a request that
// is accepted has one host, one length and a safe path.
#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "http/server/request_reader.h"

namespace {

using plinth::http::RequestLimits;
using plinth::http::RequestReader;
using plinth::http::ServerRequest;

struct Outcome {
  int status = -1;
  size_t taken = 0;
  ServerRequest request;
};

Outcome read_in_pieces(std::string_view bytes, size_t piece) {
  RequestReader reader(RequestLimits{.header_bytes_max = 2048, .body_bytes_max = 4096});
  Outcome outcome;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    outcome.taken += reader.feed(bytes.substr(at, piece));
    if (reader.fault()) {
      outcome.status = reader.fault()->status;
      return outcome;
    }
    if (reader.is_complete()) {
      outcome.status = 0;
      outcome.request = reader.take();
      return outcome;
    }
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = 1 + data[0] % 13;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = read_in_pieces(bytes, bytes.size() + 1);
  const Outcome cut = read_in_pieces(bytes, piece);
  CHECK(whole.status == cut.status);
  if (whole.status != 0) return 0;
  CHECK(whole.taken == cut.taken && whole.request.body == cut.request.body);
  const ServerRequest& request = whole.request;
  const auto count = [&](std::string_view name) {
    return std::count_if(request.headers.begin(), request.headers.end(),
                         [&](const auto& header) { return header.first == name; });
  };
  CHECK(count("host") <= 1 && count("content-length") + count("transfer-encoding") <= 1);
  CHECK(request.path == "*" || request.path.starts_with('/'));
  CHECK((request.path + "/").find("/../") == std::string::npos);
  CHECK(request.path.find('\0') == std::string::npos && request.body.size() <= 4096);
  return 0;
}
