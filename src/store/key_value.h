// SPDX-License-Identifier: Apache-2.0
// KeyValue: small documents with revisions, compare-and-set and watches. Keys are
// "tenant/kind/name".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace plinth::store {

using Revision = uint64_t;
inline constexpr Revision kAbsent = 0;  // expected: the key must not exist
inline constexpr Revision kAnyRevision = ~uint64_t{0};
inline constexpr size_t kValueBytesMax = 512u << 10;

struct KeyValueItem {
  std::string key;
  std::string value;
  Revision revision = 0;
};

// Called after each committed change below the prefix, on the committing thread; must not block or
// call back in. An erased key comes with an empty optional.
using WatchCallback =
    std::function<void(const std::string& key, const std::optional<KeyValueItem>&)>;

class Watch {  // ends when destroyed
 public:
  virtual ~Watch() = default;
};

class KeyValue {
 public:
  virtual ~KeyValue() = default;
  virtual Result<KeyValueItem> get(const std::string& key) const = 0;  // not_found
  // Durable on ok. conflict when the current revision is not `expected`. Returns the new revision.
  virtual Result<Revision> put(const std::string& key, const std::string& value,
                               Revision expected) = 0;
  virtual Status erase(const std::string& key, Revision expected) = 0;
  virtual Result<std::vector<KeyValueItem>> list(const std::string& prefix, size_t limit) const = 0;
  virtual std::unique_ptr<Watch> watch(const std::string& prefix, WatchCallback callback) = 0;
};

}  // namespace plinth::store
