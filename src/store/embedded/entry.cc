// SPDX-License-Identifier: Apache-2.0
// Encoding and sealing of entries, over libsodium's XChaCha20-Poly1305 (IETF).
#include "store/embedded/entry.h"

#include <sodium.h>

#include <algorithm>

#include "base/check.h"
#include "store/embedded/bytes.h"
#include "store/embedded/row_keys.h"

namespace plinth::store {
namespace {

static_assert(SecretKey::kBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kNonceBytes == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kTagBytes == crypto_aead_xchacha20poly1305_ietf_ABYTES);

const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// The length in front keeps (place, header) pairs apart that would read the same joined.
std::string associated(std::string_view place, std::string_view header) {
  std::string out;
  out.reserve(8 + place.size() + header.size());
  append_be64(out, place.size());
  out.append(place).append(header);
  return out;
}

void seal_to(std::string& out, std::string_view body, std::string_view extra, const Nonce& nonce,
             const SecretKey& key) {
  const size_t start = out.size();
  out.resize(start + body.size() + kTagBytes);
  unsigned long long written = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(reinterpret_cast<uint8_t*>(out.data() + start),
                                             &written, bytes_of(body), body.size(), bytes_of(extra),
                                             extra.size(), nullptr, nonce.data(), key.data());
  CHECK(written == body.size() + kTagBytes);
}

Result<std::string> open(std::string_view ciphertext, std::string_view extra, const Nonce& nonce,
                         const SecretKey& key) {
  if (ciphertext.size() < kTagBytes) {
    return make_error(ErrorCode::corrupt, "a sealed body is shorter than its tag");
  }
  std::string body(ciphertext.size() - kTagBytes, '\0');
  unsigned long long written = 0;
  const int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(
      reinterpret_cast<uint8_t*>(body.data()), &written, nullptr, bytes_of(ciphertext),
      ciphertext.size(), bytes_of(extra), extra.size(), nonce.data(), key.data());
  if (failed != 0) {
    return make_error(ErrorCode::corrupt,
                      "a sealed body does not match its tag: it was damaged, moved or changed");
  }
  return body;
}

Error not_an_entry(std::string_view why) {
  return make_error(ErrorCode::corrupt, "not a sealed entry: " + std::string(why));
}

}  // namespace

SecretKey::SecretKey(std::string_view bytes) {
  CHECK(bytes.size() == kBytes);
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

SecretKey::~SecretKey() { sodium_memzero(bytes_.data(), bytes_.size()); }

std::string_view SecretKey::view() const {
  return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

std::string seal_entry(const EntryHeader& header, const Nonce& nonce, const SecretKey& key,
                       std::string_view place, std::string_view body) {
  CHECK(!header.tenant.empty() && header.tenant.size() <= kPartBytesMax);
  CHECK(header.subject.size() <= kPartBytesMax);
  std::string out;
  out.reserve(64 + header.tenant.size() + header.subject.size() + body.size() + kTagBytes);
  out.push_back(static_cast<char>(kEntryFormat));
  out.push_back(static_cast<char>(kFlagSealed));
  append_be64(out, static_cast<uint64_t>(header.written.unix_ms));
  out.append(reinterpret_cast<const char*>(header.key_id.data()), kKeyIdBytes);
  out.push_back(static_cast<char>(header.tenant.size()));
  out.append(header.tenant);
  out.push_back(static_cast<char>(header.subject.size()));
  out.append(header.subject);
  const std::string extra = associated(place, out);
  out.append(reinterpret_cast<const char*>(nonce.data()), kNonceBytes);
  seal_to(out, body, extra, nonce, key);
  return out;
}

Result<SealedEntry> decode_entry(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto format = reader.byte();
  if (!format) return not_an_entry("it is empty");
  if (*format != kEntryFormat) {
    return not_an_entry("its format is " + std::to_string(*format) + ", this build reads 1");
  }
  if (reader.byte() != kFlagSealed) return not_an_entry("it has unknown flags");
  const auto written = reader.be64();
  const auto key_id = reader.take(kKeyIdBytes);
  const auto tenant_bytes = reader.byte();
  if (!written || !key_id || !tenant_bytes) return not_an_entry("its header is cut short");
  if (*tenant_bytes == 0 || *tenant_bytes > kPartBytesMax) {
    return not_an_entry("its tenant has an impossible length");
  }
  const auto tenant = reader.take(*tenant_bytes);
  const auto subject_bytes = reader.byte();
  if (!tenant || !subject_bytes) return not_an_entry("its header is cut short");
  if (*subject_bytes > kPartBytesMax) return not_an_entry("its subject has an impossible length");
  const auto subject = reader.take(*subject_bytes);
  const size_t header_size = bytes.size() - reader.rest().size();
  const auto nonce = reader.take(kNonceBytes);
  if (!subject || !nonce || reader.rest().size() < kTagBytes) {
    return not_an_entry("its body is cut short");
  }
  SealedEntry entry;
  entry.header.written.unix_ms = static_cast<int64_t>(*written);
  std::copy(key_id->begin(), key_id->end(), entry.header.key_id.begin());
  entry.header.tenant = *tenant;
  entry.header.subject = *subject;
  std::copy(nonce->begin(), nonce->end(), entry.nonce.begin());
  entry.header_bytes = bytes.substr(0, header_size);
  entry.ciphertext = reader.rest();
  return entry;
}

Result<std::string> open_entry(const SealedEntry& entry, const SecretKey& key,
                               std::string_view place) {
  return open(entry.ciphertext, associated(place, entry.header_bytes), entry.nonce, key);
}

std::string wrap_key(const SecretKey& key, const SecretKey& wrapping, const Nonce& nonce,
                     std::string_view place) {
  std::string out(reinterpret_cast<const char*>(nonce.data()), kNonceBytes);
  seal_to(out, key.view(), associated(place, {}), nonce, wrapping);
  return out;
}

Result<SecretKey> unwrap_key(std::string_view bytes, const SecretKey& wrapping,
                             std::string_view place) {
  ByteReader reader(bytes);
  const auto taken = reader.take(kNonceBytes);
  if (!taken || reader.rest().size() != SecretKey::kBytes + kTagBytes) {
    return make_error(ErrorCode::corrupt, "a wrapped key has the wrong length");
  }
  Nonce nonce;
  std::copy(taken->begin(), taken->end(), nonce.begin());
  std::string opened = TRY(open(reader.rest(), associated(place, {}), nonce, wrapping));
  SecretKey key(opened);
  sodium_memzero(opened.data(), opened.size());
  return key;
}

}  // namespace plinth::store
