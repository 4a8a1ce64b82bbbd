// SPDX-License-Identifier: Apache-2.0
// A store in memory for the tests of this module: journal and keys behave as the contract says, and
// a test can make appends fail, lose acknowledgements or change what is stored.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "store/store.h"

namespace plinth::guard::testing {

class MemoryJournal final : public store::Journal {
 public:
  Result<store::Sequence> append(const store::StreamName& stream, store::Sequence expected,
                                 const std::vector<store::Entry>& entries,
                                 const std::string& append_id) override {
    if (const auto task = before_append()) task();
    MutexLock lock(mutex_);
    ++appends_;
    if (append_error_) return *append_error_;
    if (const auto known = answers_.find(append_id); known != answers_.end()) return known->second;
    auto& stored = streams_[stream];
    const store::Sequence last = stored.empty() ? store::kBeginning : stored.back().sequence;
    if (expected != store::kAnySequence && expected != last) {
      return make_error(ErrorCode::stale, "another writer was here");
    }
    // Sequences have gaps, as a real store's may.
    for (const store::Entry& entry : entries) {
      next_ += 3;
      stored.push_back(store::StoredEntry{next_, WallTime{}, entry.subject, entry.body, false});
    }
    answers_[append_id] = next_;
    if (acknowledgements_to_lose_ > 0) {
      --acknowledgements_to_lose_;
      if (forgets_) answers_.erase(append_id);
      return make_error(ErrorCode::outcome_unknown, "the acknowledgement was lost");
    }
    return next_;
  }

  Result<std::vector<store::StoredEntry>> read(const store::StreamName& stream,
                                               store::Sequence after, size_t limit) const override {
    MutexLock lock(mutex_);
    std::vector<store::StoredEntry> found;
    const auto entries = streams_.find(stream);
    if (entries == streams_.end()) return found;
    for (const store::StoredEntry& entry : entries->second) {
      if (entry.sequence > after && found.size() < std::min(limit, store::kReadEntriesMax)) {
        found.push_back(entry);
      }
    }
    return found;
  }

  Result<store::Sequence> last(const store::StreamName& stream) const override {
    MutexLock lock(mutex_);
    const auto entries = streams_.find(stream);
    if (entries == streams_.end() || entries->second.empty()) return store::kBeginning;
    return entries->second.back().sequence;
  }

  Result<std::vector<store::StreamName>> streams(const std::string&,
                                                 const std::string&) const override {
    return std::vector<store::StreamName>{};
  }
  Result<std::vector<std::string>> tenants() const override { return std::vector<std::string>{}; }
  Status erase_subject(const std::string&, const std::string&) override { return ok(); }

  // Runs at the start of every append, on its thread; may block it.
  void before_each_append(std::function<void()> task) {
    MutexLock lock(mutex_);
    before_append_ = std::move(task);
  }
  void fail_appends(std::optional<Error> error) {
    MutexLock lock(mutex_);
    append_error_ = std::move(error);
  }
  // The next `count` appends are written and answered with outcome_unknown; `forgets` also drops
  // the memory of their ids, as a store may that was down for long.
  void lose_acknowledgements(size_t count, bool forgets) {
    MutexLock lock(mutex_);
    acknowledgements_to_lose_ = count;
    forgets_ = forgets;
  }
  // For a test to look at and to damage, while nothing appends.
  std::vector<store::StoredEntry>& entries(const store::StreamName& stream) {
    MutexLock lock(mutex_);
    return streams_[stream];
  }
  size_t count(const store::StreamName& stream) {
    MutexLock lock(mutex_);
    return streams_[stream].size();
  }
  size_t appends() const {
    MutexLock lock(mutex_);
    return appends_;
  }

 private:
  std::function<void()> before_append() const {
    MutexLock lock(mutex_);
    return before_append_;
  }

  mutable Mutex mutex_;
  std::function<void()> before_append_ GUARDED_BY(mutex_);
  std::map<store::StreamName, std::vector<store::StoredEntry>> streams_ GUARDED_BY(mutex_);
  std::map<std::string, store::Sequence> answers_ GUARDED_BY(mutex_);
  std::optional<Error> append_error_ GUARDED_BY(mutex_);
  size_t acknowledgements_to_lose_ GUARDED_BY(mutex_) = 0;
  bool forgets_ GUARDED_BY(mutex_) = false;
  size_t appends_ GUARDED_BY(mutex_) = 0;
  store::Sequence next_ GUARDED_BY(mutex_) = 0;
};

class MemoryKeyValue final : public store::KeyValue {
 public:
  Result<store::KeyValueItem> get(const std::string& key) const override {
    MutexLock lock(mutex_);
    if (error_) return *error_;
    const auto item = items_.find(key);
    if (item == items_.end()) return make_error(ErrorCode::not_found, "no such key");
    return item->second;
  }

  Result<store::Revision> put(const std::string& key, const std::string& value,
                              store::Revision expected) override {
    store::KeyValueItem item;
    {
      MutexLock lock(mutex_);
      if (error_) return *error_;
      const auto present = items_.find(key);
      const store::Revision now =
          present == items_.end() ? store::kAbsent : present->second.revision;
      if (expected != store::kAnyRevision && expected != now) {
        return make_error(ErrorCode::conflict, "the revision differs");
      }
      item = store::KeyValueItem{key, value, ++revision_};
      items_[key] = item;
    }
    notify(key, item);
    return item.revision;
  }

  Status erase(const std::string& key, store::Revision) override {
    {
      MutexLock lock(mutex_);
      if (error_) return *error_;
      if (items_.erase(key) == 0) return make_error(ErrorCode::not_found, "no such key");
    }
    notify(key, std::nullopt);
    return ok();
  }

  Result<std::vector<store::KeyValueItem>> list(const std::string& prefix,
                                                size_t limit) const override {
    MutexLock lock(mutex_);
    if (error_) return *error_;
    std::vector<store::KeyValueItem> found;
    for (auto item = items_.lower_bound(prefix); item != items_.end(); ++item) {
      if (!item->first.starts_with(prefix) || found.size() == limit) break;
      found.push_back(item->second);
    }
    return found;
  }

  std::unique_ptr<store::Watch> watch(const std::string& prefix,
                                      store::WatchCallback callback) override {
    MutexLock lock(mutex_);
    const uint64_t id = ++next_watch_;
    watches_[id] = {prefix, std::move(callback)};
    return std::make_unique<Handle>(*this, id);
  }

  void fail(std::optional<Error> error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
  }

 private:
  class Handle final : public store::Watch {
   public:
    Handle(MemoryKeyValue& owner, uint64_t id) : owner_(owner), id_(id) {}
    ~Handle() override {
      MutexLock lock(owner_.mutex_);
      owner_.watches_.erase(id_);
    }

   private:
    MemoryKeyValue& owner_;
    uint64_t id_;
  };

  void notify(const std::string& key, const std::optional<store::KeyValueItem>& item) {
    std::vector<store::WatchCallback> called;
    {
      MutexLock lock(mutex_);
      for (const auto& [id, watch] : watches_) {
        if (key.starts_with(watch.first)) called.push_back(watch.second);
      }
    }
    for (const store::WatchCallback& callback : called) callback(key, item);
  }

  mutable Mutex mutex_;
  std::map<std::string, store::KeyValueItem> items_ GUARDED_BY(mutex_);
  std::map<uint64_t, std::pair<std::string, store::WatchCallback>> watches_ GUARDED_BY(mutex_);
  std::optional<Error> error_ GUARDED_BY(mutex_);
  store::Revision revision_ GUARDED_BY(mutex_) = 0;
  uint64_t next_watch_ GUARDED_BY(mutex_) = 0;
};

class MemoryEvents final : public store::Events {
 public:
  void publish(const std::string& topic, std::string payload) override {
    MutexLock lock(mutex_);
    published_.push_back(store::Event{topic, std::move(payload), false});
  }
  std::unique_ptr<store::Subscription> subscribe(const std::string&, size_t) override {
    return nullptr;
  }
  std::vector<store::Event> published() const {
    MutexLock lock(mutex_);
    return published_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<store::Event> published_ GUARDED_BY(mutex_);
};

class MemoryBlobs final : public store::Blobs {
 public:
  Result<std::string> put(const std::string&, std::string_view) override {
    return make_error(ErrorCode::unsupported, "the guard keeps no blobs");
  }
  Result<std::string> get(const std::string&, const std::string&) const override {
    return make_error(ErrorCode::not_found, "no such blob");
  }
};

class MemoryStore final : public store::Store {
 public:
  MemoryJournal& journal() override { return journal_; }
  MemoryKeyValue& key_value() override { return key_value_; }
  store::Blobs& blobs() override { return blobs_; }
  MemoryEvents& events() override { return events_; }
  const std::string& origin() const override { return origin_; }

 private:
  MemoryJournal journal_;
  MemoryKeyValue key_value_;
  MemoryBlobs blobs_;
  MemoryEvents events_;
  std::string origin_ = "origin";
};

}  // namespace plinth::guard::testing
