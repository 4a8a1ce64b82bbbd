// SPDX-License-Identifier: Apache-2.0
// A key row: format (1 byte), key id (16), then the wrapped key (nonce 24, ciphertext 32, tag 16).
#include "store/embedded/key_ring.h"

#include <algorithm>

#include "store/embedded/bytes.h"
#include "store/embedded/row_keys.h"

namespace plinth::store {
namespace {

constexpr uint8_t kKeyFormat = 1;

std::string_view view(const KeyId& id) {
  return {reinterpret_cast<const char*>(id.data()), id.size()};
}

}  // namespace

Result<SubjectKey> KeyRing::obtain(Batch& batch, const std::string& tenant,
                                   const std::string& subject) {
  const std::string row = subject_row(tenant, subject);
  if (const auto bytes = TRY(batch.get(Table::keys, row))) return decode(row, *bytes);
  SubjectKey made;
  {
    MutexLock lock(mutex_);
    random_.fill(made.id);
    random_.fill({made.key.data(), SecretKey::kBytes});
  }
  std::string bytes(1, static_cast<char>(kKeyFormat));
  bytes.append(view(made.id));
  bytes.append(wrap_key(made.key, master_, make_nonce(), row + std::string(view(made.id))));
  batch.put(Table::keys, row, bytes);
  return made;
}

Result<bool> KeyRing::drop(Batch& batch, const std::string& tenant, const std::string& subject,
                           WallTime now) {
  const std::string row = subject_row(tenant, subject);
  const auto bytes = TRY(batch.get(Table::keys, row));
  if (!bytes) return false;
  ByteReader reader(*bytes);
  reader.byte();
  const auto id = reader.take(kKeyIdBytes);
  if (!id) return make_error(ErrorCode::corrupt, "the key row of subject " + subject + " is cut");
  std::string when;
  append_be64(when, static_cast<uint64_t>(now.unix_ms));
  batch.erase(Table::keys, row);
  batch.put(Table::keys, erased_row(tenant, subject, *id), when);
  return true;
}

Result<std::optional<SecretKey>> KeyRing::find(const std::string& tenant,
                                               const std::string& subject, const KeyId& id) const {
  const auto present = TRY(current(tenant, subject));
  if (present && present->id == id) return std::optional<SecretKey>(present->key);
  const auto erased = TRY(database_.get(Table::keys, erased_row(tenant, subject, view(id))));
  if (erased) return std::optional<SecretKey>{};
  return make_error(ErrorCode::corrupt, "the key of tenant " + tenant + ", subject '" + subject +
                                            "' is missing and was not erased");
}

Result<std::optional<SubjectKey>> KeyRing::current(const std::string& tenant,
                                                   const std::string& subject) const {
  const std::string row = subject_row(tenant, subject);
  const auto bytes = TRY(database_.get(Table::keys, row));
  if (!bytes) return std::optional<SubjectKey>{};
  return std::optional<SubjectKey>(TRY(decode(row, *bytes)));
}

Nonce KeyRing::make_nonce() {
  Nonce nonce;
  MutexLock lock(mutex_);
  random_.fill(nonce);
  return nonce;
}

Result<SubjectKey> KeyRing::decode(const std::string& place, std::string_view bytes) const {
  ByteReader reader(bytes);
  const auto format = reader.byte();
  const auto id = reader.take(kKeyIdBytes);
  if (format != kKeyFormat || !id) {
    return make_error(ErrorCode::corrupt, "a subject's key row is not of format 1");
  }
  SubjectKey subject_key;
  std::copy(id->begin(), id->end(), subject_key.id.begin());
  subject_key.key = TRY(unwrap_key(reader.rest(), master_, place + std::string(*id)));
  return subject_key;
}

}  // namespace plinth::store
