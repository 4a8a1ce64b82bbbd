// SPDX-License-Identifier: Apache-2.0
// KeyValue on RocksDB: revisions count up over all keys of the store; values are sealed with the
// tenant's key.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "store/embedded/committer.h"
#include "store/embedded/database.h"
#include "store/embedded/key_ring.h"
#include "store/key_value.h"

namespace plinth::store {

inline constexpr size_t kListedMax = 100'000;  // items of one list()

// The watches of one store. Callbacks run on the commit thread, one change at a time, in order of
// commit.
class Watches {
 public:
  struct Watcher {
    Watcher(std::string below, WatchCallback call)
        : prefix(std::move(below)), callback(std::move(call)) {}
    const std::string prefix;
    Mutex mutex;  // held during a callback: ending a watch waits for one that runs
    bool has_ended GUARDED_BY(mutex) = false;
    const WatchCallback callback;
  };

  std::shared_ptr<Watcher> add(const std::string& prefix, WatchCallback callback) EXCLUDES(mutex_);
  void remove(const std::shared_ptr<Watcher>& watcher) EXCLUDES(mutex_);
  void notify(const std::string& key, const std::optional<KeyValueItem>& item) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::vector<std::shared_ptr<Watcher>> watchers_ GUARDED_BY(mutex_);
};

class EmbeddedKeyValue final : public KeyValue {
 public:
  struct Parts {
    Database& database;
    Committer& committer;
    KeyRing& keys;
    const Clock& clock;
  };
  explicit EmbeddedKeyValue(const Parts& parts) : parts_(parts) {}

  Result<KeyValueItem> get(const std::string& key) const override;
  Result<Revision> put(const std::string& key, const std::string& value,
                       Revision expected) override;
  Status erase(const std::string& key, Revision expected) override;
  Result<std::vector<KeyValueItem>> list(const std::string& prefix, size_t limit) const override;
  std::unique_ptr<Watch> watch(const std::string& prefix, WatchCallback callback) override;

 private:
  class Change;
  class WatchHandle;
  class ValueReader;

  Parts parts_;
  // Shared with the handles, which may outlive the store.
  std::shared_ptr<Watches> watches_ = std::make_shared<Watches>();
};

}  // namespace plinth::store
