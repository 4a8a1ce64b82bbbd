// SPDX-License-Identifier: Apache-2.0
// A blob is written once and never changed; the same bytes again are the same blob.
#include "store/embedded/embedded_blobs.h"

#include <algorithm>

#include "base/hash.h"
#include "store/embedded/entry.h"
#include "store/embedded/row_keys.h"

namespace plinth::store {
namespace {

constexpr int kFolderMode = 0700;
constexpr int kFileMode = 0600;
constexpr size_t kRowOverheadBytes = 512;

bool is_digest(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string place_of(const std::string& digest) { return "blob " + digest; }

}  // namespace

// Makes the tenant's key durable before anything is sealed with it.
class EmbeddedBlobs::EnsureKey final : public Write {
 public:
  EnsureKey(KeyRing& keys, const std::string& tenant) : keys_(keys), tenant_(tenant) {}
  size_t bytes() const override { return kRowOverheadBytes; }
  const SubjectKey& key() const { return key_; }
  Status prepare(Batch& batch) override {
    key_ = TRY(keys_.obtain(batch, tenant_, {}));
    return ok();
  }

 private:
  KeyRing& keys_;
  const std::string& tenant_;
  SubjectKey key_;
};

Result<std::string> EmbeddedBlobs::put(const std::string& tenant, std::string_view bytes) {
  TRY(check_tenant(tenant));
  if (bytes.size() > kBlobBytesMax) {
    return make_error(ErrorCode::too_large, "a blob of " + std::to_string(bytes.size()) +
                                                " bytes: at most " + std::to_string(kBlobBytesMax) +
                                                " are allowed");
  }
  std::string digest = hex(sha256(bytes));
  const std::string folder = folder_of(tenant, digest);
  const std::string path = folder + "/" + digest;
  if (parts_.disk.exists(path)) return digest;
  EnsureKey ensure(parts_.keys, tenant);
  TRY(parts_.committer.commit(ensure));
  const EntryHeader header{
      .written = parts_.clock.wall(), .key_id = ensure.key().id, .tenant = tenant, .subject = {}};
  TRY(parts_.disk.create_folders(folder, kFolderMode));
  TRY(parts_.disk.write_file_atomic(
      path, seal_entry(header, parts_.keys.make_nonce(), ensure.key().key, place_of(digest), bytes),
      kFileMode));
  return digest;
}

Result<std::string> EmbeddedBlobs::get(const std::string& tenant, const std::string& digest) const {
  TRY(check_tenant(tenant));
  if (!is_digest(digest)) {
    return make_error(ErrorCode::invalid_argument,
                      "a blob's digest has 64 lower-case hexadecimal digits", "digest");
  }
  const std::string path = folder_of(tenant, digest) + "/" + digest;
  if (!parts_.disk.exists(path)) {
    return make_error(ErrorCode::not_found, "tenant " + tenant + " has no blob " + digest);
  }
  const std::string bytes = TRY(parts_.disk.read_file(path));
  const auto damaged = [&](std::string_view why) {
    return make_error(ErrorCode::corrupt, "blob " + digest + ": " + std::string(why));
  };
  const Result<SealedEntry> sealed = decode_entry(bytes);
  if (sealed.is_error()) return damaged(sealed.error().message);
  const auto key = TRY(parts_.keys.find(tenant, {}, sealed->header.key_id));
  if (!key) return damaged("its tenant's key was dropped");
  Result<std::string> body = open_entry(*sealed, *key, place_of(digest));
  if (body.is_error()) return damaged(body.error().message);
  return body;
}

std::string EmbeddedBlobs::folder_of(const std::string& tenant, const std::string& digest) const {
  return parts_.folder + "/" + tenant + "/" + digest.substr(0, 2);
}

}  // namespace plinth::store
