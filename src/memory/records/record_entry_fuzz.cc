// SPDX-License-Identifier: Apache-2.0
// Foreign bytes as a memory entry: what decodes must encode to something that decodes to the same.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "memory/records/record_entry.h"
#include "memory/records/space_state.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plinth::memory;  // NOLINT(google-build-using-namespace)
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto decoded = decode_space_entry(body);
  if (decoded.is_error()) return 0;
  const std::string once = std::visit([](const auto& entry) { return encode(entry); }, *decoded);
  const auto again = decode_space_entry(once);
  CHECK(again.is_ok());
  CHECK(std::visit([](const auto& entry) { return encode(entry); }, *again) == once);
  SpaceState state("fuzz", 4);
  const plinth::store::StoredEntry stored{
      .sequence = 1, .written = {}, .subject = "mem_fuzz", .body = std::string(body)};
  // An entry that decodes may still be refused, for the length of its vector.
  if (state.apply("origin_fuzz", stored).is_ok()) CHECK(state.size() <= 1);
  return 0;
}
