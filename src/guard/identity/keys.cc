// SPDX-License-Identifier: Apache-2.0
// API keys in KeyValue: one document per key under "TENANT/key/ID", and one index entry per
// secret's digest under "_system/key_index/DIGEST", which names the tenant and the id.
//
// A secret is 256 random bits, so nobody can guess it from its digest: a slow or salted hash would
// protect only secrets that people choose, and it would forbid the look-up by digest. BLAKE2b of
// the secret is enough.
#include <algorithm>
#include <array>
#include <utility>

#include "base/hash.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "guard/identity.h"
#include "guard/identity/key_form.h"

namespace plinth::guard {
namespace {

using store::KeyValueItem;

constexpr size_t kSecretBytes = 32;
constexpr size_t kSecretTextBytesMax = 256;
constexpr size_t kNameBytesMax = 128;
constexpr size_t kKeysPerTenantMax = 1000;
constexpr size_t kKeysMax = 100'000;
constexpr size_t kFirstLook = 16;
constexpr size_t kTenantsFollowedMax = 10'000;
// No name of a tenant starts like this, so no tenant's keys can lie here.
constexpr std::string_view kSystemTenant = "_system";
constexpr std::array<std::string_view, 3> kRoles = {"agent", "operator", "user"};

std::string document_key(const std::string& tenant, const std::string& id) {
  return tenant + "/key/" + id;
}

std::string index_prefix() { return std::string(kSystemTenant) + "/key_index/"; }

std::string secret_digest(std::string_view secret) { return hex(blake2b(secret)); }

struct StoredKey {
  KeyRecord record;
  std::string digest;
};

Json stored_to_json(const StoredKey& key) {
  Json json = key.record.to_json();
  json.set("created_ms", key.record.created.unix_ms);
  json.set("digest", key.digest);
  return json;
}

Result<StoredKey> stored_from_text(const KeyValueItem& item) {
  const Json json = TRY(Json::parse(item.value));
  StoredKey key;
  key.record.id = TRY(json_field::required_string(json, "id"));
  key.record.tenant = TRY(json_field::required_string(json, "tenant"));
  key.record.name = TRY(json_field::required_string(json, "name"));
  key.digest = TRY(json_field::required_string(json, "digest"));
  key.record.created.unix_ms = json["created_ms"].as_int();
  const Json* is_revoked = json.find("is_revoked");
  key.record.is_revoked = is_revoked == nullptr || is_revoked->as_bool(true);
  for (const Json& role : json["roles"].items()) key.record.roles.insert(role.as_string());
  return key;
}

Error wrong_key() {
  return make_error(ErrorCode::unauthenticated,
                    "the API key is not known or was revoked; ask an operator for a new one");
}

Status check_new_key(const std::string& tenant, const std::string& name,
                     const std::set<std::string>& roles) {
  if (!is_name(tenant)) {
    return make_error(ErrorCode::invalid_argument,
                      "tenant '" + shorten(tenant, 64) +
                          "' is not a name for a tenant: lower-case letters, digits, '.', '_', "
                          "'-'",
                      "tenant");
  }
  if (name.empty() || name.size() > kNameBytesMax || !is_utf8(name)) {
    return make_error(ErrorCode::invalid_argument, "name: expected 1 to 128 bytes of UTF-8 text",
                      "name");
  }
  if (roles.empty()) {
    return make_error(ErrorCode::invalid_argument,
                      "roles: expected at least one of agent, operator, user", "roles");
  }
  for (const std::string& role : roles) {
    if (std::ranges::find(kRoles, role) == kRoles.end()) {
      return make_error(
          ErrorCode::invalid_argument,
          "roles: '" + shorten(role, 64) + "' is not a role; allowed: agent, operator, user",
          "roles");
    }
  }
  return ok();
}

PrincipalKind kind_of(const std::set<std::string>& roles) {
  if (roles.contains("operator")) return PrincipalKind::operator_;
  if (roles.contains("user")) return PrincipalKind::user;
  return PrincipalKind::agent;
}

// Does an entry of the index lead to a key that is not revoked?
Result<bool> is_live(const store::KeyValue& key_value, const KeyValueItem& entry) {
  const Json index = TRY(Json::parse(entry.value));
  const auto document =
      key_value.get(document_key(index["tenant"].as_string(), index["id"].as_string()));
  if (document.is_error()) {
    if (document.error().code == ErrorCode::not_found) return false;
    return document.error();
  }
  return !TRY(stored_from_text(*document)).record.is_revoked;
}

}  // namespace

Json KeyRecord::to_json() const {
  return Json::object({{"id", id},
                       {"tenant", tenant},
                       {"name", name},
                       {"roles", Json::array_of({roles.begin(), roles.end()})},
                       {"created", created.iso8601()},
                       {"is_revoked", is_revoked}});
}

Keys::Keys(store::KeyValue& key_value, const Clock& clock, Random& random)
    : key_value_(key_value),
      clock_(clock),
      random_(random),
      index_watch_(key_value.watch(index_prefix(),
                                   [this](const std::string&, const auto&) { known_.forget(); })) {}

Result<NewKey> Keys::create(const std::string& tenant, const std::string& name,
                            const std::set<std::string>& roles) {
  TRY(check_new_key(tenant, name, roles));
  const auto existing = TRY(key_value_.list(tenant + "/key/", kKeysPerTenantMax));
  if (existing.size() >= kKeysPerTenantMax) {
    return make_error(ErrorCode::too_large, "tenant '" + tenant +
                                                "' has 1000 keys, the most one "
                                                "tenant can have");
  }
  std::array<uint8_t, kSecretBytes> bytes{};
  random_.fill(bytes);
  NewKey key;
  key.secret =
      std::string(kKeyPrefix) +
      base64url(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  key.record =
      KeyRecord{IdSource(clock_, random_).make("key"), tenant, name, roles, clock_.wall(), false};
  const std::string digest = secret_digest(key.secret);
  // The index entry comes last: a crash in between leaves a key nobody was shown and nobody can
  // use.
  TRY(key_value_.put(document_key(tenant, key.record.id),
                     stored_to_json(StoredKey{key.record, digest}).dump(), store::kAbsent));
  TRY(key_value_.put(index_prefix() + digest,
                     Json::object({{"tenant", tenant}, {"id", key.record.id}}).dump(),
                     store::kAbsent));
  return key;
}

Result<Principal> Keys::authenticate(std::string_view secret) const {
  if (!secret.starts_with(kKeyPrefix) || secret.size() > kSecretTextBytesMax) return wrong_key();
  // The look-up's time depends on the digest alone, which tells nothing about the secret; the
  // digest found is then compared in constant time.
  const std::string digest = secret_digest(secret);
  uint64_t changes = 0;
  {
    MutexLock lock(known_.mutex);
    const auto found = known_.principals.find(digest);
    if (found != known_.principals.end()) return found->second;
    changes = known_.changes;
  }
  Principal principal = TRY(find(digest));
  // Whoever revokes this key from now on is heard; what changed while it was read is not kept.
  const bool is_followed = follow(principal.tenant);
  MutexLock lock(known_.mutex);
  if (!is_followed || known_.changes != changes) return principal;
  if (known_.principals.size() >= kKnownMax) known_.principals.clear();
  known_.principals.emplace(digest, principal);
  return principal;
}

Result<Principal> Keys::find(const std::string& digest) const {
  const auto entry = key_value_.get(index_prefix() + digest);
  if (entry.is_error()) {
    if (entry.error().code == ErrorCode::not_found) return wrong_key();
    return entry.error();
  }
  const Json index = TRY(Json::parse(entry->value));
  const auto document =
      key_value_.get(document_key(index["tenant"].as_string(), index["id"].as_string()));
  if (document.is_error()) {
    if (document.error().code == ErrorCode::not_found) return wrong_key();
    return document.error();
  }
  const StoredKey key = TRY(stored_from_text(*document));
  if (!equal_constant_time(key.digest, digest) || key.record.is_revoked) return wrong_key();
  return Principal{key.record.id, key.record.tenant, kind_of(key.record.roles), key.record.roles};
}

// The first time a tenant is followed counts as a change: its keys may have changed before.
bool Keys::follow(const std::string& tenant) const {
  {
    MutexLock lock(known_.mutex);
    if (known_.tenants.contains(tenant)) return true;
    if (known_.tenants.size() >= kTenantsFollowedMax) return false;
  }
  auto watch = key_value_.watch(document_key(tenant, ""),
                                [this](const std::string&, const auto&) { known_.forget(); });
  known_.forget();
  MutexLock lock(known_.mutex);
  known_.tenants.try_emplace(tenant, std::move(watch));
  return true;
}

void Keys::Known::forget() {
  MutexLock lock(mutex);
  ++changes;
  principals.clear();
  has_any.reset();
}

Result<std::vector<KeyRecord>> Keys::list(const std::string& tenant) const {
  if (!is_name(tenant)) {
    return make_error(ErrorCode::invalid_argument, "tenant: not a name", "tenant");
  }
  std::vector<KeyRecord> records;
  for (const KeyValueItem& item : TRY(key_value_.list(tenant + "/key/", kKeysPerTenantMax))) {
    records.push_back(TRY(stored_from_text(item)).record);
  }
  return records;
}

Status Keys::revoke(const std::string& tenant, const std::string& id) {
  const auto missing = [&] {
    return make_error(ErrorCode::not_found,
                      "key '" + shorten(id, 64) + "' does not exist in tenant '" +
                          shorten(tenant, 64) + "'; list the keys to see their ids");
  };
  if (!is_name(tenant) || id.empty() || id.find('/') != std::string::npos) return missing();
  const auto item = key_value_.get(document_key(tenant, id));
  if (item.is_error()) {
    return item.error().code == ErrorCode::not_found ? missing() : item.error();
  }
  StoredKey key = TRY(stored_from_text(*item));
  if (!key.record.is_revoked) {
    key.record.is_revoked = true;
    TRY(key_value_.put(item->key, stored_to_json(key).dump(), item->revision));
  }
  // From here on the key is refused; the index entry only keeps its digest from being looked up
  // again.
  const Status erased = key_value_.erase(index_prefix() + key.digest, store::kAnyRevision);
  if (erased.is_error() && erased.error().code != ErrorCode::not_found) return erased;
  return ok();
}

Result<bool> Keys::has_any() const {
  uint64_t changes = 0;
  {
    MutexLock lock(known_.mutex);
    if (known_.has_any) return *known_.has_any;
    changes = known_.changes;
  }
  const bool has_any = TRY(look_for_any());
  MutexLock lock(known_.mutex);
  if (known_.changes == changes) known_.has_any = has_any;
  return has_any;
}

Result<bool> Keys::look_for_any() const {
  // A revoked key leaves the index, so the first entries answer nearly always.
  for (const size_t limit : {kFirstLook, kKeysMax}) {
    const auto items = TRY(key_value_.list(index_prefix(), limit));
    for (const KeyValueItem& item : items) {
      if (TRY(is_live(key_value_, item))) return true;
    }
    if (items.size() < limit) return false;
  }
  return false;
}

}  // namespace plinth::guard
