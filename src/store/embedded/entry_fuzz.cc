// SPDX-License-Identifier: Apache-2.0
// Feeds foreign bytes to the decoders of sealed entries, row keys and wrapped keys. Whatever
// decodes must encode to the same header bytes, and must not open with a key it was not sealed
// with.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "store/embedded/entry.h"
#include "store/embedded/row_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plinth::store;  // NOLINT(google-build-using-namespace)
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const SecretKey key(std::string(SecretKey::kBytes, 'f'));
  const auto entry = decode_entry(bytes);
  if (entry.is_ok()) {
    const std::string again = seal_entry(entry->header, entry->nonce, key, "place", "");
    CHECK(std::string_view(again).starts_with(entry->header_bytes));
    CHECK(open_entry(*entry, key, "another place").is_error());
  }
  const auto stream = stream_of_head_row(bytes);
  if (stream.is_ok()) CHECK(head_row(*stream) == bytes);
  CHECK(unwrap_key(bytes, key, "another place").is_error());
  if (check_key(bytes).is_ok()) CHECK(!tenant_of_key(bytes).empty());
  return 0;
}
