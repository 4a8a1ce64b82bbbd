// SPDX-License-Identifier: Apache-2.0
// A sealed entry: the bytes in which a journal entry, a value or a blob lies on disk. A clear
// header, then the body sealed with the subject's key (XChaCha20-Poly1305). docs/journal_format.md
// states it byte by byte.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace plinth::store {

inline constexpr uint8_t kEntryFormat = 1;
inline constexpr uint8_t kFlagSealed = 1;  // always set; every other bit must be zero
inline constexpr size_t kKeyIdBytes = 16;
inline constexpr size_t kNonceBytes = 24;
inline constexpr size_t kTagBytes = 16;

using KeyId = std::array<uint8_t, kKeyIdBytes>;
using Nonce = std::array<uint8_t, kNonceBytes>;

// 32 secret bytes, wiped from RAM when the object ends.
class SecretKey {
 public:
  static constexpr size_t kBytes = 32;
  SecretKey() = default;
  explicit SecretKey(std::string_view bytes);  // exactly kBytes
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();

  const uint8_t* data() const { return bytes_.data(); }
  uint8_t* data() { return bytes_.data(); }
  std::string_view view() const;

 private:
  std::array<uint8_t, kBytes> bytes_{};
};

struct EntryHeader {
  WallTime written;
  KeyId key_id{};
  std::string tenant;
  std::string
      subject;  // an identifier, never user text: it stays readable after the subject is erased
};

struct SealedEntry {
  EntryHeader header;
  Nonce nonce{};
  std::string_view header_bytes;  // views of the decoded bytes
  std::string_view ciphertext;    // with the tag
};

// `place` is where the bytes will lie (row key, blob digest); it is authenticated with the header,
// so that an entry copied to another place does not open.
std::string seal_entry(const EntryHeader& header, const Nonce& nonce, const SecretKey& key,
                       std::string_view place, std::string_view body);
Result<SealedEntry> decode_entry(std::string_view bytes);  // corrupt
Result<std::string> open_entry(const SealedEntry& entry, const SecretKey& key,
                               std::string_view place);  // corrupt

// A key sealed with another key: nonce, then ciphertext with tag.
std::string wrap_key(const SecretKey& key, const SecretKey& wrapping, const Nonce& nonce,
                     std::string_view place);
Result<SecretKey> unwrap_key(std::string_view bytes, const SecretKey& wrapping,
                             std::string_view place);  // corrupt

}  // namespace plinth::store
