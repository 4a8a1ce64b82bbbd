// SPDX-License-Identifier: Apache-2.0
// One space of one tenant: its description in KeyValue, its streams in the journal, and its state,
// read on first use.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "memory/records/space_state.h"
#include "store/store.h"

namespace plinth::memory {

inline constexpr size_t kSpacesPerTenantMax = 1024;

// Fixed when the space is made: all its vectors come from one embedder.
struct SpaceMeta {
  std::string tenant;
  std::string name;
  std::string embedder;
  size_t dimensions = 0;
};

// The descriptions of spaces, as documents TENANT/space/NAME.
class SpaceCatalog {
 public:
  explicit SpaceCatalog(store::KeyValue& key_value) : key_value_(key_value) {}
  Result<std::optional<SpaceMeta>> find(const std::string& tenant, const std::string& name) const;
  // The present description when another caller was first. budget_exhausted at kSpacesPerTenantMax.
  Result<SpaceMeta> find_or_create(const SpaceMeta& wanted);
  Result<std::vector<SpaceMeta>> list(const std::string& tenant) const;

 private:
  store::KeyValue& key_value_;
};

class Space {
 public:
  Space(store::Store& store, SpaceMeta meta) : store_(store), meta_(std::move(meta)) {}

  const SpaceMeta& meta() const { return meta_; }
  Mutex mutex;

  bool is_loaded() const REQUIRES(mutex) { return state_.has_value(); }
  // Reads the streams of all origins, once. After an error the next use tries again.
  Status load() REQUIRES(mutex);
  SpaceState& state() REQUIRES(mutex);  // after load()

  // Appends to this store's own stream; durable on ok. Does not need the mutex: callers share one
  // sync.
  Status append(const std::string& subject, std::string body, const std::string& append_id);
  // Folds in what the own stream has gained.
  Status catch_up() REQUIRES(mutex);
  // Drops the key of a record's text.
  Status erase_text(const std::string& id);

 private:
  store::StreamName stream_of(const std::string& origin) const;
  Status read_on(SpaceState& state, const std::string& origin, store::Sequence& after) const;

  store::Store& store_;
  const SpaceMeta meta_;
  std::optional<SpaceState> state_ GUARDED_BY(mutex);
  store::Sequence own_end_ GUARDED_BY(mutex) = store::kBeginning;
};

}  // namespace plinth::memory
