// SPDX-License-Identifier: Apache-2.0
// Any text as a URL: never a crash, and what is accepted can be written and read again.
#include <cstdint>

#include "base/check.h"
#include "http/client.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto url = plinth::http::parse_url(text);
  if (url.is_error()) return 0;
  CHECK(!url->host.empty() && url->port != 0 && url->target.starts_with('/'));
  CHECK(url->target.find_first_of("\r\n \t#") == std::string::npos);
  const auto again = plinth::http::parse_url(url->scheme + "://" + url->origin() + url->target);
  CHECK(again.is_ok() && again->host == url->host && again->port == url->port);
  CHECK(again->target == url->target && again->scheme == url->scheme);
  return 0;
}
