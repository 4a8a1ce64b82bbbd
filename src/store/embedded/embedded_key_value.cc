// SPDX-License-Identifier: Apache-2.0
// A value row: revision (8 bytes, big-endian), then a sealed entry whose place is the row key and
// the revision.
#include "store/embedded/embedded_key_value.h"

#include <algorithm>

#include "store/embedded/bytes.h"
#include "store/embedded/entry.h"
#include "store/embedded/row_keys.h"

namespace plinth::store {
namespace {

constexpr std::string_view kRevisionNote = "revision";
constexpr size_t kRowOverheadBytes = 512;

Error bad_value_row(const std::string& key, std::string_view why) {
  return make_error(ErrorCode::corrupt, "the value of key " + key + ": " + std::string(why));
}

Result<Revision> revision_of(const std::string& key, std::string_view row) {
  const auto revision = ByteReader(row).be64();
  if (!revision) return bad_value_row(key, "its row is cut short");
  return *revision;
}

}  // namespace

std::shared_ptr<Watches::Watcher> Watches::add(const std::string& prefix, WatchCallback callback) {
  auto watcher = std::make_shared<Watcher>(prefix, std::move(callback));
  MutexLock lock(mutex_);
  watchers_.push_back(watcher);
  return watcher;
}

void Watches::remove(const std::shared_ptr<Watcher>& watcher) {
  {
    MutexLock lock(watcher->mutex);
    watcher->has_ended = true;
  }
  MutexLock lock(mutex_);
  std::erase(watchers_, watcher);
}

void Watches::notify(const std::string& key, const std::optional<KeyValueItem>& item) {
  std::vector<std::shared_ptr<Watcher>> called;
  {
    MutexLock lock(mutex_);
    for (const auto& watcher : watchers_) {
      if (key.starts_with(watcher->prefix)) called.push_back(watcher);
    }
  }
  for (const auto& watcher : called) {
    MutexLock lock(watcher->mutex);
    if (!watcher->has_ended) watcher->callback(key, item);
  }
}

class EmbeddedKeyValue::WatchHandle final : public Watch {
 public:
  WatchHandle(std::shared_ptr<Watches> watches, std::shared_ptr<Watches::Watcher> watcher)
      : watches_(std::move(watches)), watcher_(std::move(watcher)) {}
  ~WatchHandle() override { watches_->remove(watcher_); }

 private:
  std::shared_ptr<Watches> watches_;
  std::shared_ptr<Watches::Watcher> watcher_;
};

// One put or erase. A put has a value.
class EmbeddedKeyValue::Change final : public Write {
 public:
  Change(EmbeddedKeyValue& store, const std::string& key, const std::string* value,
         Revision expected)
      : store_(store), key_(key), value_(value), expected_(expected) {}

  size_t bytes() const override { return kRowOverheadBytes + (value_ ? value_->size() : 0); }
  Revision revision() const { return revision_; }

  Status prepare(Batch& batch) override {
    const std::string row = value_row(key_);
    const auto present = TRY(batch.get(Table::rows, row));
    const Revision now = present ? TRY(revision_of(key_, *present)) : kAbsent;
    if (value_ == nullptr && now == kAbsent) {
      return make_error(ErrorCode::not_found, "there is no key " + key_);
    }
    if (expected_ != kAnyRevision && expected_ != now) return conflict(now);
    if (value_ == nullptr) {
      batch.erase(Table::rows, row);
      return ok();
    }
    revision_ = TRY(next_revision(batch));
    const std::string tenant = tenant_of_key(key_);
    const SubjectKey key = TRY(store_.parts_.keys.obtain(batch, tenant, {}));
    std::string bytes;
    append_be64(bytes, revision_);
    const EntryHeader header{
        .written = store_.parts_.clock.wall(), .key_id = key.id, .tenant = tenant, .subject = {}};
    bytes.append(
        seal_entry(header, store_.parts_.keys.make_nonce(), key.key, row + bytes, *value_));
    batch.put(Table::rows, row, bytes);
    return ok();
  }

  void committed() override {
    std::optional<KeyValueItem> item;
    if (value_ != nullptr) item = KeyValueItem{key_, *value_, revision_};
    store_.watches_->notify(key_, item);
  }

 private:
  Error conflict(Revision now) const {
    const std::string found =
        now == kAbsent ? "does not exist" : "has revision " + std::to_string(now);
    const std::string wanted = expected_ == kAbsent
                                   ? "was expected not to exist"
                                   : "was expected at revision " + std::to_string(expected_);
    return make_error(ErrorCode::conflict,
                      "key " + key_ + " " + found + " and " + wanted + ": read it again");
  }

  static Result<Revision> next_revision(Batch& batch) {
    const std::string note = note_row(kRevisionNote);
    const auto bytes = TRY(batch.get(Table::rows, note));
    Revision last = 0;
    if (bytes) {
      const auto read = ByteReader(*bytes).be64();
      if (!read) return make_error(ErrorCode::corrupt, "the revision counter is cut short");
      last = *read;
    }
    std::string next;
    append_be64(next, last + 1);
    batch.put(Table::rows, note, next);
    return last + 1;
  }

  EmbeddedKeyValue& store_;
  const std::string& key_;
  const std::string* const value_;
  const Revision expected_;
  Revision revision_ = kAbsent;
};

// Opens value rows; keeps the key of the row before, because neighbours share their tenant.
class EmbeddedKeyValue::ValueReader {
 public:
  explicit ValueReader(const KeyRing& keys) : keys_(keys) {}

  Result<KeyValueItem> read(std::string_view row, std::string_view bytes) {
    KeyValueItem item;
    item.key = key_of_value_row(row);
    item.revision = TRY(revision_of(item.key, bytes));
    Result<std::string> opened = open(row, bytes);
    if (opened.is_error()) return bad_value_row(item.key, opened.error().message);
    item.value = *std::move(opened);
    return item;
  }

 private:
  Result<std::string> open(std::string_view row, std::string_view bytes) {
    const SealedEntry sealed = TRY(decode_entry(bytes.substr(8)));
    if (!key_ || tenant_ != sealed.header.tenant || id_ != sealed.header.key_id) {
      tenant_ = sealed.header.tenant;
      id_ = sealed.header.key_id;
      key_ = TRY(keys_.find(tenant_, {}, id_));
      if (!key_) return make_error(ErrorCode::corrupt, "its tenant's key was dropped");
    }
    return open_entry(sealed, *key_, std::string(row).append(bytes.substr(0, 8)));
  }

  const KeyRing& keys_;
  std::string tenant_;
  KeyId id_{};
  std::optional<SecretKey> key_;
};

Result<KeyValueItem> EmbeddedKeyValue::get(const std::string& key) const {
  TRY(check_key(key));
  const std::string row = value_row(key);
  const auto bytes = TRY(parts_.database.get(Table::rows, row));
  if (!bytes) return make_error(ErrorCode::not_found, "there is no key " + key);
  return ValueReader(parts_.keys).read(row, *bytes);
}

Result<Revision> EmbeddedKeyValue::put(const std::string& key, const std::string& value,
                                       Revision expected) {
  TRY(check_key(key));
  if (value.size() > kValueBytesMax) {
    return make_error(ErrorCode::too_large, "a value of " + std::to_string(value.size()) +
                                                " bytes for key " + key + ": at most " +
                                                std::to_string(kValueBytesMax) + " are allowed");
  }
  Change write(*this, key, &value, expected);
  TRY(parts_.committer.commit(write));
  return write.revision();
}

Status EmbeddedKeyValue::erase(const std::string& key, Revision expected) {
  TRY(check_key(key));
  if (expected == kAbsent) {
    return make_error(ErrorCode::invalid_argument,
                      "erasing key " + key + " expects a revision, not its absence");
  }
  Change write(*this, key, nullptr, expected);
  TRY(parts_.committer.commit(write));
  return ok();
}

Result<std::vector<KeyValueItem>> EmbeddedKeyValue::list(const std::string& prefix,
                                                         size_t limit) const {
  limit = std::min(limit, kListedMax);
  std::vector<KeyValueItem> items;
  if (limit == 0) return items;
  ValueReader reader(parts_.keys);
  const std::string from = value_row(prefix);
  const auto visit = [&](std::string_view row, std::string_view bytes) -> Result<bool> {
    items.push_back(TRY(reader.read(row, bytes)));
    return items.size() < limit;
  };
  TRY(parts_.database.scan(Table::rows, from, prefix_end(from), visit));
  return items;
}

std::unique_ptr<Watch> EmbeddedKeyValue::watch(const std::string& prefix, WatchCallback callback) {
  return std::make_unique<WatchHandle>(watches_, watches_->add(prefix, std::move(callback)));
}

}  // namespace plinth::store
