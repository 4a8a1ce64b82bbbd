// SPDX-License-Identifier: Apache-2.0
// The bytes of a sealed entry, against docs/journal_format.md.
#include "store/embedded/entry.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/random.h"

namespace plinth::store {
namespace {

SecretKey key_of(char fill) { return SecretKey(std::string(SecretKey::kBytes, fill)); }

EntryHeader header_for(const std::string& subject) {
  EntryHeader header{
      .written = {0x0102030405060708}, .key_id = {}, .tenant = "acme", .subject = subject};
  for (size_t i = 0; i < kKeyIdBytes; ++i) header.key_id[i] = static_cast<uint8_t>(0xa0 + i);
  return header;
}

Nonce nonce_of(uint8_t fill) {
  Nonce nonce;
  nonce.fill(fill);
  return nonce;
}

TEST(Entry, has_the_documented_bytes) {
  const std::string bytes = seal_entry(header_for("bob"), nonce_of(7), key_of('k'), "place", "hi");
  EXPECT_EQ(bytes.size(), 1u + 1 + 8 + 16 + 1 + 4 + 1 + 3 + 24 + 2 + 16);
  const std::string text =
      hex({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size() - 2 - kTagBytes});
  EXPECT_EQ(text,
            "0101"
            "0102030405060708"
            "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
            "0461636d65"
            "03626f62"
            "070707070707070707070707070707070707070707070707");
}

TEST(Entry, opens_to_what_was_sealed) {
  const std::string body("any\0bytes", 9);
  const std::string bytes = seal_entry(header_for(""), nonce_of(1), key_of('k'), "place", body);
  const auto decoded = decode_entry(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->header.written.unix_ms, 0x0102030405060708);
  EXPECT_EQ(decoded->header.tenant, "acme");
  EXPECT_EQ(decoded->header.subject, "");
  EXPECT_EQ(*open_entry(*decoded, key_of('k'), "place"), body);
}

TEST(Entry, does_not_open_with_another_key_or_at_another_place) {
  const std::string bytes = seal_entry(header_for("bob"), nonce_of(1), key_of('k'), "place", "hi");
  const auto decoded = decode_entry(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(open_entry(*decoded, key_of('l'), "place").error().code, ErrorCode::corrupt);
  EXPECT_EQ(open_entry(*decoded, key_of('k'), "other").error().code, ErrorCode::corrupt);
}

TEST(Entry, any_flipped_bit_is_noticed) {
  const std::string bytes = seal_entry(header_for("bob"), nonce_of(1), key_of('k'), "place", "hi");
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded = decode_entry(damaged);
    if (decoded.is_error()) {
      EXPECT_EQ(decoded.error().code, ErrorCode::corrupt);
    } else {
      EXPECT_TRUE(open_entry(*decoded, key_of('k'), "place").is_error()) << "bit " << bit;
    }
  }
}

TEST(Entry, any_cut_is_noticed) {
  const std::string bytes = seal_entry(header_for("bob"), nonce_of(1), key_of('k'), "place", "hi");
  for (size_t length = 0; length < bytes.size(); ++length) {
    const auto decoded = decode_entry(std::string_view(bytes).substr(0, length));
    const bool is_opened = decoded.is_ok() && open_entry(*decoded, key_of('k'), "place").is_ok();
    EXPECT_FALSE(is_opened) << "length " << length;
  }
}

TEST(Entry, a_wrapped_key_unwraps_only_with_its_key_and_place) {
  const std::string bytes = wrap_key(key_of('s'), key_of('m'), nonce_of(3), "place");
  EXPECT_EQ(bytes.find(std::string(8, 's')), std::string::npos);
  EXPECT_EQ(unwrap_key(bytes, key_of('m'), "place")->view(), key_of('s').view());
  EXPECT_TRUE(unwrap_key(bytes, key_of('n'), "place").is_error());
  EXPECT_TRUE(unwrap_key(bytes, key_of('m'), "other").is_error());
  EXPECT_TRUE(unwrap_key(bytes.substr(1), key_of('m'), "place").is_error());
  EXPECT_TRUE(unwrap_key("", key_of('m'), "place").is_error());
}

}  // namespace
}  // namespace plinth::store
